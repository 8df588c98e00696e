using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls of inotify(7).</summary>
public static class InotifySyscalls
{
    private const InotifyMask Known = InotifyMask.IN_ALL_EVENTS | InotifyMask.IN_UNMOUNT | InotifyMask.IN_Q_OVERFLOW
        | InotifyMask.IN_IGNORED | InotifyMask.IN_ONLYDIR | InotifyMask.IN_DONT_FOLLOW | InotifyMask.IN_EXCL_UNLINK
        | InotifyMask.IN_MASK_CREATE | InotifyMask.IN_MASK_ADD | InotifyMask.IN_ISDIR | InotifyMask.IN_ONESHOT;

    [Syscall(253, "inotify_init", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context) => Create(context, InotifyInitFlags.None);

    [Syscall(294, "inotify_init1", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, InotifyInitFlags flags)
    {
        if ((flags & ~(InotifyInitFlags.IN_NONBLOCK | InotifyInitFlags.IN_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }

        Errno error = context.System.Files.Watches.Create(
            context.FileSystem.Mounts.Anonymous,
            context.Thread.Credentials.EffectiveUserId,
            (OpenFlags)(flags & InotifyInitFlags.IN_NONBLOCK),
            out OpenFile? file);
        return error != Errno.None ? error : OpenSyscalls.Install(context, file!, (OpenFlags)flags);
    }

    [Syscall(254, "inotify_add_watch", Returns = Returns.Value)]
    public static SysResult AddWatch(SyscallContext context, Fd fd, UserCString path, InotifyMask mask)
    {
        const InotifyMask Both = InotifyMask.IN_MASK_ADD | InotifyMask.IN_MASK_CREATE;
        if ((mask & ~Known) != 0 || mask == InotifyMask.None)
        {
            return Errno.EINVAL;
        }

        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }

        if ((mask & Both) == Both || file is not OpenInotify instance)
        {
            return Errno.EINVAL;
        }

        error = context.FindAt(
            new Fd(Fd.AtFdCwd.Number), path, (mask & InotifyMask.IN_DONT_FOLLOW) == 0, mayBeEmpty: false, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }

        if ((mask & InotifyMask.IN_ONLYDIR) != 0 && !inode!.IsDirectory)
        {
            return Errno.ENOTDIR;
        }

        error = context.FileSystem.Credentials.Check(inode!, AccessMode.R_OK);
        if (error == Errno.None)
        {
            error = instance.Add(inode!, mask, out int descriptor);
            return error == Errno.None ? descriptor : error;
        }

        return error;
    }

    [Syscall(255, "inotify_rm_watch")]
    public static SysResult RemoveWatch(SyscallContext context, Fd fd, int descriptor)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }

        return file is OpenInotify instance ? instance.Remove(descriptor) : Errno.EINVAL;
    }
}
