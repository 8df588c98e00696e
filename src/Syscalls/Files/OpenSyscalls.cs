using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>The calls that make and close descriptors.</summary>
public static class OpenSyscalls
{
    // O_CREAT, and the bit that makes O_TMPFILE of O_DIRECTORY.
    private const ulong CreatingFlags = 0x40_0040;

    private const OpenFlags UnnamedBit = OpenFlags.O_TMPFILE & ~OpenFlags.O_DIRECTORY;

    private const OpenFlags KnownFlags = OpenFlags.O_ACCMODE | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_NOCTTY | OpenFlags.O_TRUNC
        | OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_SYNC | OpenFlags.O_ASYNC | OpenFlags.O_DIRECT | OpenFlags.O_LARGEFILE
        | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NOATIME | OpenFlags.O_CLOEXEC | OpenFlags.O_PATH | OpenFlags.O_TMPFILE;

    [Syscall(2, "open", Returns = Returns.Fd)]
    public static ValueTask<SysResult> Open(
        SyscallContext context, UserCString path, OpenFlags flags, [OnlyWith(nameof(flags), CreatingFlags)] Mode mode) =>
        OpenAt(context, Fd.AtFdCwd, path, flags, mode);

    [Syscall(257, "openat", Returns = Returns.Fd)]
    public static ValueTask<SysResult> OpenAt(
        SyscallContext context, Fd directory, UserCString path, OpenFlags flags, [OnlyWith(nameof(flags), CreatingFlags)] Mode mode)
    {
        // open(2) ignores flags that it does not know; O_PATH makes it ignore most others.
        flags &= KnownFlags;
        if ((flags & OpenFlags.O_PATH) != 0)
        {
            flags &= OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC;
        }
        Errno error = CheckCreation(flags);
        if (error != Errno.None)
        {
            return new(error);
        }
        error = context.ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return new(error);
        }
        error = context.GetStart(directory, bytes, out DirectoryInode start);
        if (error != Errno.None)
        {
            return new(error);
        }
        error = context.FileSystem.Open(start, bytes, flags | OpenFlags.O_LARGEFILE, mode & Inode.PermissionMask, out OpenFile? file);
        return error == Errno.None ? Finish(context, file!, flags) : FinishCreating(context, flags, error);
    }

    [Syscall(85, "creat", Returns = Returns.Fd)]
    public static ValueTask<SysResult> Create(SyscallContext context, UserCString path, Mode mode) =>
        OpenAt(context, Fd.AtFdCwd, path, OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_TRUNC, mode);

    [Syscall(437, "openat2", Returns = Returns.Fd)]
    public static ValueTask<SysResult> OpenAt2(SyscallContext context, Fd directory, UserCString path, UserPtr<OpenHow> how, nuint size)
    {
        Errno error = ReadHow(context, how, size, out OpenHow value);
        if (error != Errno.None)
        {
            return new(error);
        }
        OpenFlags flags = (OpenFlags)value.flags;
        ResolveFlags resolve = (ResolveFlags)value.resolve;
        if ((resolve & ResolveFlags.RESOLVE_CACHED) != 0 && (flags & (OpenFlags.O_TRUNC | OpenFlags.O_CREAT | UnnamedBit)) != 0)
        {
            return new(Errno.EAGAIN);
        }

        // Nothing here waits for a device on the way to a file.
        resolve &= ~ResolveFlags.RESOLVE_CACHED;
        return resolve == ResolveFlags.None
            ? OpenAt(context, directory, path, flags, (Mode)value.mode)
            : OpenWithin(context, directory, path, flags, (Mode)value.mode, resolve);
    }

    /// <summary>Reads a struct open_how of whatever version, and checks what open(2) ignores.</summary>
    private static Errno ReadHow(SyscallContext context, UserPtr<OpenHow> how, nuint size, out OpenHow value)
    {
        const nuint FirstSize = 24;
        const ResolveFlags Scopes = ResolveFlags.RESOLVE_BENEATH | ResolveFlags.RESOLVE_IN_ROOT;
        const ulong KnownResolve = 0x3F;
        const OpenFlags PathFlags = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC;
        value = default;
        if (size < FirstSize)
        {
            return Errno.EINVAL;
        }
        if (size > Paging.PageSize)
        {
            return Errno.E2BIG;
        }

        // What a later version of the structure has must not be asked for (openat2(2), "Extensibility").
        for (ulong offset = FirstSize; offset < size; offset++)
        {
            if (!context.Memory.TryRead(new UserPtr<byte>(how.Address + offset), out byte extra))
            {
                return Errno.EFAULT;
            }
            if (extra != 0)
            {
                return Errno.E2BIG;
            }
        }
        if (!context.Memory.TryRead(how, out value))
        {
            return Errno.EFAULT;
        }
        OpenFlags flags = (OpenFlags)value.flags;
        bool creates = (value.flags & CreatingFlags) != 0;
        bool hasUnknown = (value.flags & ~(ulong)KnownFlags) != 0 || (value.resolve & ~KnownResolve) != 0
            || ((flags & OpenFlags.O_PATH) != 0 && (flags & ~PathFlags) != 0);
        bool isModeWrong = (value.mode & ~0xFFFUL) != 0 || (!creates && value.mode != 0);
        return hasUnknown || isModeWrong || ((ResolveFlags)value.resolve & Scopes) == Scopes ? Errno.EINVAL : Errno.None;
    }

    private static ValueTask<SysResult> OpenWithin(
        SyscallContext context, Fd directory, UserCString path, OpenFlags flags, Mode mode, ResolveFlags resolve)
    {
        Errno error = CheckCreation(flags);
        if (error != Errno.None)
        {
            return new(error);
        }
        error = context.ReadPath(path, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return new(error);
        }

        // An absolute path starts at the descriptor as well, if that is the root.
        bool isScoped = (resolve & (ResolveFlags.RESOLVE_BENEATH | ResolveFlags.RESOLVE_IN_ROOT)) != 0;
        error = context.GetStart(directory, isScoped && !bytes.IsEmpty ? "."u8 : bytes, out DirectoryInode start);
        if (error == Errno.None)
        {
            error = context.FileSystem.Open(start, bytes, flags | OpenFlags.O_LARGEFILE, mode, out OpenFile? file, resolve);
            return error == Errno.None ? Finish(context, file!, flags) : FinishCreating(context, flags, error);
        }
        return new(error);
    }

    /// <summary>Answers an error, or goes on with a file that somebody else is asked to make.</summary>
    private static ValueTask<SysResult> FinishCreating(SyscallContext context, OpenFlags flags, Errno error) =>
        context.FileSystem.TryTakeChange(out PendingChange? change) ? FinishCreatingAsync(context, change, flags) : new(error);

    private static async ValueTask<SysResult> FinishCreatingAsync(SyscallContext context, PendingChange change, OpenFlags flags)
    {
        Errno error = await context.WaitForAsync(change);
        if (error == Errno.EEXIST && (flags & OpenFlags.O_EXCL) == 0)
        {
            // Somebody was faster: this is another file now, and it has other rules.
            return InternalErrno.MustWait;
        }
        if (error == Errno.None)
        {
            error = context.FileSystem.OpenInode(change.Made!, flags | OpenFlags.O_LARGEFILE, isNew: true, out OpenFile? file);
            if (error == Errno.None)
            {
                file!.HasCreatedFile = change.IsCreation;
                return await Finish(context, file!, flags);
            }
        }
        return error;
    }

    /// <summary>Refuses to make a directory.</summary>
    private static Errno CheckCreation(OpenFlags flags)
    {
        const OpenFlags Both = OpenFlags.O_CREAT | OpenFlags.O_DIRECTORY;
        bool makesDirectory = (flags & Both) == Both && (flags & OpenFlags.O_TMPFILE) != OpenFlags.O_TMPFILE;
        return makesDirectory && (flags & OpenFlags.O_PATH) == 0 ? Errno.EINVAL : Errno.None;
    }

    private static ValueTask<SysResult> Finish(SyscallContext context, OpenFile file, OpenFlags flags) =>
        file is OpenPipe { IsOpening: true } fifo ? FinishOpeningAsync(context, fifo, flags) : new(Install(context, file, flags));

    [Syscall(3, "close")]
    public static SysResult Close(SyscallContext context, Fd fd) => context.Files.Close(fd);

    [Syscall(436, "close_range", Missing = "CLOSE_RANGE_UNSHARE")]
    public static SysResult CloseRange(SyscallContext context, uint first, uint last, CloseRangeFlags flags)
    {
        if ((flags & ~(CloseRangeFlags.CLOSE_RANGE_CLOEXEC | CloseRangeFlags.CLOSE_RANGE_UNSHARE)) != 0 || first > last)
        {
            return Errno.EINVAL;
        }
        if (first > int.MaxValue)
        {
            return SysResult.Success;
        }
        if ((flags & CloseRangeFlags.CLOSE_RANGE_UNSHARE) != 0 && !context.Thread.TryUnshareFiles())
        {
            return Errno.ENOMEM;
        }
        FileTable files = context.Files;
        int next = (int)first;
        while (files.TryFindNext(next, out Fd fd) && (uint)fd.Number <= last)
        {
            if ((flags & CloseRangeFlags.CLOSE_RANGE_CLOEXEC) != 0)
            {
                files.SetCloseOnExec(fd, true);
            }
            else
            {
                files.Close(fd);
            }
            next = fd.Number + 1;
        }
        return SysResult.Success;
    }

    [Syscall(32, "dup", Returns = Returns.Fd)]
    public static SysResult Duplicate(SyscallContext context, Fd fd) => DuplicateFrom(context, fd, 0, closeOnExec: false);

    [Syscall(33, "dup2", Returns = Returns.Fd)]
    public static SysResult Duplicate2(SyscallContext context, Fd oldFd, Fd newFd)
    {
        if (oldFd.Number != newFd.Number)
        {
            return DuplicateTo(context, oldFd, newFd, closeOnExec: false);
        }
        return context.Files.TryGetAny(oldFd, out _, out Errno error) ? newFd.Number : error;
    }

    [Syscall(292, "dup3", Returns = Returns.Fd)]
    public static SysResult Duplicate3(SyscallContext context, Fd oldFd, Fd newFd, OpenFlags flags)
    {
        if ((flags & ~OpenFlags.O_CLOEXEC) != 0 || oldFd.Number == newFd.Number)
        {
            return Errno.EINVAL;
        }
        return DuplicateTo(context, oldFd, newFd, (flags & OpenFlags.O_CLOEXEC) != 0);
    }

    [Syscall(319, "memfd_create", Returns = Returns.Fd, Missing = "MFD_HUGETLB")]
    public static SysResult CreateMemoryFile(SyscallContext context, UserCString name, MemfdFlags flags)
    {
        const int MaximumName = 249;
        const MemfdFlags Execution = MemfdFlags.MFD_NOEXEC_SEAL | MemfdFlags.MFD_EXEC;
        const MemfdFlags Known = MemfdFlags.MFD_CLOEXEC | MemfdFlags.MFD_ALLOW_SEALING | Execution;
        const uint HugeSizes = 0x3Fu << 26;
        bool isHuge = (flags & MemfdFlags.MFD_HUGETLB) != 0;
        uint known = isHuge ? (uint)(Known | MemfdFlags.MFD_HUGETLB) | HugeSizes : (uint)Known;
        if (((uint)flags & ~known) != 0 || (flags & Execution) == Execution)
        {
            return Errno.EINVAL;
        }
        Errno error = context.ReadPath(name, out ReadOnlySpan<byte> bytes);
        if (error == Errno.EFAULT)
        {
            return error;
        }
        if (error != Errno.None || bytes.Length > MaximumName)
        {
            return Errno.EINVAL;
        }
        if (isHuge)
        {
            // As a Linux without pages of that size.
            return Errno.ENOSYS;
        }
        FileSystemContext fileSystem = context.FileSystem;
        bool neverExecutes = (flags & MemfdFlags.MFD_NOEXEC_SEAL) != 0;
        MemfdSeals seals = neverExecutes ? MemfdSeals.F_SEAL_EXEC
            : (flags & MemfdFlags.MFD_ALLOW_SEALING) != 0 ? MemfdSeals.None
            : MemfdSeals.F_SEAL_SEAL;
        OpenFile file = fileSystem.Mounts.Anonymous.CreateMemoryFile(
            bytes, (Mode)(neverExecutes ? 0x1B6 : 0x1FF), fileSystem.Credentials, seals);
        return Install(context, file, (flags & MemfdFlags.MFD_CLOEXEC) != 0 ? OpenFlags.O_CLOEXEC : OpenFlags.O_RDONLY);
    }

    /// <summary>Gives an open file a descriptor, or closes it where there is none left.</summary>
    internal static SysResult Install(SyscallContext context, OpenFile file, OpenFlags flags)
    {
        Errno error = context.Files.Add(file, (flags & OpenFlags.O_CLOEXEC) != 0, out Fd fd);
        if (error != Errno.None)
        {
            file.Release();
            return error;
        }
        return fd.Number;
    }

    /// <summary>Duplicates to the lowest free descriptor from a number on (F_DUPFD).</summary>
    internal static SysResult DuplicateFrom(SyscallContext context, Fd fd, int lowest, bool closeOnExec)
    {
        if (!context.Files.TryGetAny(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        error = context.Files.Add(file, closeOnExec, out Fd added, lowest);
        if (error != Errno.None)
        {
            return error;
        }
        file.AddReference();
        return added.Number;
    }

    private static SysResult DuplicateTo(SyscallContext context, Fd oldFd, Fd newFd, bool closeOnExec)
    {
        if (newFd.Number < 0 || newFd.Number >= context.Files.Limit)
        {
            return Errno.EBADF;
        }
        if (!context.Files.TryGetAny(oldFd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        file.AddReference();
        error = context.Files.Put(newFd, file, closeOnExec);
        if (error != Errno.None)
        {
            file.Release();
            return error;
        }
        return newFd.Number;
    }

    /// <summary>Waits until somebody has opened the other end of a fifo (fifo(7)).</summary>
    private static async ValueTask<SysResult> FinishOpeningAsync(SyscallContext context, OpenPipe fifo, OpenFlags flags)
    {
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            fifo.Enlist(waiter, PollEvents.POLLIN | PollEvents.POLLOUT);
            if (!fifo.IsOpening)
            {
                waiter.Cancel();
                return Install(context, fifo, flags);
            }
            if (await waiter.WaitAsync() == WaitResult.Interrupted)
            {
                fifo.Release();
                return RestartErrno.ERESTARTSYS;
            }
        }
    }
}
