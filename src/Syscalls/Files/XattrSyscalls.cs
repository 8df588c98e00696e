using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls of extended attributes (xattr(7)): those of users, trusted ones and security's.</summary>
/// <remarks>
/// Those of access control lists (system.*) Linux knows only where it has those: EOPNOTSUPP, as here. Programs as ls(1) and cp(1) know that
/// answer, and take ENOSYS for a failure.
/// </remarks>
public static class XattrSyscalls
{
    private const string MissingSpaces = "system.*";

    [Syscall(188, "setxattr", Missing = MissingSpaces)]
    public static SysResult Set(
        SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, path, follow: true, out Inode? inode), inode, name, value, size, flags);

    [Syscall(189, "lsetxattr", Missing = MissingSpaces)]
    public static SysResult SetOfLink(
        SyscallContext context, UserCString path, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, path, follow: false, out Inode? inode), inode, name, value, size, flags);

    [Syscall(190, "fsetxattr", Missing = MissingSpaces)]
    public static SysResult SetOfDescriptor(
        SyscallContext context, Fd fd, UserCString name, UserPtr<byte> value, nuint size, XattrFlags flags) =>
        Set(context, Find(context, fd, out Inode? inode), inode, name, value, size, flags);

    [Syscall(191, "getxattr", Returns = Returns.Value, Missing = MissingSpaces)]
    public static SysResult Get(SyscallContext context, UserCString path, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, path, follow: true, out Inode? inode), inode, name, value, size);

    [Syscall(192, "lgetxattr", Returns = Returns.Value, Missing = MissingSpaces)]
    public static SysResult GetOfLink(SyscallContext context, UserCString path, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, path, follow: false, out Inode? inode), inode, name, value, size);

    [Syscall(193, "fgetxattr", Returns = Returns.Value, Missing = MissingSpaces)]
    public static SysResult GetOfDescriptor(SyscallContext context, Fd fd, UserCString name, [Out] UserPtr<byte> value, nuint size) =>
        Get(context, Find(context, fd, out Inode? inode), inode, name, value, size);

    [Syscall(194, "listxattr", Returns = Returns.Value)]
    public static SysResult List(SyscallContext context, UserCString path, [Out] UserPtr<byte> list, nuint size) =>
        List(context, Find(context, path, follow: true, out Inode? inode), inode, list, size);

    [Syscall(195, "llistxattr", Returns = Returns.Value)]
    public static SysResult ListOfLink(SyscallContext context, UserCString path, [Out] UserPtr<byte> list, nuint size) =>
        List(context, Find(context, path, follow: false, out Inode? inode), inode, list, size);

    [Syscall(196, "flistxattr", Returns = Returns.Value)]
    public static SysResult ListOfDescriptor(SyscallContext context, Fd fd, [Out] UserPtr<byte> list, nuint size) =>
        List(context, Find(context, fd, out Inode? inode), inode, list, size);

    [Syscall(197, "removexattr", Missing = MissingSpaces)]
    public static SysResult Remove(SyscallContext context, UserCString path, UserCString name) =>
        Remove(context, Find(context, path, follow: true, out Inode? inode), inode, name);

    [Syscall(198, "lremovexattr", Missing = MissingSpaces)]
    public static SysResult RemoveOfLink(SyscallContext context, UserCString path, UserCString name) =>
        Remove(context, Find(context, path, follow: false, out Inode? inode), inode, name);

    [Syscall(199, "fremovexattr", Missing = MissingSpaces)]
    public static SysResult RemoveOfDescriptor(SyscallContext context, Fd fd, UserCString name) =>
        Remove(context, Find(context, fd, out Inode? inode), inode, name);

    private static ReadOnlySpan<byte> Trusted => "trusted."u8;

    private static ReadOnlySpan<byte> Security => "security."u8;

    private static SysResult Set(
        SyscallContext context, Errno found, Inode? inode, UserCString nameAddress, UserPtr<byte> address, nuint size, XattrFlags flags)
    {
        if ((flags & ~(XattrFlags.XATTR_CREATE | XattrFlags.XATTR_REPLACE)) != 0)
        {
            return Errno.EINVAL;
        }

        if (found != Errno.None)
        {
            return found;
        }

        if (size > XattrLimits.XATTR_SIZE_MAX)
        {
            return Errno.E2BIG;
        }

        Span<byte> name = stackalloc byte[XattrLimits.XATTR_NAME_MAX + 1];
        Errno error = ReadName(context, nameAddress, ref name);
        if (error != Errno.None)
        {
            return error;
        }

        if (!KernelHeap.HasRoom((int)size))
        {
            return Errno.ENOMEM;
        }

        byte[] value = new byte[(int)size];
        if (size != 0 && context.Memory.CopyIn(address.Address, value) != value.Length)
        {
            return Errno.EFAULT;
        }

        bool isCapability = name.SequenceEqual(FileCapabilities.AttributeName);
        if (isCapability && size != 0 && !FileCapabilities.IsValid(value))
        {
            return Errno.EINVAL;
        }

        error = Check(context, inode!, name, writes: true);
        return error == Errno.None ? context.FileSystem.Note(inode!.SetAttribute(name, value, flags), inode, InotifyMask.IN_ATTRIB) : error;
    }

    private static SysResult Get(
        SyscallContext context, Errno found, Inode? inode, UserCString nameAddress, UserPtr<byte> address, nuint size)
    {
        Span<byte> name = stackalloc byte[XattrLimits.XATTR_NAME_MAX + 1];
        Errno error = found != Errno.None ? found : ReadName(context, nameAddress, ref name);
        if (error == Errno.None)
        {
            error = Check(context, inode!, name, writes: false);
        }

        if (error != Errno.None)
        {
            return error;
        }

        error = inode!.GetAttribute(name, out ReadOnlySpan<byte> stored);
        if (error != Errno.None)
        {
            return Answer(context, inode, error);
        }

        scoped ReadOnlySpan<byte> value = stored;

        Span<byte> buffer = stackalloc byte[FileCapabilities.MaxLength];
        if (name.SequenceEqual(FileCapabilities.AttributeName))
        {
            if (!FileCapabilities.IsValid(value))
            {
                return Errno.EINVAL;
            }

            value = FileCapabilities.Describe(value, buffer);
        }

        // A size of 0 asks for the length.
        if (size != 0 && size < (nuint)value.Length)
        {
            return Errno.ERANGE;
        }

        return size == 0 || context.Memory.CopyOut(address.Address, value) == value.Length ? value.Length : Errno.EFAULT;
    }

    private static SysResult List(SyscallContext context, Errno found, Inode? inode, UserPtr<byte> address, nuint size)
    {
        if (found != Errno.None)
        {
            return found;
        }

        Errno error = inode!.RefreshAttributeNames();
        if (error != Errno.None)
        {
            return Answer(context, inode, error);
        }

        int length = 0;
        bool seesTrusted = context.Thread.Credentials.Has(Capability.CAP_SYS_ADMIN);
        for (int i = 0; inode.TryGetAttributeName(i, out ReadOnlySpan<byte> name); i++)
        {
            if (name.StartsWith(Trusted) && !seesTrusted)
            {
                continue;
            }

            int end = length + name.Length + 1;
            if (size != 0)
            {
                if (size < (nuint)end)
                {
                    return Errno.ERANGE;
                }

                UserPtr<byte> terminator = new(address.Address + (ulong)(end - 1));
                if (context.Memory.CopyOut(address.Address + (ulong)length, name) != name.Length
                    || !context.Memory.TryWrite(terminator, (byte)0))
                {
                    return Errno.EFAULT;
                }
            }

            length = end;
        }

        return length;
    }

    private static SysResult Remove(SyscallContext context, Errno found, Inode? inode, UserCString nameAddress)
    {
        Span<byte> name = stackalloc byte[XattrLimits.XATTR_NAME_MAX + 1];
        Errno error = found != Errno.None ? found : ReadName(context, nameAddress, ref name);
        if (error == Errno.None)
        {
            error = Check(context, inode!, name, writes: true);
        }

        if (error != Errno.None)
        {
            return error;
        }

        return context.FileSystem.Note(inode!.RemoveAttribute(name), inode, InotifyMask.IN_ATTRIB);
    }

    /// <summary>Answers why there is no answer, or waits for it.</summary>
    private static SysResult Answer(SyscallContext context, Inode inode, Errno error)
    {
        if (error == InternalErrno.MustWait)
        {
            context.FileSystem.NoteFetch(inode);
        }

        return error;
    }

    /// <summary>Reads a name, and cuts the buffer to it.</summary>
    private static Errno ReadName(SyscallContext context, UserCString address, ref Span<byte> name)
    {
        Errno error = context.Memory.ReadCString(address, name, out int length);
        if (error == Errno.EFAULT)
        {
            return error;
        }

        name = name[..length];
        return error != Errno.None || length == 0 ? Errno.ERANGE : Errno.None;
    }

    /// <summary>Checks the rules of an attribute's name space (xattr(7), "Extended attribute namespaces").</summary>
    private static Errno Check(SyscallContext context, Inode inode, ReadOnlySpan<byte> name, bool writes)
    {
        if (writes && inode.FileSystem.IsReadOnly)
        {
            return Errno.EROFS;
        }

        FileCredentials credentials = context.FileSystem.Credentials;
        Errno error = Errno.None;
        if (name.StartsWith(Trusted))
        {
            if (!context.Thread.Credentials.Has(Capability.CAP_SYS_ADMIN))
            {
                return writes ? Errno.EPERM : Errno.ENODATA;
            }
        }
        else if (name.StartsWith(Security))
        {
            Capability needed = name.SequenceEqual(FileCapabilities.AttributeName) ? Capability.CAP_SETFCAP : Capability.CAP_SYS_ADMIN;
            error = writes && !context.Thread.Credentials.Has(needed) ? Errno.EPERM : Errno.None;
        }
        else if (name.StartsWith("user."u8))
        {
            // Permissions of other files mean something else than that users may leave things there.
            if (inode is not DirectoryInode && !inode.IsRegular)
            {
                return writes ? Errno.EPERM : Errno.ENODATA;
            }

            bool isShared = inode is DirectoryInode && (inode.Mode & Mode.S_ISVTX) != 0;
            if (writes && isShared && !credentials.Owns(inode))
            {
                return Errno.EPERM;
            }

            error = credentials.Check(inode, writes ? AccessMode.W_OK : AccessMode.R_OK);
        }
        else
        {
            return Errno.EOPNOTSUPP;
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (!inode.FileSystem.StoresAttributes)
        {
            return Errno.EOPNOTSUPP;
        }

        return name[^1] == (byte)'.' && name.Count((byte)'.') == 1 ? Errno.EINVAL : Errno.None;
    }

    private static Errno Find(SyscallContext context, UserCString path, bool follow, out Inode? inode) =>
        context.FindAt(Fd.AtFdCwd, path, follow, mayBeEmpty: false, out inode);

    private static Errno Find(SyscallContext context, Fd fd, out Inode? inode)
    {
        context.Files.TryGet(fd, out OpenFile? file, out Errno error);
        inode = file?.Inode;
        return error;
    }
}
