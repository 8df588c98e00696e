using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that tell about files.</summary>
public static class StatSyscalls
{
    [Syscall(4, "stat")]
    public static SysResult Stat(SyscallContext context, UserCString path, [Out] UserPtr<Stat> buffer) =>
        StatPath(context, Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, buffer);

    [Syscall(5, "fstat")]
    public static SysResult StatDescriptor(SyscallContext context, Fd fd, [Out] UserPtr<Stat> buffer)
    {
        if (!context.Files.TryGetAny(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        error = context.FileSystem.Refresh(file.Inode);
        if (error != Errno.None)
        {
            return error;
        }
        file.GetAttributes(out Stat stat);
        return context.Memory.TryWriteFrom(buffer, ref stat) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(6, "lstat")]
    public static SysResult StatLink(SyscallContext context, UserCString path, [Out] UserPtr<Stat> buffer) =>
        StatPath(context, Fd.AtFdCwd, path, follow: false, mayBeEmpty: false, buffer);

    [Syscall(262, "newfstatat")]
    public static SysResult StatAt(SyscallContext context, Fd directory, UserCString path, [Out] UserPtr<Stat> buffer, AtFlags flags)
    {
        const AtFlags Known = AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_NO_AUTOMOUNT | AtFlags.AT_EMPTY_PATH | AtFlags.AT_STATX_FORCE_SYNC
            | AtFlags.AT_STATX_DONT_SYNC;
        if ((flags & ~Known) != 0)
        {
            return Errno.EINVAL;
        }
        return StatPath(context, directory, path, (flags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0, (flags & AtFlags.AT_EMPTY_PATH) != 0, buffer);
    }

    [Syscall(332, "statx")]
    public static SysResult StatExtended(
        SyscallContext context, Fd directory, UserCString path, AtFlags flags, StatxMask mask, [Out] UserPtr<Statx> buffer)
    {
        const AtFlags Known = AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_NO_AUTOMOUNT | AtFlags.AT_EMPTY_PATH | AtFlags.AT_STATX_FORCE_SYNC
            | AtFlags.AT_STATX_DONT_SYNC;
        const AtFlags BothSyncs = AtFlags.AT_STATX_FORCE_SYNC | AtFlags.AT_STATX_DONT_SYNC;
        if ((flags & ~Known) != 0 || (flags & BothSyncs) == BothSyncs || ((uint)mask & 0x8000_0000) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.FindAt(
            directory, path, (flags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0, (flags & AtFlags.AT_EMPTY_PATH) != 0, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        inode!.GetAttributes(out Stat stat);
        DeviceNumber target = inode.TargetDevice;
        DeviceNumber device = inode.FileSystem.Device;
        Statx result = new()
        {
            stx_mask = StatxMask.STATX_BASIC_STATS,
            stx_blksize = (uint)stat.st_blksize,
            stx_nlink = (uint)stat.st_nlink,
            stx_uid = stat.st_uid,
            stx_gid = stat.st_gid,
            stx_mode = (ushort)stat.st_mode,
            stx_ino = stat.st_ino,
            stx_size = (ulong)stat.st_size,
            stx_blocks = (ulong)stat.st_blocks,
            stx_atime = ToStatx(stat.st_atim),
            stx_ctime = ToStatx(stat.st_ctim),
            stx_mtime = ToStatx(stat.st_mtim),
            stx_rdev_major = target.Major,
            stx_rdev_minor = target.Minor,
            stx_dev_major = device.Major,
            stx_dev_minor = device.Minor,
        };
        if ((mask & StatxMask.STATX_BTIME) != 0 && inode.CreatedNs != 0)
        {
            result.stx_mask |= StatxMask.STATX_BTIME;
            result.stx_btime = ToStatx(Timespec.FromNs(inode.CreatedNs));
        }
        return context.Memory.TryWriteFrom(buffer, ref result) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(21, "access")]
    public static SysResult Access(SyscallContext context, UserCString path, AccessMode mode) =>
        CheckAccess(context, Fd.AtFdCwd, path, mode, AccessAtFlags.None);

    [Syscall(269, "faccessat")]
    public static SysResult AccessAt(SyscallContext context, Fd directory, UserCString path, AccessMode mode) =>
        CheckAccess(context, directory, path, mode, AccessAtFlags.None);

    [Syscall(439, "faccessat2")]
    public static SysResult AccessAt2(SyscallContext context, Fd directory, UserCString path, AccessMode mode, AccessAtFlags flags) =>
        CheckAccess(context, directory, path, mode, flags);

    [Syscall(137, "statfs")]
    public static SysResult StatFileSystem(SyscallContext context, UserCString path, [Out] UserPtr<StatFs> buffer)
    {
        Errno error = context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out Inode? inode);
        return error != Errno.None ? error : WriteStatistics(context, inode!, buffer);
    }

    [Syscall(138, "fstatfs")]
    public static SysResult StatFileSystemOfDescriptor(SyscallContext context, Fd fd, [Out] UserPtr<StatFs> buffer) =>
        context.Files.TryGetAny(fd, out OpenFile? file, out Errno error) ? WriteStatistics(context, file.Inode, buffer) : error;

    private static SysResult StatPath(
        SyscallContext context, Fd directory, UserCString path, bool follow, bool mayBeEmpty, UserPtr<Stat> buffer)
    {
        Errno error = context.FindAt(directory, path, follow, mayBeEmpty, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        inode!.GetAttributes(out Stat stat);
        return context.Memory.TryWriteFrom(buffer, ref stat) ? SysResult.Success : Errno.EFAULT;
    }

    private static SysResult CheckAccess(SyscallContext context, Fd directory, UserCString path, AccessMode mode, AccessAtFlags flags)
    {
        const AccessAtFlags Known = AccessAtFlags.AT_SYMLINK_NOFOLLOW | AccessAtFlags.AT_EACCESS | AccessAtFlags.AT_EMPTY_PATH;
        if ((mode & ~(AccessMode.R_OK | AccessMode.W_OK | AccessMode.X_OK)) != 0 || (flags & ~Known) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.FindAt(
            directory,
            path,
            (flags & AccessAtFlags.AT_SYMLINK_NOFOLLOW) == 0,
            (flags & AccessAtFlags.AT_EMPTY_PATH) != 0,
            out Inode? inode);
        if (error != Errno.None || mode == AccessMode.F_OK)
        {
            return error;
        }
        bool isEffective = (flags & AccessAtFlags.AT_EACCESS) != 0;
        error = (isEffective ? context.FileSystem.Credentials : GetRealCredentials(context)).Check(inode!, mode);
        if (error == Errno.None
            && (mode & AccessMode.W_OK) != 0
            && inode!.FileSystem.IsReadOnly
            && (inode.Type is Mode.S_IFREG or Mode.S_IFDIR or Mode.S_IFLNK))
        {
            return Errno.EROFS;
        }
        return error;
    }

    /// <summary>Gets the rights of the real user and group, by which access(2) goes.</summary>
    private static FileCredentials GetRealCredentials(SyscallContext context)
    {
        Tasks.Credentials credentials = context.Thread.Credentials;
        FileCredentials current = context.FileSystem.Credentials;
        if (credentials.RealUserId == current.UserId && credentials.RealGroupId == current.GroupId)
        {
            return current;
        }

        // The real user's capabilities, too: all that are permitted for root, none for others (access(2), "C library/kernel differences").
        bool keepsCapabilities = (credentials.SecureBits & SecureBits.SECBIT_NO_SETUID_FIXUP) != 0;
        CapabilitySet ofUser = credentials.RealUserId == 0 ? credentials.Permitted : CapabilitySet.Empty;
        return new FileCredentials
        {
            UserId = credentials.RealUserId,
            GroupId = credentials.RealGroupId,
            Groups = current.Groups,
            Capabilities = keepsCapabilities ? credentials.Effective : ofUser,
        };
    }

    private static SysResult WriteStatistics(SyscallContext context, Inode inode, UserPtr<StatFs> buffer)
    {
        Errno error = inode.FileSystem.RefreshStatistics(inode);
        if (error != Errno.None)
        {
            if (error == InternalErrno.MustWait)
            {
                context.FileSystem.NoteFetch(inode);
            }
            return error;
        }
        inode.FileSystem.GetStatistics(out StatFs statistics);
        return context.Memory.TryWriteFrom(buffer, ref statistics) ? SysResult.Success : Errno.EFAULT;
    }

    private static StatxTimestamp ToStatx(Timespec time) => new() { tv_sec = time.tv_sec, tv_nsec = (uint)time.tv_nsec };
}
