using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An open regular file.</summary>
public class OpenRegularFile(RegularFileInode inode, OpenFlags flags) : OpenFile(inode, flags)
{
    /// <summary>Whether it keeps the file from being executed: what memfd_create(2) opened does not.</summary>
    internal bool IsCountedWriter { get; set; }

    public override bool IsSeekable => true;

    public override bool IsPollable => false;

    public override bool AllowsDirect => true;

    public override MemoryObject? Mappable => inode.Pages;

    public override bool AllowsSharedWriting =>
        inode is not RamFile { Seals: var seals } || (seals & (MemfdSeals.F_SEAL_WRITE | MemfdSeals.F_SEAL_FUTURE_WRITE)) == 0;

    public override IoResult Read(ref IoCursor destination)
    {
        if (destination.Remaining > long.MaxValue - Offset)
        {
            return Errno.EINVAL;
        }
        Errno error = inode.Read(Offset, ref destination);
        Offset += destination.Moved;
        NoteAccess(destination.Moved);
        return destination.ToResult(error);
    }

    public override IoResult ReadAt(ref IoCursor destination, long offset)
    {
        Errno error = inode.Read(offset, ref destination);
        NoteAccess(destination.Moved);
        return destination.ToResult(error);
    }

    public override IoResult Write(ref IoCursor source)
    {
        long offset = IsAppending ? inode.Size : Offset;
        if (source.Remaining > long.MaxValue - Offset)
        {
            return Errno.EINVAL;
        }
        Errno error = inode.Write(offset, ref source);
        Offset = offset + source.Moved;
        NoteWritten(source.Moved);
        return source.ToResult(error);
    }

    public override IoResult WriteAt(ref IoCursor source, long offset)
    {
        Errno error = inode.Write(IsAppending ? inode.Size : offset, ref source);
        NoteWritten(source.Moved);
        return source.ToResult(error);
    }

    public override ChangeResult Synchronize() => Errno.None;

    public override Errno Allocate(FallocateMode mode, long offset, long length) =>
        Tell(inode.Allocate(mode, offset, length));

    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        long start;
        switch (origin)
        {
            case SeekWhence.SEEK_SET:
                start = 0;
                break;
            case SeekWhence.SEEK_CUR:
                start = Offset;
                break;
            case SeekWhence.SEEK_END:
                start = inode.Size;
                break;
            case SeekWhence.SEEK_DATA or SeekWhence.SEEK_HOLE:
                long found = offset < 0 || offset >= inode.Size ? -1 : inode.FindData(offset, origin == SeekWhence.SEEK_DATA);
                if (found < 0)
                {
                    return Errno.ENXIO;
                }
                Offset = found;
                position = found;
                return Errno.None;
            default:
                return Errno.EINVAL;
        }
        if (offset > 0 && start > long.MaxValue - offset)
        {
            return Errno.EOVERFLOW;
        }
        if (start + offset < 0)
        {
            return Errno.EINVAL;
        }
        Offset = start + offset;
        position = Offset;
        return Errno.None;
    }

    /// <summary>Tells those who watch the file that bytes of it were written.</summary>
    protected void NoteWritten(long bytes)
    {
        if (bytes > 0)
        {
            inode.Notify(InotifyMask.IN_MODIFY);
        }
    }

    private Errno Tell(Errno result)
    {
        if (result == Errno.None)
        {
            inode.Notify(InotifyMask.IN_MODIFY);
        }
        return result;
    }

    private void NoteAccess(long bytes)
    {
        if (bytes > 0)
        {
            inode.Notify(InotifyMask.IN_ACCESS);
        }
        if ((Flags & OpenFlags.O_NOATIME) == 0)
        {
            inode.TouchAccessed();
        }
    }

    protected override void OnClosed() => inode.KeepClosed(this);
}
