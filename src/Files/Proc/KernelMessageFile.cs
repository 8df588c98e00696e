using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>/proc/kmsg: the log as syslog(2) reads it (proc_kmsg(5)).</summary>
internal sealed class KernelMessageFile(ProcFileSystem fileSystem, ulong number) : Inode(fileSystem, number, Mode.S_IFREG | (Mode)0x100)
{
    public override ChangeResult SetSize(long size) => Errno.None;

    public override Errno CheckRightsChange() => Errno.EPERM;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = null;
        FileServices services = FileSystem.Services;
        if (services.Log is not { } log)
        {
            return Errno.ENXIO;
        }

        if (services.Caller is { ReadsLog: false })
        {
            return Errno.EPERM;
        }

        file = new OpenKernelMessages(this, flags, log);
        return Errno.None;
    }
}

/// <summary>/proc/kmsg, opened.</summary>
internal sealed class OpenKernelMessages(Inode inode, OpenFlags flags, SystemLog log) : OpenFile(inode, flags)
{
    public override bool IsSeekable => true;

    public override Errno MapError => Errno.EIO;

    public override IoResult Read(ref IoCursor destination) => log.Read(ref destination);

    public override IoResult ReadAt(ref IoCursor destination, long offset) => Read(ref destination);

    public override IoResult Write(ref IoCursor source) => Errno.EIO;

    public override IoResult WriteAt(ref IoCursor source, long offset) => Errno.EIO;

    /// <summary>Moves an offset that says nothing about what is read.</summary>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        long start = origin == SeekWhence.SEEK_CUR ? Offset : 0;
        position = 0;
        if (origin is not (SeekWhence.SEEK_SET or SeekWhence.SEEK_CUR or SeekWhence.SEEK_END)
            || (offset > 0 && start > long.MaxValue - offset)
            || start + offset < 0)
        {
            return Errno.EINVAL;
        }

        Offset = start + offset;
        position = Offset;
        return Errno.None;
    }

    public override PollEvents Poll() => log.HasUnread ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;

    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(log.Readable);
}
