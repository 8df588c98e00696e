using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that give files names and take them away.</summary>
public static class LinkSyscalls
{
    [Syscall(86, "link")]
    public static SysResult Link(SyscallContext context, UserCString oldPath, UserCString newPath) =>
        LinkAt(context, Fd.AtFdCwd, oldPath, Fd.AtFdCwd, newPath, AtFlags.None);

    [Syscall(265, "linkat")]
    public static SysResult LinkAt(
        SyscallContext context, Fd oldDirectory, UserCString oldPath, Fd newDirectory, UserCString newPath, AtFlags flags)
    {
        if ((flags & ~(AtFlags.AT_SYMLINK_FOLLOW | AtFlags.AT_EMPTY_PATH)) != 0)
        {
            return Errno.EINVAL;
        }
        bool mayBeEmpty = (flags & AtFlags.AT_EMPTY_PATH) != 0;
        Errno error = context.FindAt(oldDirectory, oldPath, (flags & AtFlags.AT_SYMLINK_FOLLOW) != 0, mayBeEmpty, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.ReadSecondPath(newPath, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(newDirectory, bytes, out DirectoryInode start);
        return error != Errno.None ? error : context.FileSystem.Link(inode!, start, bytes);
    }

    [Syscall(87, "unlink")]
    public static SysResult Unlink(SyscallContext context, UserCString path) => UnlinkAt(context, Fd.AtFdCwd, path, AtFlags.None);

    [Syscall(263, "unlinkat")]
    public static SysResult UnlinkAt(SyscallContext context, Fd directory, UserCString path, AtFlags flags)
    {
        if ((flags & ~AtFlags.AT_REMOVEDIR) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = context.ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(directory, bytes, out DirectoryInode start);
        if (error != Errno.None)
        {
            return error;
        }
        return (flags & AtFlags.AT_REMOVEDIR) != 0
            ? context.FileSystem.RemoveDirectory(start, bytes)
            : context.FileSystem.Unlink(start, bytes);
    }

    [Syscall(82, "rename")]
    public static SysResult Rename(SyscallContext context, UserCString oldPath, UserCString newPath) =>
        RenameAt2(context, Fd.AtFdCwd, oldPath, Fd.AtFdCwd, newPath, RenameFlags.None);

    [Syscall(264, "renameat")]
    public static SysResult RenameAt(SyscallContext context, Fd oldDirectory, UserCString oldPath, Fd newDirectory, UserCString newPath) =>
        RenameAt2(context, oldDirectory, oldPath, newDirectory, newPath, RenameFlags.None);

    [Syscall(316, "renameat2", Missing = "RENAME_WHITEOUT")]
    public static SysResult RenameAt2(
        SyscallContext context, Fd oldDirectory, UserCString oldPath, Fd newDirectory, UserCString newPath, RenameFlags flags)
    {
        Errno error = context.ReadPath(oldPath, out ReadOnlySpan<byte> oldBytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.ReadSecondPath(newPath, out ReadOnlySpan<byte> newBytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(oldDirectory, oldBytes, out DirectoryInode oldStart);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(newDirectory, newBytes, out DirectoryInode newStart);
        return error != Errno.None ? error : context.FileSystem.Rename(oldStart, oldBytes, newStart, newBytes, flags);
    }

    [Syscall(88, "symlink")]
    public static SysResult MakeSymbolicLink(SyscallContext context, UserCString target, UserCString path) =>
        MakeSymbolicLinkAt(context, target, Fd.AtFdCwd, path);

    [Syscall(266, "symlinkat")]
    public static SysResult MakeSymbolicLinkAt(SyscallContext context, UserCString target, Fd directory, UserCString path)
    {
        Errno error = context.ReadPath(target, out ReadOnlySpan<byte> targetBytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.ReadSecondPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(directory, bytes, out DirectoryInode start);
        return error != Errno.None ? error : context.FileSystem.MakeSymbolicLink(targetBytes, start, bytes);
    }

    [Syscall(89, "readlink", Returns = Returns.Value)]
    public static SysResult ReadLink(SyscallContext context, UserCString path, [Out] UserPtr<byte> buffer, int size) =>
        ReadLinkAt(context, Fd.AtFdCwd, path, buffer, size);

    [Syscall(267, "readlinkat", Returns = Returns.Value)]
    public static SysResult ReadLinkAt(SyscallContext context, Fd directory, UserCString path, [Out] UserPtr<byte> buffer, int size)
    {
        if (size <= 0)
        {
            return Errno.EINVAL;
        }
        // An empty path stands for the link that the descriptor was opened at (readlinkat(2)).
        Errno error = context.FindAt(directory, path, follow: false, mayBeEmpty: true, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is not SymbolicLinkInode link)
        {
            bool isPathEmpty = context.TryGetPathBuffer(out byte[]? bytes) && bytes[0] == 0;
            return isPathEmpty ? Errno.ENOENT : Errno.EINVAL;
        }
        error = context.FileSystem.GetTarget(link, out ReadOnlySpan<byte> target);
        if (error != Errno.None)
        {
            return error;
        }
        target = target.Length > size ? target[..size] : target;
        link.TouchAccessed();
        return context.Memory.CopyOut(buffer.Address, target) == target.Length ? target.Length : Errno.EFAULT;
    }
}
