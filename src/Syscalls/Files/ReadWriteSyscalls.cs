using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The calls that move bytes between files and memory.</summary>
/// <remarks>The most frequent ones become part of the dispatcher's decoding, their one caller.</remarks>
public static class ReadWriteSyscalls
{
    [Syscall(0, "read", Returns = Returns.Value)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SysResult Read(SyscallContext context, Fd fd, [Out] UserPtr<byte> buffer, nuint count)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (!file.CanRead)
        {
            return Errno.EBADF;
        }
        if (!SyscallContext.IsInUserRange(buffer.Address, count))
        {
            return Errno.EFAULT;
        }
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        return Read(context, file, ref cursor);
    }

    [Syscall(1, "write", Returns = Returns.Value)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SysResult Write(SyscallContext context, Fd fd, UserPtr<byte> buffer, nuint count)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (!file.CanWrite)
        {
            return Errno.EBADF;
        }
        if (!SyscallContext.IsInUserRange(buffer.Address, count))
        {
            return Errno.EFAULT;
        }
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        return Write(context, file, ref cursor);
    }

    [Syscall(17, "pread64", Returns = Returns.Value)]
    public static SysResult PositionalRead(SyscallContext context, Fd fd, [Out] UserPtr<byte> buffer, nuint count, long offset)
    {
        Errno error = FindForOffset(context, fd, buffer.Address, count, offset, isWrite: false, out OpenFile? file);
        if (error != Errno.None)
        {
            return error;
        }
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        IoResult result = file!.ReadAt(ref cursor, offset);
        if (result.Error == Errno.None)
        {
            context.Thread.Io.CountRead(result.Bytes);
            return result.Bytes;
        }
        return FinishAt(context, file, ref cursor, result, Transfer.ReadAt, offset);
    }

    [Syscall(18, "pwrite64", Returns = Returns.Value)]
    public static SysResult PositionalWrite(SyscallContext context, Fd fd, UserPtr<byte> buffer, nuint count, long offset)
    {
        Errno error = FindForOffset(context, fd, buffer.Address, count, offset, isWrite: true, out OpenFile? file);
        if (error != Errno.None)
        {
            return error;
        }
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        IoResult result = file!.WriteAt(ref cursor, offset);
        if (result.Error == Errno.None)
        {
            context.Thread.Io.CountWrite(result.Bytes);
            return result.Bytes;
        }
        return FinishAt(context, file, ref cursor, result, Transfer.WriteAt, offset);
    }

    [Syscall(19, "readv", Returns = Returns.Value)]
    public static SysResult ReadVector(SyscallContext context, Fd fd, [Out] UserPtr<Iovec> vector, nuint count) =>
        ReadVector(context, fd, vector.Address, count);

    [Syscall(20, "writev", Returns = Returns.Value)]
    public static SysResult WriteVector(SyscallContext context, Fd fd, UserPtr<Iovec> vector, nuint count) =>
        WriteVector(context, fd, vector.Address, count);

    [Syscall(295, "preadv", Returns = Returns.Value)]
    public static SysResult PositionalReadVector(SyscallContext context, Fd fd, [Out] UserPtr<Iovec> vector, nuint count, long offset) =>
        ReadVectorAt(context, fd, vector.Address, count, offset);

    [Syscall(296, "pwritev", Returns = Returns.Value)]
    public static SysResult PositionalWriteVector(SyscallContext context, Fd fd, UserPtr<Iovec> vector, nuint count, long offset) =>
        WriteVectorAt(context, fd, vector.Address, count, offset);

