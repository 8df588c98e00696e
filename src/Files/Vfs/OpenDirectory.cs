using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An open directory. Its offset is 0 at ".", 1 at "..", and then the directory's own positions, shifted by 2.</summary>
public class OpenDirectory(DirectoryInode directory, OpenFlags flags) : OpenFile(directory, flags)
{
    private const int OwnEntries = 2;

    public override bool IsSeekable => true;

    public override bool IsPollable => false;

    public override IoResult Read(ref IoCursor destination) => Errno.EISDIR;

    public override IoResult ReadAt(ref IoCursor destination, long offset) => Errno.EISDIR;

    public override ChangeResult Synchronize() => Errno.None;

    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        switch (origin)
        {
            case SeekWhence.SEEK_SET:
                break;
            case SeekWhence.SEEK_CUR:
                if (offset > long.MaxValue - Offset)
                {
                    return Errno.EOVERFLOW;
                }
                offset += Offset;
                break;
            default:
                return Errno.EINVAL;
        }
        if (offset < 0)
        {
            return Errno.EINVAL;
        }
        Offset = offset;
        position = offset;
        return Errno.None;
    }

    public override bool TryGetEntry(out DirectoryEntry entry, out long nextOffset)
    {
        if (Offset < OwnEntries)
        {
            nextOffset = Offset + 1;
            entry = Offset == 0
                ? new DirectoryEntry("."u8, directory.Number, DirentType.DT_DIR)
                : new DirectoryEntry(".."u8, (directory.Parent ?? directory).Number, DirentType.DT_DIR);
            return true;
        }
        long position = Offset - OwnEntries;
        bool found = directory.TryGetEntry(ref position, out entry);
        nextOffset = position + OwnEntries;
        return found;
    }
}
