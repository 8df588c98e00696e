using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls of extended attributes (xattr(7)).</summary>
/// <remarks>
/// No file system here stores any. Linux answers for such a file system as these do: EOPNOTSUPP to whoever wants to get, set or
/// remove one, and an empty list. Programs as ls(1) and cp(1) know that answer, and take ENOSYS for a failure.
/// </remarks>
public static class XattrSyscalls
{
    private const string None = "file systems that store attributes";

    [Syscall(188, "setxattr", Missing = None)]
    public static SysResult Set(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, path, follow: true), name, size, flags);

    [Syscall(189, "lsetxattr", Missing = None)]
    public static SysResult SetOfLink(SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, path, follow: false), name, size, flags);

    [Syscall(190, "fsetxattr", Missing = None)]
    public static SysResult SetOfDescriptor(SyscallContext context, Fd fd, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, fd), name, size, flags);

    [Syscall(191, "getxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult Get(SyscallContext context, UserCString path, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, path, follow: true), name);

    [Syscall(192, "lgetxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult GetOfLink(SyscallContext context, UserCString path, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, path, follow: false), name);

    [Syscall(193, "fgetxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult GetOfDescriptor(SyscallContext context, Fd fd, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, fd), name);

    [Syscall(194, "listxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult List(SyscallContext context, UserCString path, [Out] UserPtr<byte> list, nuint size) =>
        Find(context, path, follow: true);

    [Syscall(195, "llistxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult ListOfLink(SyscallContext context, UserCString path, [Out] UserPtr<byte> list, nuint size) =>
        Find(context, path, follow: false);

    [Syscall(196, "flistxattr", Returns = Returns.Value, Missing = None)]
    public static SysResult ListOfDescriptor(SyscallContext context, Fd fd, [Out] UserPtr<byte> list, nuint size) => Find(context, fd);

    [Syscall(197, "removexattr", Missing = None)]
    public static SysResult Remove(SyscallContext context, UserCString path, UserCString name) =>
        Get(context, Find(context, path, follow: true), name);

    [Syscall(198, "lremovexattr", Missing = None)]
    public static SysResult RemoveOfLink(SyscallContext context, UserCString path, UserCString name) =>
        Get(context, Find(context, path, follow: false), name);

    [Syscall(199, "fremovexattr", Missing = None)]
    public static SysResult RemoveOfDescriptor(SyscallContext context, Fd fd, UserCString name) => Get(context, Find(context, fd), name);

    private static SysResult Set(SyscallContext context, Errno found, UserCString name, nuint size, XattrFlags flags)
    {
        if ((flags & ~(XattrFlags.XATTR_CREATE | XattrFlags.XATTR_REPLACE)) != 0)
        {
            return Errno.EINVAL;
        }

        return found == Errno.None && size > XattrLimits.XATTR_SIZE_MAX ? Errno.E2BIG : Get(context, found, name);
    }

    private static SysResult Get(SyscallContext context, Errno found, UserCString name)
    {
        if (found != Errno.None)
        {
            return found;
        }

        Span<byte> text = stackalloc byte[XattrLimits.XATTR_NAME_MAX + 1];
        return context.Memory.ReadCString(name, text, out int length) switch
        {
            Errno.EFAULT => Errno.EFAULT,
            Errno.None when length > 0 => Errno.EOPNOTSUPP,
            _ => Errno.ERANGE,
        };
    }

    private static Errno Find(SyscallContext context, UserCString path, bool follow) => context.FindAt(Fd.AtFdCwd, path, follow, mayBeEmpty: false, out _);

    private static Errno Find(SyscallContext context, Fd fd)
    {
        context.Files.TryGet(fd, out OpenFile? _, out Errno error);
        return error;
    }
}
