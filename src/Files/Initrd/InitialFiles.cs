using Semitone.Abi;
using Semitone.Cpio;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The files of an initrd that has been read into a tree, of which only the directories and names exist so far.</summary>
/// <remarks>A file's inode is made from its header when it is first looked up; its pages are the initrd's own.</remarks>
internal sealed class InitialFiles(RamFileSystem fileSystem, InitialRamDiskSource source)
{
    private const ulong FirstInodeNumber = 16;
    private const long NsPerSecond = 1_000_000_000;

    private readonly CpioReader _reader = new(source);

    /// <summary>The inode number of the file whose header stands at an offset: known before the inode is made.</summary>
    public static ulong GetInodeNumber(long headerOffset) => FirstInodeNumber + (ulong)headerOffset;

    /// <summary>One more than any number that an archive of this length brings.</summary>
    public static ulong GetEndOfNumbers(long length) => GetInodeNumber(length) + 1;

    /// <summary>Makes the inode of a file from its header, which was checked when the tree was made.</summary>
    public Inode Make(long headerOffset)
    {
        _reader.Seek(headerOffset);
        _reader.Read(out CpioEntry entry, out _);
        return Make(in entry);
    }

    public Inode Make(in CpioEntry entry)
    {
        ulong number = GetInodeNumber(entry.HeaderOffset);
        if (entry.DataLength == 0 || !IsRegular(in entry))
        {
            return Make(fileSystem, number, source, in entry);
        }
        RamFile file = new(fileSystem, number, (Mode)entry.Mode, GetRange(in entry));
        SetAttributes(file, in entry);
        return file;
    }

    /// <summary>Makes the inode of any file but a directory; that of a regular file is empty.</summary>
    public static Inode Make(RamFileSystem fileSystem, ulong number, ICpioSource source, in CpioEntry entry)
    {
        Mode mode = (Mode)entry.Mode;
        Inode inode;
        switch (mode & Mode.S_IFMT)
        {
            case Mode.S_IFREG:
                inode = new RamFile(fileSystem, number, mode);
                break;
            case Mode.S_IFLNK:
                byte[] target = new byte[entry.DataLength];
                CpioReader.Copy(source, entry.DataOffset, target);
                inode = new RamSymbolicLink(fileSystem, number, target);
                break;
            case Mode.S_IFIFO:
                inode = new FifoInode(fileSystem, number, mode);
                break;
            default:
                inode = new DeviceInode(fileSystem, number, mode, new DeviceNumber(entry.TargetMajor, entry.TargetMinor));
                break;
        }
        SetAttributes(inode, in entry);
        return inode;
    }

    public static bool IsRegular(in CpioEntry entry) => ((Mode)entry.Mode & Mode.S_IFMT) == Mode.S_IFREG;

    /// <summary>Where a file's data lies.</summary>
    public PhysicalRange GetRange(in CpioEntry entry) => source.GetRange(entry.DataOffset, entry.DataLength);

    /// <summary>Gives a file in memory what the archive says of it. It came into being with its file system.</summary>
    public static void SetAttributes(Inode inode, in CpioEntry entry)
    {
        inode.UserId = entry.Uid;
        inode.GroupId = entry.Gid;
        inode.SetTimes(entry.ModifiedTime * NsPerSecond);
        inode.CreatedNs = ((RamFileSystem)inode.FileSystem).CreatedNs;
    }
}

/// <summary>An initrd as it lies in memory.</summary>
internal sealed class InitialRamDiskSource(FramePool frames, PhysicalRange range) : ICpioSource
{
    private readonly FrameWindow _window = new();

    public long Length => range.Length;

    public ReadOnlySpan<byte> GetPiece(long offset)
    {
        long position = range.Offset + offset;
        int inFrame = (int)(position & (long)Paging.PageMask);
        return _window.Get(frames, range[position >> Paging.PageShift], inFrame, range.Length - offset);
    }

    /// <summary>Where a part of it lies.</summary>
    public PhysicalRange GetRange(long offset, long length) => range.Slice(offset, length);
}
