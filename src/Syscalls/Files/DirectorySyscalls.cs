using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls about directories: reading them, making and removing them, standing in them.</summary>
public static class DirectorySyscalls
{
    private const int RecordAlignment = 8;

    // The old record: inode, offset, length, name; the type stands in the record's last byte (getdents(2)).
    private const int OldNameOffset = 18;

    /// <summary>What stands before a working directory that lies outside the root (getcwd(2)).</summary>
    private static ReadOnlySpan<byte> Unreachable => "(unreachable)"u8;

    [Syscall(217, "getdents64", Returns = Returns.Value)]
    public static SysResult GetEntries64(
        SyscallContext context, Fd fd, [Out, Trace(TraceFormat.Address)] UserPtr<byte> buffer, int count) =>
        GetEntries(context, fd, buffer, count, isOld: false);

    [Syscall(78, "getdents", Returns = Returns.Value)]
    public static SysResult GetEntries(SyscallContext context, Fd fd, [Out, Trace(TraceFormat.Address)] UserPtr<byte> buffer, int count) =>
        GetEntries(context, fd, buffer, count, isOld: true);

    [Syscall(79, "getcwd", Returns = Returns.Value)]
    public static SysResult GetWorkingDirectory(SyscallContext context, [Out] UserPtr<byte> buffer, nuint size)
    {
        if (!context.TryGetPathBuffer(out byte[]? path))
        {
            return Errno.ENOMEM;
        }

        path[^1] = 0;
        FileSystemContext fileSystem = context.FileSystem;
        int start = path.Length - 1;
        Span<byte> room = path.AsSpan(Unreachable.Length, start - Unreachable.Length);
        switch (fileSystem.GetPath(fileSystem.WorkingDirectory, room, out ReadOnlySpan<byte> found))
        {
            case PathFate.Removed:
                return Errno.ENOENT;
            case PathFate.TooLong:
                return Errno.ENAMETOOLONG;
            case PathFate.Unreachable:
                start -= found.Length + Unreachable.Length;
                Unreachable.CopyTo(path.AsSpan(start));
                break;
            default:
                start -= found.Length;
                break;
        }
        // With the NUL that stands behind it.
        ReadOnlySpan<byte> bytes = path.AsSpan(start);
        if ((nuint)bytes.Length > size)
        {
            return Errno.ERANGE;
        }
        return context.Memory.CopyOut(buffer.Address, bytes) == bytes.Length ? bytes.Length : Errno.EFAULT;
    }

