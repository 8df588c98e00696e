using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>Keeps what a machine says.</summary>
/// <remarks>
/// A log that has grown large makes room: it becomes <c>console.log.1</c>, in the place of the one that was that. A disk that is full ends
/// no program: what cannot be written is lost, and the log says how much once there is room again.
/// </remarks>
/// <param name="path">The file; it is appended to.</param>
/// <param name="mostBytes">At which it makes room.</param>
internal sealed class LogWriter(string path, long mostBytes = LogWriter.UsualBytes) : IDisposable
{
    public const long UsualBytes = 32L << 20;

    private const uint Permissions = 0x180;

    private readonly MemoryStream _lines = new();
    private readonly Lock _lock = new();
    private int _descriptor = Open(path);
    private long _length = FileStatus.TryFollow(path, out FileStatus status) ? status.Size : 0;
    private long _lost;

    /// <summary>Bytes that could not be written, and that the log does not tell of yet.</summary>
    public long LostBytes => _lost;

    /// <summary>Appends bytes of a stream, with the time.</summary>
    public void Write(string stream, ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            _lines.SetLength(0);
            if (_lost > 0)
            {
                byte[] notice = HostText.ToBytes($"semitone: {_lost} bytes of output are lost\n");
                LogRecord.Write(_lines, DateTimeOffset.UtcNow, LogRecord.StandardError, notice);
            }

            LogRecord.Write(_lines, DateTimeOffset.UtcNow, stream, bytes);
            ReadOnlySpan<byte> lines = _lines.GetBuffer().AsSpan(0, (int)_lines.Length);
            if (_length > 0 && _length + lines.Length > mostBytes)
            {
                MakeRoom();
            }

            if (Descriptor.TryWrite(_descriptor, lines))
            {
                _length += lines.Length;
                _lost = 0;
            }
            else
            {
                // Half a line may be there: it is cut off, so that the next one begins a line.
                LibC.ftruncate(_descriptor, _length);
                _lost += bytes.Length;
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            LibC.close(_descriptor);
            _descriptor = -1;
        }
    }

    private static int Open(string path) => LibC.open(
        HostText.ToCString(path), LibC.O_WRONLY | LibC.O_CREAT | LibC.O_APPEND | LibC.O_CLOEXEC, Permissions);

    private void MakeRoom()
    {
        LibC.rename(HostText.ToCString(path), HostText.ToCString(path + ".1"));
        int descriptor = Open(path);
        if (descriptor >= 0)
        {
            LibC.close(_descriptor);
            _descriptor = descriptor;
            _length = 0;
        }
    }
}
