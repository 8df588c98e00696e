using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;

namespace Semitone.Syscalls;

/// <summary>fcntl(2), ioctl(2) and flock(2).</summary>
public static class FcntlSyscalls
{
    [Syscall(72, "fcntl", Returns = Returns.Value, Missing = "leases, notifications of directories")]
    public static ValueTask<SysResult> Control(SyscallContext context, Fd fd, FcntlCommand command, [Trace(TraceFormat.Hex)] ulong argument)
    {
        if (!context.Files.TryGetAny(fd, out OpenFile? file, out Errno error))
        {
            return new(error);
        }
        switch (command)
        {
            case FcntlCommand.F_DUPFD:
            case FcntlCommand.F_DUPFD_CLOEXEC:
                int lowest = (int)Math.Min(argument, int.MaxValue);
                return new(lowest >= context.Files.Limit
                    ? Errno.EINVAL
                    : OpenSyscalls.DuplicateFrom(context, fd, lowest, command == FcntlCommand.F_DUPFD_CLOEXEC));
            case FcntlCommand.F_GETFD:
                return new(context.Files.IsCloseOnExec(fd) ? (int)FdFlags.FD_CLOEXEC : 0);
            case FcntlCommand.F_SETFD:
                context.Files.SetCloseOnExec(fd, ((FdFlags)argument & FdFlags.FD_CLOEXEC) != 0);
                return new(SysResult.Success);
            case FcntlCommand.F_GETFL:
                return new((long)file.Flags);
            case FcntlCommand.F_CREATED_QUERY:
                return new(file.HasCreatedFile ? 1 : 0);
            case FcntlCommand.F_DUPFD_QUERY:
                return new(!context.Files.TryGetAny(new Fd((int)argument), out OpenFile? other, out error) ? error : other == file ? 1 : 0);
            default:
                return file.IsPathOnly ? new(Errno.EBADF) : ControlFile(context, fd, file, command, argument);
        }
    }