    [Syscall(80, "chdir")]
    public static SysResult ChangeDirectory(SyscallContext context, UserCString path)
    {
        Errno error = context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out Inode? inode);
        return error != Errno.None ? error : context.FileSystem.ChangeDirectory(inode!);
    }

    [Syscall(81, "fchdir")]
    public static SysResult ChangeDirectoryTo(SyscallContext context, Fd fd) =>
        context.Files.TryGetAny(fd, out OpenFile? file, out Errno error) ? context.FileSystem.ChangeDirectory(file.Inode) : error;

    [Syscall(161, "chroot")]
    public static SysResult ChangeRoot(SyscallContext context, UserCString path)
    {
        Errno error = context.FindAt(Fd.AtFdCwd, path, follow: true, mayBeEmpty: false, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        return inode is DirectoryInode directory ? context.FileSystem.ChangeRoot(directory) : Errno.ENOTDIR;
    }

    [Syscall(83, "mkdir")]
    public static SysResult MakeDirectory(SyscallContext context, UserCString path, Mode mode) =>
        MakeDirectoryAt(context, Fd.AtFdCwd, path, mode);

    [Syscall(258, "mkdirat")]
    public static SysResult MakeDirectoryAt(SyscallContext context, Fd directory, UserCString path, Mode mode)
    {
        Errno error = context.ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(directory, bytes, out DirectoryInode start);
        return error != Errno.None ? error : context.FileSystem.MakeDirectory(start, bytes, mode);
    }

    [Syscall(84, "rmdir")]
    public static SysResult RemoveDirectory(SyscallContext context, UserCString path) =>
        LinkSyscalls.UnlinkAt(context, Fd.AtFdCwd, path, AtFlags.AT_REMOVEDIR);

    [Syscall(133, "mknod")]
    public static SysResult MakeNode(SyscallContext context, UserCString path, Mode mode, uint device) =>
        MakeNodeAt(context, Fd.AtFdCwd, path, mode, device);

    [Syscall(259, "mknodat")]
    public static SysResult MakeNodeAt(SyscallContext context, Fd directory, UserCString path, Mode mode, uint device)
    {
        Errno error = context.ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }
        error = context.GetStart(directory, bytes, out DirectoryInode start);
        return error != Errno.None ? error : context.FileSystem.MakeNode(start, bytes, mode, DeviceNumber.Decode(device));
    }

    private static SysResult GetEntries(SyscallContext context, Fd fd, UserPtr<byte> buffer, int count, bool isOld)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (file is not OpenDirectory)
        {
            return Errno.ENOTDIR;
        }
        if (file.Inode is DirectoryInode { IsRemoved: true })
        {
            return Errno.ENOENT;
        }

        // A page at a time: whoever wants more asks again.
        if (!context.TryGetPathBuffer(out byte[]? page))
        {
            return Errno.ENOMEM;
        }

        Span<byte> records = page;
        records = records.Length > count ? records[..Math.Max(count, 0)] : records;
        int length = 0;
        long nextOffset = file.Offset;
        long startOffset = nextOffset;
        bool isFull = false;
        while (file.TryGetEntry(out DirectoryEntry entry, out long offset))
        {
            int written = isOld ? WriteOldRecord(records[length..], entry, offset) : WriteRecord(records[length..], entry, offset);
            if (written == 0)
            {
                isFull = true;
                break;
            }
            length += written;
            nextOffset = offset;
            file.CommitEntries(offset);
        }
        if (length == 0)
        {
            return isFull ? Errno.EINVAL : FinishEntries(context, file);
        }
        if (context.Memory.CopyOut(buffer.Address, records[..length]) != length)
        {
            file.CommitEntries(startOffset);
            return Errno.EFAULT;
        }
        file.Inode.TouchAccessed();
        file.Inode.Notify(InotifyMask.IN_ACCESS);
        return length;
    }

    /// <summary>Answers the end of a directory, or that its entries must be fetched first.</summary>
    private static SysResult FinishEntries(SyscallContext context, OpenFile file)
    {
        Errno error = file.EntriesError;
        if (error == InternalErrno.MustWait)
        {
            context.FileSystem.NoteFetch(file.Inode);
        }
        else if (error == Errno.None)
        {
            file.Inode.Notify(InotifyMask.IN_ACCESS);
        }
        return error;
    }

    private static int WriteRecord(Span<byte> destination, DirectoryEntry entry, long nextOffset)
    {
        int end = Dirent64.NameOffset + entry.Name.Length;
        int length = (end + RecordAlignment) & -RecordAlignment;
        if (length > destination.Length)
        {
            return 0;
        }
        WriteHead(destination, entry, nextOffset, length);
        destination[OldNameOffset] = (byte)entry.Type;
        entry.Name.CopyTo(destination[Dirent64.NameOffset..]);
        destination[end..length].Clear();
        return length;
    }

    private static int WriteOldRecord(Span<byte> destination, DirectoryEntry entry, long nextOffset)
    {
        int end = OldNameOffset + entry.Name.Length;
        int length = (end + 1 + RecordAlignment) & -RecordAlignment;
        if (length > destination.Length)
        {
            return 0;
        }
        WriteHead(destination, entry, nextOffset, length);
        entry.Name.CopyTo(destination[OldNameOffset..]);
        destination[end..length].Clear();
        destination[length - 1] = (byte)entry.Type;
        return length;
    }

    private static void WriteHead(Span<byte> destination, DirectoryEntry entry, long nextOffset, int length)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, entry.InodeNumber);
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], nextOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[16..], (ushort)length);
    }
}
