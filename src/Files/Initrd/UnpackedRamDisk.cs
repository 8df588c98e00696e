using Semitone.Abi;
using Semitone.Cpio;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A compressed initrd, unpacked into frames that are freed as the files are copied out of them.</summary>
internal sealed class UnpackedRamDisk(FramePool frames) : ICpioSource
{
    private readonly List<Frame> _frames = [];
    private readonly FrameWindow _window = new();
    private readonly byte[] _page = new byte[Paging.PageSize];
    private int _freed;

    public long Length { get; private set; }

    public ReadOnlySpan<byte> GetPiece(long offset)
    {
        int inFrame = (int)(offset & (long)Paging.PageMask);
        long left = Length - offset;
        return _window.Get(frames, _frames[(int)(offset >> Paging.PageShift)], inFrame, left);
    }

    /// <summary>Unpacks one gzip member.</summary>
    /// <param name="offset">Of its start; moved behind it.</param>
    public CpioError Unpack(ICpioSource source, ref long offset)
    {
        GzipReader reader = new(source, offset);
        while (reader.TryRead(out ReadOnlySpan<byte> piece))
        {
            if (piece.IsEmpty)
            {
                offset = reader.Offset;
                return CpioError.None;
            }
            if (!TryAppend(piece))
            {
                return CpioError.OutOfMemory;
            }
        }
        offset = reader.Offset;
        return reader.Error;
    }

    /// <summary>Makes a file with a copy of its data.</summary>
    public CpioError Make(RamFileSystem fileSystem, in CpioEntry entry, out Inode? inode)
    {
        inode = InitialFiles.Make(fileSystem, fileSystem.NextInodeNumber(), this, in entry);
        return inode is RamFile file ? Copy(file, in entry) : CpioError.None;
    }

    /// <summary>Copies an entry's data into a file.</summary>
    public CpioError Copy(RamFile file, in CpioEntry entry)
    {
        long offset = 0;
        while (offset < entry.DataLength)
        {
            int count = (int)Math.Min(Paging.PageSize, entry.DataLength - offset);
            CpioReader.Copy(this, entry.DataOffset + offset, _page.AsSpan(0, count));
            IoCursor cursor = IoCursor.OverKernel(_page, 0, count);
            if (file.Write(offset, ref cursor) != Errno.None)
            {
                return CpioError.OutOfMemory;
            }
            offset += count;
            FreeUpTo(entry.DataOffset + offset);
        }
        InitialFiles.SetAttributes(file, in entry);
        file.Mode = (Mode)entry.Mode;
        return CpioError.None;
    }

    /// <summary>Frees the frames in front of an offset.</summary>
    public void FreeUpTo(long offset)
    {
        for (; _freed < offset >> Paging.PageShift && _freed < _frames.Count; _freed++)
        {
            frames.Release(_frames[_freed]);
        }
    }

    public void FreeAll() => FreeUpTo(long.MaxValue);

    private bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int inFrame = (int)(Length & (long)Paging.PageMask);
            if (inFrame == 0)
            {
                if (!frames.TryAllocate(out Frame frame))
                {
                    return false;
                }
                _frames.Add(frame);
            }
            int count = Math.Min(bytes.Length, Paging.PageSize - inFrame);
            frames.Write(_frames[^1], inFrame, bytes[..count]);
            bytes = bytes[count..];
            Length += count;
        }
        return true;
    }
}
