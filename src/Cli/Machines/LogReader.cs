using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>Reads a machine's log, from what there is to what comes.</summary>
/// <param name="path">The file.</param>
internal sealed class LogReader(string path) : IDisposable
{
    private readonly byte[] _buffer = new byte[256 * 1024];
    private FileStream? _file;
    private ulong _inode;
    private int _filled;

    /// <summary>Takes a record.</summary>
    public delegate void Taker(LogRecord record);

    /// <summary>Goes to the start of all that is kept.</summary>
    public void SeekStart() => Open(HostFile.Exists(path + ".1") ? path + ".1" : path);

    /// <summary>Goes behind what there is.</summary>
    public void SeekEnd()
    {
        Open(path);
        _file?.Seek(0, SeekOrigin.End);
    }

    /// <summary>Reads what there is, and gives the last lines of it.</summary>
    /// <param name="lines">How many; one that is not finished counts where it is the last.</param>
    /// <param name="take">Takes them.</param>
    public void ReadLast(long lines, Taker take)
    {
        Queue<byte[]> kept = new();
        long whole = 0;
        SeekStart();
        Read(record =>
        {
            kept.Enqueue(record.Line.ToArray());
            whole += record.IsWhole ? 1 : 0;
            while (kept.Count > 0 && whole + (record.IsWhole ? 0 : 1) > lines)
            {
                bool wasWhole;
                do
                {
                    wasWhole = LogRecord.TryParse(kept.Dequeue(), out LogRecord oldest) && oldest.IsWhole;
                }
                while (!wasWhole && kept.Count > 0);
                whole -= wasWhole ? 1 : 0;
            }
        });
        foreach (byte[] line in kept)
        {
            if (LogRecord.TryParse(line, out LogRecord record))
            {
                take(record);
            }
        }
    }

    /// <summary>Reads what there is.</summary>
    /// <returns>False when that was nothing.</returns>
    public bool Read(Taker take)
    {
        bool hasRead = false;
        if (_file is null)
        {
            Open(path);
        }

        while (_file is not null)
        {
            hasRead |= ReadSome(take);
            if (!FileStatus.TryFollow(path, out FileStatus status) || status.Inode == _inode)
            {
                break;
            }

            // The log has made room: this file gets nothing more.
            hasRead |= ReadSome(take);
            OpenNext();
        }

        return hasRead;
    }

    public void Dispose() => _file?.Dispose();

    /// <summary>Goes from the older file to the newer one.</summary>
    /// <returns>False when this is the newer one.</returns>
    private bool OpenNext()
    {
        if (!FileStatus.TryFollow(path, out FileStatus status) || status.Inode == _inode)
        {
            return false;
        }

        Open(path);
        return _file is not null;
    }

    private void Open(string file)
    {
        _file?.Dispose();
        _file = null;
        _filled = 0;
        try
        {
            _file = HostFile.OpenStream(file);
            _inode = FileStatus.TryReadOpen((int)_file.SafeFileHandle.DangerousGetHandle(), out FileStatus status) ? status.Inode : 0;
        }
        catch (IOException)
        {
            // Nothing was said yet.
        }
    }

    /// <summary>Reads records; of a line that is not finished yet nothing is taken.</summary>
    private bool ReadSome(Taker take)
    {
        bool hasRead = false;
        while (_file is not null)
        {
            int count = _file.Read(_buffer.AsSpan(_filled));
            _filled += count;
            ReadOnlySpan<byte> data = _buffer.AsSpan(0, _filled);
            int taken = 0;
            int end;
            while ((end = data[taken..].IndexOf((byte)'\n')) >= 0)
            {
                if (LogRecord.TryParse(data.Slice(taken, end), out LogRecord record))
                {
                    take(record);
                }

                taken += end + 1;
                hasRead = true;
            }

            // No line of ours is as long as the buffer: something else is in the file.
            taken = taken == 0 && _filled == _buffer.Length ? _filled : taken;
            data[taken..].CopyTo(_buffer);
            _filled -= taken;
            if (count == 0)
            {
                break;
            }
        }

        return hasRead;
    }
}
