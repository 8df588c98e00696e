using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that change a file's attributes and size.</summary>
public static class AttributeSyscalls
{
    private const uint Unchanged = uint.MaxValue;
    private const long TimeNow = 0x3FFF_FFFF;
    private const long TimeOmit = 0x3FFF_FFFE;
    private const long NsPerSecond = 1_000_000_000;

    [Syscall(90, "chmod")]
    public static SysResult ChangeMode(SyscallContext context, UserCString path, Mode mode) =>
        ChangeModeAt(context, Fd.AtFdCwd, path, mode);

    [Syscall(91, "fchmod")]
    public static SysResult ChangeModeOf(SyscallContext context, Fd fd, Mode mode) =>
        context.Files.TryGet(fd, out OpenFile? file, out Errno error) ? SetMode(context, file.Inode, mode) : error;

    [Syscall(268, "fchmodat")]
    public static SysResult ChangeModeAt(SyscallContext context, Fd directory, UserCString path, Mode mode)
    {
        Errno error = context.FindAt(directory, path, follow: true, mayBeEmpty: false, out Inode? inode);
        return error != Errno.None ? error : SetMode(context, inode!, mode);
    }

    [Syscall(452, "fchmodat2")]
    public static SysResult ChangeModeAt2(SyscallContext context, Fd directory, UserCString path, Mode mode, AtFlags flags)
    {
        if ((flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.FindAt(
            directory, path, (flags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0, (flags & AtFlags.AT_EMPTY_PATH) != 0, out Inode? inode);
        return error != Errno.None ? error : SetMode(context, inode!, mode);
    }

    [Syscall(92, "chown")]
    public static SysResult ChangeOwner(SyscallContext context, UserCString path, uint userId, uint groupId) =>
        ChangeOwnerAt(context, Fd.AtFdCwd, path, userId, groupId, AtFlags.None);

    [Syscall(94, "lchown")]
    public static SysResult ChangeOwnerOfLink(SyscallContext context, UserCString path, uint userId, uint groupId) =>
        ChangeOwnerAt(context, Fd.AtFdCwd, path, userId, groupId, AtFlags.AT_SYMLINK_NOFOLLOW);

    [Syscall(93, "fchown")]
    public static SysResult ChangeOwnerOf(SyscallContext context, Fd fd, uint userId, uint groupId) =>
        context.Files.TryGet(fd, out OpenFile? file, out Errno error) ? SetOwner(context, file.Inode, userId, groupId) : error;

    [Syscall(260, "fchownat")]
    public static SysResult ChangeOwnerAt(SyscallContext context, Fd directory, UserCString path, uint userId, uint groupId, AtFlags flags)
    {
        if ((flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.FindAt(
            directory, path, (flags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0, (flags & AtFlags.AT_EMPTY_PATH) != 0, out Inode? inode);
        return error != Errno.None ? error : SetOwner(context, inode!, userId, groupId);
    }

    [Syscall(95, "umask", Returns = Returns.Mode)]
    public static SysResult SetUmask(SyscallContext context, Mode mask)
    {
        Mode old = context.FileSystem.Umask;
        context.FileSystem.Umask = mask & (Mode)0x1FF;
        return (long)old;
    }

    [Syscall(76, "truncate")]
    public static SysResult Truncate(SyscallContext context, UserCString path, long length)
    {
        if (length < 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is DirectoryInode)
        {
            return Errno.EISDIR;
        }
        if (!inode!.IsRegular)
        {
            return Errno.EINVAL;
        }
        error = context.FileSystem.Credentials.Check(inode, AccessMode.W_OK);
        if (error == Errno.None && inode.FileSystem.IsReadOnly)
        {
            error = Errno.EROFS;
        }
        if (error == Errno.None && inode is RegularFileInode { IsExecuting: true })
        {
            error = Errno.ETXTBSY;
        }
        return error != Errno.None ? error : context.FileSystem.Note(inode.SetSize(length), inode, InotifyMask.IN_MODIFY);
    }

    [Syscall(77, "ftruncate")]
    public static SysResult TruncateOpen(SyscallContext context, Fd fd, long length)
    {
        if (length < 0)
        {
            return Errno.EINVAL;
        }
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        return file.CanWrite && file.Inode.IsRegular
            ? context.FileSystem.Note(file.Inode.SetSize(length), file.Inode, InotifyMask.IN_MODIFY)
            : Errno.EINVAL;
    }

    [Syscall(285, "fallocate", Missing = "collapsing, inserting and zeroing ranges")]
    public static SysResult Allocate(SyscallContext context, Fd fd, FallocateMode mode, long offset, long length)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (offset < 0 || length <= 0)
        {
            return Errno.EINVAL;
        }
        const FallocateMode Known = FallocateMode.FALLOC_FL_KEEP_SIZE | FallocateMode.FALLOC_FL_PUNCH_HOLE;
        if ((mode & ~Known) != 0)
        {
            return Errno.EOPNOTSUPP;
        }
        if (mode == FallocateMode.FALLOC_FL_PUNCH_HOLE)
        {
            return Errno.EOPNOTSUPP;
        }
        if (!file.CanWrite)
        {
            return Errno.EBADF;
        }
        if (file.Inode.Type == Mode.S_IFIFO)
        {
            return Errno.ESPIPE;
        }
        if (file.Inode is DirectoryInode)
        {
            return Errno.EISDIR;
        }
        return offset > long.MaxValue - length ? Errno.EFBIG : file.Allocate(mode, offset, length);
    }

    [Syscall(280, "utimensat")]
    public static SysResult SetTimesAt(
        SyscallContext context, Fd directory, UserCString path, [Buffer(Length = 2)] UserPtr<Timespec> times, AtFlags flags)
    {
        if ((flags & ~(AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }
        Span<Timespec> values = stackalloc Timespec[2];
        if (times.IsNull)
        {
            values[0].tv_nsec = TimeNow;
            values[1].tv_nsec = TimeNow;
        }
        else if (!context.Memory.TryRead(times, values))
        {
            return Errno.EFAULT;
        }
        if (!IsValid(values[0]) || !IsValid(values[1]))
        {
            return Errno.EINVAL;
        }
        if (values[0].tv_nsec == TimeOmit && values[1].tv_nsec == TimeOmit)
        {
            return SysResult.Success;
        }

        Inode? inode;
        Errno error;
        if (path.IsNull)
        {
            // What futimens(3) does.
            if (directory.Number == Fd.AtFdCwd.Number)
            {
                return Errno.EFAULT;
            }
            error = context.Files.TryGet(directory, out OpenFile? file, out Errno bad) ? Errno.None : bad;
            inode = file?.Inode;
        }
        else
        {
            error = context.FindAt(
                directory, path, (flags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0, (flags & AtFlags.AT_EMPTY_PATH) != 0, out inode);
        }
        return error != Errno.None ? error : SetTimes(context, inode!, values[0], values[1]);
    }

    [Syscall(132, "utime")]
    public static SysResult SetTimesInSeconds(SyscallContext context, UserCString path, UserPtr<Utimbuf> times)
    {
        Timespec accessed = new() { tv_nsec = TimeNow };
        Timespec modified = accessed;
        if (!times.IsNull)
        {
            if (!context.Memory.TryRead(times, out Utimbuf value))
            {
                return Errno.EFAULT;
            }
            accessed = new Timespec { tv_sec = value.actime };
            modified = new Timespec { tv_sec = value.modtime };
        }
        Errno error = context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out Inode? inode);
        return error != Errno.None ? error : SetTimes(context, inode!, accessed, modified);
    }

    [Syscall(235, "utimes")]
    public static SysResult SetTimesInMicroseconds(SyscallContext context, UserCString path, [Buffer(Length = 2)] UserPtr<Timeval> times) =>
        SetTimesInMicrosecondsAt(context, Fd.AtFdCwd, path, times);

    [Syscall(261, "futimesat")]
    public static SysResult SetTimesInMicrosecondsAt(
        SyscallContext context, Fd directory, UserCString path, [Buffer(Length = 2)] UserPtr<Timeval> times)
    {
        Timespec accessed = new() { tv_nsec = TimeNow };
        Timespec modified = accessed;
        if (!times.IsNull)
        {
            Span<Timeval> values = stackalloc Timeval[2];
            if (!context.Memory.TryRead(times, values))
            {
                return Errno.EFAULT;
            }
            if ((ulong)values[0].tv_usec >= 1_000_000 || (ulong)values[1].tv_usec >= 1_000_000)
            {
                return Errno.EINVAL;
            }
            accessed = new Timespec { tv_sec = values[0].tv_sec, tv_nsec = values[0].tv_usec * 1000 };
            modified = new Timespec { tv_sec = values[1].tv_sec, tv_nsec = values[1].tv_usec * 1000 };
        }
        Errno error = context.FindAt(directory, path, follow: true, mayBeEmpty: false, out Inode? inode);
        return error != Errno.None ? error : SetTimes(context, inode!, accessed, modified);
    }

    private static SysResult SetMode(SyscallContext context, Inode inode, Mode mode)
    {
        Errno error = inode.CheckRightsChange();
        if (error != Errno.None)
        {
            return error;
        }
        if (inode.Type == Mode.S_IFLNK)
        {
            return Errno.EOPNOTSUPP;
        }
        FileCredentials credentials = context.FileSystem.Credentials;
        if (!credentials.Owns(inode))
        {
            return Errno.EPERM;
        }
        mode &= Inode.PermissionMask;
        if (!credentials.IsInGroup(inode.GroupId) && !credentials.Has(Capability.CAP_FSETID))
        {
            mode &= ~Mode.S_ISGID;
        }
        return context.FileSystem.Note(inode.Update(new AttributeChange { Mode = inode.Type | mode }), inode, InotifyMask.IN_ATTRIB);
    }

    private static SysResult SetOwner(SyscallContext context, Inode inode, uint userId, uint groupId)
    {
        Errno error = inode.CheckRightsChange();
        if (error != Errno.None)
        {
            return error;
        }
        FileCredentials credentials = context.FileSystem.Credentials;
        if (!credentials.Has(Capability.CAP_CHOWN))
        {
            // An owner may only change the group, to one of its own (chown(2)).
            bool changesUser = userId != Unchanged && userId != inode.UserId;
            bool changesGroup = groupId != Unchanged && groupId != inode.GroupId && !credentials.IsInGroup(groupId);
            if (credentials.UserId != inode.UserId || changesUser || changesGroup)
            {
                return Errno.EPERM;
            }
        }
        AttributeChange change = new()
        {
            UserId = userId == Unchanged ? null : userId,
            GroupId = groupId == Unchanged ? null : groupId,
        };
        if (inode is not DirectoryInode)
        {
            // Somebody else's program must not run as the new owner.
            Mode mode = inode.Mode & ((inode.Mode & Mode.S_IXGRP) != 0 ? ~(Mode.S_ISUID | Mode.S_ISGID) : ~Mode.S_ISUID);
            change.Mode = mode == inode.Mode ? null : mode;
            FileCapabilities.Drop(inode);
        }
        bool changes = change.UserId is not null || change.GroupId is not null || change.Mode is not null;
        return context.FileSystem.Note(inode.Update(change), inode, changes ? InotifyMask.IN_ATTRIB : InotifyMask.None);
    }

    private static SysResult SetTimes(SyscallContext context, Inode inode, Timespec accessed, Timespec modified)
    {
        Errno error = inode.CheckAttributeChange();
        if (error != Errno.None)
        {
            return error;
        }
        FileCredentials credentials = context.FileSystem.Credentials;
        if (!credentials.Owns(inode))
        {
            bool areBothNow = accessed.tv_nsec == TimeNow && modified.tv_nsec == TimeNow;
            if (!areBothNow)
            {
                return Errno.EPERM;
            }
            if (credentials.Check(inode, AccessMode.W_OK) != Errno.None)
            {
                return Errno.EACCES;
            }
        }
        long nowNs = inode.FileSystem.NowNs;
        AttributeChange change = new() { AccessedNs = Resolve(accessed, nowNs), ModifiedNs = Resolve(modified, nowNs) };
        InotifyMask what = (change.AccessedNs, change.ModifiedNs) switch
        {
            (not null, not null) => InotifyMask.IN_ATTRIB,
            (not null, null) => InotifyMask.IN_ACCESS,
            (null, not null) => InotifyMask.IN_MODIFY,
            _ => InotifyMask.None,
        };
        return context.FileSystem.Note(inode.Update(change), inode, what);
    }

    private static bool IsValid(Timespec time) => time.tv_nsec is TimeNow or TimeOmit || (ulong)time.tv_nsec < NsPerSecond;

    /// <summary>Turns a time into nanoseconds since 1970; those beyond what 64 bits hold stop there.</summary>
    private static long? Resolve(Timespec time, long nowNs)
    {
        const long MaximumSeconds = long.MaxValue / NsPerSecond;
        return time.tv_nsec switch
        {
            TimeNow => nowNs,
            TimeOmit => null,
            _ => (Math.Clamp(time.tv_sec, -MaximumSeconds, MaximumSeconds - 1) * NsPerSecond) + time.tv_nsec,
        };
    }
}