    [Syscall(16, "ioctl")]
    public static SysResult ControlDevice(SyscallContext context, Fd fd, IoctlRequest request, [Trace(TraceFormat.Address)] ulong argument)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        switch (request)
        {
            case IoctlRequest.FIOCLEX:
            case IoctlRequest.FIONCLEX:
                context.Files.SetCloseOnExec(fd, request == IoctlRequest.FIOCLEX);
                return SysResult.Success;
            case IoctlRequest.FIONBIO:
                if (!context.Memory.TryRead(new UserPtr<int>(argument), out int isOn))
                {
                    return Errno.EFAULT;
                }
                OpenFlags flags = isOn != 0 ? file.Flags | OpenFlags.O_NONBLOCK : file.Flags & ~OpenFlags.O_NONBLOCK;
                return file.SetFlags(flags);
            case IoctlRequest.FIOASYNC:
                return context.Memory.TryRead(new UserPtr<int>(argument), out int isAsync)
                    ? FileOwnerSyscalls.SetAsync(context, file, fd, isAsync != 0)
                    : Errno.EFAULT;
            case IoctlRequest.FIONREAD when file.Inode.IsRegular:
                int left = (int)Math.Clamp(file.Inode.Size - file.Offset, int.MinValue, int.MaxValue);
                return context.Memory.TryWrite(new UserPtr<int>(argument), left) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.FICLONE or IoctlRequest.FICLONERANGE when file.Inode.IsRegular:
                // No file system here shares blocks; programs that get this answer copy.
                return Errno.EOPNOTSUPP;
            case IoctlRequest.TIOCGPTPEER when file is OpenMaster master:
                return OpenPeer(context, master, (OpenFlags)argument);
            default:
                return file.Control(request, argument, context.Memory);
        }
    }

    [Syscall(73, "flock")]
    public static ValueTask<SysResult> LockFile(SyscallContext context, Fd fd, FlockOperation operation)
    {
        // As Linux from 5.18 on, before it looks at the descriptor: share modes never kept anybody from anything, and are ignored now.
        if ((operation & FlockOperation.LOCK_MAND) != 0)
        {
            return new(SysResult.Success);
        }
        if ((operation & ~FlockOperation.LOCK_NB) is not (FlockOperation.LOCK_SH or FlockOperation.LOCK_EX or FlockOperation.LOCK_UN))
        {
            return new(Errno.EINVAL);
        }
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return new(error);
        }
        error = file.Inode.GetLocks().Flock.Apply(file, operation);
        return error == Errno.EAGAIN && (operation & FlockOperation.LOCK_NB) == 0 ? LockFileAsync(context, file, operation) : new(error);
    }

    /// <summary>Opens the slave of a pseudo-terminal by its master (TIOCGPTPEER in ioctl_tty(2)).</summary>
    private static SysResult OpenPeer(SyscallContext context, OpenMaster master, OpenFlags flags)
    {
        Errno error = master.OpenPeer(flags, out OpenFile? slave);
        return slave is null ? error : OpenSyscalls.Install(context, slave, flags);
    }

    private static ValueTask<SysResult> ControlFile(SyscallContext context, Fd fd, OpenFile file, FcntlCommand command, ulong argument)
    {
        switch (command)
        {
            case FcntlCommand.F_SETFL:
                Errno refused = CheckFlags(context, file, (OpenFlags)argument);
                return new(refused == Errno.None ? SetFlags(context, file, fd, (OpenFlags)argument) : refused);
            case >= FcntlCommand.F_SETOWN and <= FcntlCommand.F_GETSIG:
            case FcntlCommand.F_SETOWN_EX or FcntlCommand.F_GETOWN_EX:
                return new(FileOwnerSyscalls.Control(context, file, command, argument));
            case FcntlCommand.F_GETLEASE:
                // No file system here grants leases, so that there is none (fcntl(2), "Leases").
                return new((long)LockType.F_UNLCK);
            case FcntlCommand.F_SETLEASE:
                // Who may not have one is told first. To others it is what Linux answers for file systems without leases: there is nobody
                // here, server or other process, whom a lease would hold up.
                bool mayHaveLease = context.FileSystem.Credentials.UserId == file.Inode.UserId
                    || context.FileSystem.Credentials.Has(Capability.CAP_LEASE);
                return new(mayHaveLease ? Errno.EINVAL : Errno.EACCES);
            case FcntlCommand.F_NOTIFY:
                // As a Linux without CONFIG_DNOTIFY; programs ask inotify(7) first.
                return new(Errno.EINVAL);
            case FcntlCommand.F_ADD_SEALS:
                return new(AddSeals(file, argument));
            case FcntlCommand.F_GET_SEALS:
                return new(file.Inode is RamFile sealable ? (long)sealable.Seals : Errno.EINVAL);
            case FcntlCommand.F_GET_RW_HINT:
                return new(context.Memory.TryWrite(new UserPtr<ulong>(argument), (ulong)file.Inode.WriteHint)
                    ? SysResult.Success : Errno.EFAULT);
            case FcntlCommand.F_SET_RW_HINT:
                return new(SetWriteHint(context, file.Inode, argument));
            case FcntlCommand.F_GETLK:
            case FcntlCommand.F_OFD_GETLK:
                return new(FindRecordLock(context, file, argument, command == FcntlCommand.F_OFD_GETLK));
            case FcntlCommand.F_SETLK:
            case FcntlCommand.F_SETLKW:
                return SetRecordLock(context, fd, file, argument, isOfFile: false, command == FcntlCommand.F_SETLKW);
            case FcntlCommand.F_OFD_SETLK:
            case FcntlCommand.F_OFD_SETLKW:
                return SetRecordLock(context, fd, file, argument, isOfFile: true, command == FcntlCommand.F_OFD_SETLKW);
            case FcntlCommand.F_GETPIPE_SZ:
                return new(file is OpenPipe measured ? measured.Pipe.Capacity : Errno.EBADF);
            case FcntlCommand.F_SETPIPE_SZ:
                if (file is not OpenPipe pipe)
                {
                    return new(Errno.EBADF);
                }
                Errno error = pipe.Pipe.SetCapacity((uint)Math.Min(argument, uint.MaxValue));
                return new(error != Errno.None ? error : (SysResult)pipe.Pipe.Capacity);
            default:
                return new(Errno.EINVAL);
        }
    }

    /// <summary>Sets status flags. A file that has no signals just stays without O_ASYNC.</summary>
    private static Errno SetFlags(SyscallContext context, OpenFile file, Fd fd, OpenFlags wanted)
    {
        Errno error = FileOwnerSyscalls.SetAsync(context, file, fd, (wanted & OpenFlags.O_ASYNC) != 0);
        return error is Errno.None or Errno.ENOTTY ? file.SetFlags(wanted) : error;
    }

    /// <summary>Refuses status flags that the file does not have, or the caller may not set.</summary>
    private static Errno CheckFlags(SyscallContext context, OpenFile file, OpenFlags wanted)
    {
        OpenFlags added = wanted & ~file.Flags;
        if ((added & OpenFlags.O_NOATIME) != 0 && !context.FileSystem.Credentials.Owns(file.Inode))
        {
            return Errno.EPERM;
        }
        return (wanted & OpenFlags.O_DIRECT) != 0 && !file.AllowsDirect ? Errno.EINVAL : Errno.None;
    }

    private static SysResult AddSeals(OpenFile file, ulong seals)
    {
        const MemfdSeals Known = MemfdSeals.F_SEAL_SEAL | MemfdSeals.F_SEAL_SHRINK | MemfdSeals.F_SEAL_GROW | MemfdSeals.F_SEAL_WRITE
            | MemfdSeals.F_SEAL_FUTURE_WRITE | MemfdSeals.F_SEAL_EXEC;
        if (!file.CanWrite)
        {
            return Errno.EPERM;
        }
        return (seals & ~(ulong)Known) == 0 && file.Inode is RamFile sealable ? sealable.AddSeals((MemfdSeals)seals) : Errno.EINVAL;
    }

    private static SysResult SetWriteHint(SyscallContext context, Inode inode, ulong address)
    {
        // RWH_WRITE_LIFE_EXTREME.
        const ulong Longest = 5;
        if (!context.FileSystem.Credentials.Owns(inode))
        {
            return Errno.EPERM;
        }
        if (!context.Memory.TryRead(new UserPtr<ulong>(address), out ulong hint))
        {
            return Errno.EFAULT;
        }
        if (hint > Longest)
        {
            return Errno.EINVAL;
        }
        inode.WriteHint = (byte)hint;
        return SysResult.Success;
    }

    private static ValueTask<SysResult> LockFileAsync(SyscallContext context, OpenFile file, FlockOperation operation)
    {
        FileLocks locks = file.Inode.GetLocks();
        return WaitForLockAsync(context, file, locks, () => locks.Flock.Apply(file, operation));
    }

    /// <summary>Tries to take a lock each time that one is given up, until there is another answer than EAGAIN.</summary>
    private static async ValueTask<SysResult> WaitForLockAsync(SyscallContext context, OpenFile file, FileLocks locks, Func<Errno> tryLock)
    {
        Waiter waiter = context.Thread.Waiter;

        // Whoever closes the descriptor meanwhile does not close the file: its lock would outlive it.
        file.AddReference();
        try
        {
            while (true)
            {
                waiter.Enlist(locks.Released);
                Errno error = tryLock();
                if (error != Errno.EAGAIN)
                {
                    waiter.Cancel();
                    return error;
                }
                if (await waiter.WaitAsync() == WaitResult.Interrupted)
                {
                    return RestartErrno.ERESTARTSYS;
                }
            }
        }
        finally
        {
            file.Release();
        }
    }

    private static SysResult FindRecordLock(SyscallContext context, OpenFile file, ulong argument, bool isOfFile)
    {
        Errno error = ReadRecordLock(context, file, argument, isOfFile, out Flock value, out long start, out long end);
        if (error != Errno.None)
        {
            return error;
        }
        if (value.l_type is not (LockType.F_RDLCK or LockType.F_WRLCK))
        {
            return Errno.EINVAL;
        }
        object owner = isOfFile ? file : context.Files;
        if (file.Inode.GetLocks().Records.TryFindConflict(
            owner, value.l_type == LockType.F_WRLCK, start, end, out RecordLocks.Range conflict))
        {
            value.l_type = conflict.IsExclusive ? LockType.F_WRLCK : LockType.F_RDLCK;
            value.l_whence = (short)SeekWhence.SEEK_SET;
            value.l_start = conflict.Start;
            value.l_len = conflict.End == long.MaxValue ? 0 : conflict.End - conflict.Start + 1;
            value.l_pid = conflict.ProcessId;
        }
        else
        {
            value.l_type = LockType.F_UNLCK;
        }
        return context.Memory.TryWrite(new UserPtr<Flock>(argument), value) ? SysResult.Success : Errno.EFAULT;
    }

    private static ValueTask<SysResult> SetRecordLock(
        SyscallContext context, Fd fd, OpenFile file, ulong argument, bool isOfFile, bool waits)
    {
        Errno error = ReadRecordLock(context, file, argument, isOfFile, out Flock value, out long start, out long end);
        if (error != Errno.None)
        {
            return new(error);
        }
        object owner = isOfFile ? file : context.Files;
        int processId = isOfFile ? -1 : context.Process.Pid;
        RecordLocks records = file.Inode.GetLocks().Records;
        switch (value.l_type)
        {
            case LockType.F_UNLCK:
                return new(records.Unlock(owner, start, end));
            case LockType.F_RDLCK when !file.CanRead:
            case LockType.F_WRLCK when !file.CanWrite:
                return new(Errno.EBADF);
            case LockType.F_RDLCK:
            case LockType.F_WRLCK:
                bool isExclusive = value.l_type == LockType.F_WRLCK;
                error = records.Lock(owner, processId, isExclusive, start, end);
                return error == Errno.EAGAIN && waits
                    ? LockRecordAsync(context, fd, file, owner, processId, isExclusive, start, end)
                    : new(error);
            default:
                return new(Errno.EINVAL);
        }
    }

    private static async ValueTask<SysResult> LockRecordAsync(
        SyscallContext context, Fd fd, OpenFile file, object owner, int processId, bool isExclusive, long start, long end)
    {
        FileLocks locks = file.Inode.GetLocks();

        // Locks of open files are not looked at: nobody knows who would give them up (fcntl(2), "Open file description locks").
        RecordLockWait? wait = owner is FileTable table ? new RecordLockWait(locks.Records, table, isExclusive, start, end) : null;
        wait?.Begin();
        try
        {
            return await WaitForLockAsync(context, file, locks, () =>
            {
                Errno error = locks.Records.Lock(owner, processId, isExclusive, start, end);
                return error == Errno.None && IsClosed(context, fd, file) ? GiveUpRecordLock(locks, owner, start, end)
                    : error == Errno.EAGAIN && wait?.WouldDeadlock() == true ? Errno.EDEADLK
                    : error;
            });
        }
        finally
        {
            wait?.End();
        }
    }

    private static bool IsClosed(SyscallContext context, Fd fd, OpenFile file) =>
        !context.Files.TryGet(fd, out OpenFile? current, out _) || current != file;

    /// <summary>
    /// Undoes a lock that came after its descriptor was closed: closing has released the others, and nothing would release this one.
    /// </summary>
    private static Errno GiveUpRecordLock(FileLocks locks, object owner, long start, long end)
    {
        _ = locks.Records.Unlock(owner, start, end);
        return Errno.EBADF;
    }

    /// <summary>Reads a struct flock and works out which bytes it means.</summary>
    private static Errno ReadRecordLock(
        SyscallContext context, OpenFile file, ulong argument, bool isOfFile, out Flock value, out long start, out long end)
    {
        start = 0;
        end = 0;
        if (!context.Memory.TryRead(new UserPtr<Flock>(argument), out value))
        {
            return Errno.EFAULT;
        }
        if (isOfFile && value.l_pid != 0)
        {
            return Errno.EINVAL;
        }
        long origin;
        switch ((SeekWhence)value.l_whence)
        {
            case SeekWhence.SEEK_SET:
                origin = 0;
                break;
            case SeekWhence.SEEK_CUR:
                origin = file.Offset;
                break;
            case SeekWhence.SEEK_END:
                origin = file.Inode.Size;
                break;
            default:
                return Errno.EINVAL;
        }
        if (value.l_start > long.MaxValue - origin)
        {
            return Errno.EOVERFLOW;
        }
        start = origin + value.l_start;
        if (start < 0)
        {
            return Errno.EINVAL;
        }
        if (value.l_len > 0)
        {
            if (value.l_len - 1 > long.MaxValue - start)
            {
                return Errno.EOVERFLOW;
            }
            end = start + value.l_len - 1;
        }
        else if (value.l_len == 0)
        {
            end = long.MaxValue;
        }
        else
        {
            // A negative length means the bytes in front of the start.
            end = start - 1;
            if (start + value.l_len < 0)
            {
                return Errno.EINVAL;
            }
            start += value.l_len;
        }
        return Errno.None;
    }
}