    // The high half of the offset is an argument of its own for 32-bit callers; on x86-64 the low one is the whole offset.
    [Syscall(327, "preadv2", Returns = Returns.Value, Missing = "RWF_NOWAIT")]
    public static SysResult PositionalReadVector2(
        SyscallContext context, Fd fd, [Out] UserPtr<Iovec> vector, nuint count, long offset, ulong offsetHigh, ReadWriteFlags flags)
    {
        if ((flags & ~(ReadWriteFlags.RWF_HIPRI | ReadWriteFlags.RWF_DSYNC | ReadWriteFlags.RWF_SYNC)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }
        return offset == -1 ? ReadVector(context, fd, vector.Address, count) : ReadVectorAt(context, fd, vector.Address, count, offset);
    }

    [Syscall(328, "pwritev2", Returns = Returns.Value, Missing = "RWF_APPEND, RWF_NOWAIT")]
    public static SysResult PositionalWriteVector2(
        SyscallContext context, Fd fd, UserPtr<Iovec> vector, nuint count, long offset, ulong offsetHigh, ReadWriteFlags flags)
    {
        if ((flags & ~(ReadWriteFlags.RWF_HIPRI | ReadWriteFlags.RWF_DSYNC | ReadWriteFlags.RWF_SYNC)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }
        return offset == -1 ? WriteVector(context, fd, vector.Address, count) : WriteVectorAt(context, fd, vector.Address, count, offset);
    }

    [Syscall(8, "lseek", Returns = Returns.Value)]
    public static SysResult Seek(SyscallContext context, Fd fd, long offset, SeekWhence origin)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        error = file.Seek(offset, origin, out long position);
        return error == Errno.None ? position : error;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SysResult Read(SyscallContext context, OpenFile file, ref IoCursor cursor)
    {
        IoResult result = file.Read(ref cursor);
        if (result.Error == Errno.None)
        {
            context.Thread.Io.CountRead(result.Bytes);
            return result.Bytes;
        }
        return FinishRead(context, file, ref cursor, result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static SysResult Write(SyscallContext context, OpenFile file, ref IoCursor cursor)
    {
        IoResult result = file.Write(ref cursor);
        if (result.Error == Errno.None)
        {
            context.Thread.Io.CountWrite(result.Bytes);
            return result.Bytes;
        }
        return FinishWrite(context, file, ref cursor, result);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult FinishRead(SyscallContext context, OpenFile file, ref IoCursor cursor, IoResult result)
    {
        if (result.Error == Errno.EAGAIN && result.Bytes == 0 && !file.IsNonBlocking)
        {
            return context.Wait(FileWait.ReadAsync(context, file, cursor));
        }
        if (FetchWait.IsNeeded(context, result))
        {
            return context.Wait(FetchWait.ContinueAsync(context, file, cursor, result, Transfer.Read));
        }
        context.Thread.Io.CountRead(result.Bytes);
        return result.ToSysResult();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult FinishWrite(SyscallContext context, OpenFile file, ref IoCursor cursor, IoResult result)
    {
        if (result.Error == Errno.EAGAIN && !file.IsNonBlocking)
        {
            return context.Wait(FileWait.WriteAsync(context, file, cursor, isCounted: true));
        }
        if (FetchWait.IsNeeded(context, result))
        {
            return context.Wait(FetchWait.ContinueAsync(context, file, cursor, result, Transfer.Write));
        }
        context.Thread.Io.CountWrite(result.Bytes);
        return FileWait.Finish(context, file, result);
    }

    /// <summary>Ends a transfer to or from a place, or goes on with it when a page has been fetched.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SysResult FinishAt(
        SyscallContext context, OpenFile file, ref IoCursor cursor, IoResult result, Transfer transfer, long offset)
    {
        if (FetchWait.IsNeeded(context, result))
        {
            return context.Wait(FetchWait.ContinueAsync(context, file, cursor, result, transfer, offset));
        }
        context.Thread.Io.Count(transfer, result.Bytes);
        return result.ToSysResult();
    }

    /// <summary>Ends a call with an array that has come to nothing: that, too, counts as a call.</summary>
    private static Errno Fail(SyscallContext context, Errno error, Transfer transfer)
    {
        context.Thread.Io.Count(transfer, 0);
        return error;
    }

    private static SysResult ReadVector(SyscallContext context, Fd fd, ulong vector, nuint count)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return Fail(context, error, Transfer.Read);
        }
        if (!file.CanRead)
        {
            return Fail(context, Errno.EBADF, Transfer.Read);
        }
        error = context.Memory.ImportIoVec(vector, count, ref context.Segments, out IoCursor cursor);
        return error != Errno.None ? Fail(context, error, Transfer.Read) : Read(context, file, ref cursor);
    }

    private static SysResult WriteVector(SyscallContext context, Fd fd, ulong vector, nuint count)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return Fail(context, error, Transfer.Write);
        }
        if (!file.CanWrite)
        {
            return Fail(context, Errno.EBADF, Transfer.Write);
        }
        error = context.Memory.ImportIoVec(vector, count, ref context.Segments, out IoCursor cursor);
        return error != Errno.None ? Fail(context, error, Transfer.Write) : Write(context, file, ref cursor);
    }

    private static SysResult ReadVectorAt(SyscallContext context, Fd fd, ulong vector, nuint count, long offset)
    {
        if (offset < 0)
        {
            return Errno.EINVAL;
        }
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return Fail(context, error, Transfer.ReadAt);
        }
        if (!file.IsSeekable)
        {
            return Fail(context, Errno.ESPIPE, Transfer.ReadAt);
        }
        if (!file.CanRead)
        {
            return Fail(context, Errno.EBADF, Transfer.ReadAt);
        }
        error = context.Memory.ImportIoVec(vector, count, ref context.Segments, out IoCursor cursor);
        if (error == Errno.None && cursor.Remaining > long.MaxValue - offset)
        {
            error = Errno.EINVAL;
        }
        return error != Errno.None
            ? Fail(context, error, Transfer.ReadAt)
            : FinishAt(context, file, ref cursor, file.ReadAt(ref cursor, offset), Transfer.ReadAt, offset);
    }

    private static SysResult WriteVectorAt(SyscallContext context, Fd fd, ulong vector, nuint count, long offset)
    {
        if (offset < 0)
        {
            return Errno.EINVAL;
        }
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return Fail(context, error, Transfer.WriteAt);
        }
        if (!file.IsSeekable)
        {
            return Fail(context, Errno.ESPIPE, Transfer.WriteAt);
        }
        if (!file.CanWrite)
        {
            return Fail(context, Errno.EBADF, Transfer.WriteAt);
        }
        error = context.Memory.ImportIoVec(vector, count, ref context.Segments, out IoCursor cursor);
        if (error == Errno.None && cursor.Remaining > long.MaxValue - offset)
        {
            error = Errno.EINVAL;
        }
        return error != Errno.None
            ? Fail(context, error, Transfer.WriteAt)
            : FinishAt(context, file, ref cursor, file.WriteAt(ref cursor, offset), Transfer.WriteAt, offset);
    }

    /// <summary>Finds the file of pread64 or pwrite64, with the checks of both in Linux's order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Errno FindForOffset(
        SyscallContext context, Fd fd, ulong address, nuint count, long offset, bool isWrite, out OpenFile? file)
    {
        file = null;
        if (offset < 0)
        {
            return Errno.EINVAL;
        }
        if (!context.Files.TryGet(fd, out file, out Errno error))
        {
            return error;
        }
        if (!file.IsSeekable)
        {
            return Errno.ESPIPE;
        }
        if (isWrite ? !file.CanWrite : !file.CanRead)
        {
            return Errno.EBADF;
        }
        if (!SyscallContext.IsInUserRange(address, count))
        {
            return Errno.EFAULT;
        }
        return count > (ulong)(long.MaxValue - offset) ? Errno.EINVAL : Errno.None;
    }
}
