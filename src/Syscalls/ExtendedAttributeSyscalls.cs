using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>Extended attributes (xattr(7)), of which no file system here has any: they can be asked for, and the answer is what Linux gives on such a file system.</summary>
public static class ExtendedAttributeSyscalls
{
    [Syscall(188, "setxattr")]
    public static SysResult Set(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, int flags) =>
        Refuse(context, path, follow: true, name);

    [Syscall(189, "lsetxattr")]
    public static SysResult SetLink(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, int flags) =>
        Refuse(context, path, follow: false, name);

    [Syscall(190, "fsetxattr")]
    public static SysResult SetDescriptor(SyscallContext context, Fd fd, UserCString name, UserPtr<byte> value, nuint size, int flags) =>
        Refuse(context, fd, name);

    [Syscall(191, "getxattr")]
    public static SysResult Get(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size) =>
        Refuse(context, path, follow: true, name);

    [Syscall(192, "lgetxattr")]
    public static SysResult GetLink(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size) =>
        Refuse(context, path, follow: false, name);

    [Syscall(193, "fgetxattr")]
    public static SysResult GetDescriptor(SyscallContext context, Fd fd, UserCString name, UserPtr<byte> value, nuint size) =>
        Refuse(context, fd, name);

    [Syscall(194, "listxattr", Returns = Returns.Value)]
    public static SysResult List(SyscallContext context, UserCString path, UserPtr<byte> list, nuint size) =>
        context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out _);

    [Syscall(195, "llistxattr", Returns = Returns.Value)]
    public static SysResult ListLink(SyscallContext context, UserCString path, UserPtr<byte> list, nuint size) =>
        context.FindAt(Fd.AtFdCwd, path, follow: false, mayBeEmpty: false, out _);

    [Syscall(196, "flistxattr", Returns = Returns.Value)]
    public static SysResult ListDescriptor(SyscallContext context, Fd fd, UserPtr<byte> list, nuint size) =>
        context.Files.TryGet(fd, out _, out Errno error) ? SysResult.Success : error;

    [Syscall(197, "removexattr")]
    public static SysResult Remove(SyscallContext context, UserCString path, UserCString name) =>
        Refuse(context, path, follow: true, name);

    [Syscall(198, "lremovexattr")]
    public static SysResult RemoveLink(SyscallContext context, UserCString path, UserCString name) =>
        Refuse(context, path, follow: false, name);

    [Syscall(199, "fremovexattr")]
    public static SysResult RemoveDescriptor(SyscallContext context, Fd fd, UserCString name) =>
        Refuse(context, fd, name);

    private static SysResult Refuse(SyscallContext context, UserCString path, bool follow, UserCString name)
    {
        Errno error = CheckName(context, name);
        if (error == Errno.None)
        {
            error = context.FindAt(Fd.AtFdCwd, path, follow, mayBeEmpty: false, out Inode? _);
        }

        return error == Errno.None ? Errno.EOPNOTSUPP : error;
    }

    private static SysResult Refuse(SyscallContext context, Fd fd, UserCString name)
    {
        if (!context.Files.TryGet(fd, out _, out Errno error))
        {
            return error;
        }

        error = CheckName(context, name);
        return error == Errno.None ? Errno.EOPNOTSUPP : error;
    }

    /// <summary>An attribute's name has 1 to 255 bytes; ERANGE otherwise.</summary>
    private static Errno CheckName(SyscallContext context, UserCString name)
    {
        const int MaximumNameLength = 255;
        Errno error = context.ReadPath(name, out ReadOnlySpan<byte> bytes);
        if (error == Errno.None)
        {
            return bytes.Length is 0 or > MaximumNameLength ? Errno.ERANGE : Errno.None;
        }

        return error == Errno.EFAULT ? error : Errno.ERANGE;
    }
}
