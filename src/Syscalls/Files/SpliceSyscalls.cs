using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The calls that move bytes through pipes without the program's seeing them: splice(2), tee(2), vmsplice(2).</summary>
/// <remarks>
/// Bytes are copied, which nobody can tell from pages that move, but for pages of vmsplice(2) that are changed afterwards.
/// </remarks>
public static class SpliceSyscalls
{
    private const SpliceFlags Known =
        SpliceFlags.SPLICE_F_MOVE | SpliceFlags.SPLICE_F_NONBLOCK | SpliceFlags.SPLICE_F_MORE | SpliceFlags.SPLICE_F_GIFT;

    [Syscall(275, "splice", Returns = Returns.Value)]
    public static ValueTask<SysResult> Splice(
        SyscallContext context, Fd input, UserPtr<long> inputOffset, Fd output, UserPtr<long> outputOffset, nuint count, SpliceFlags flags)
    {
        if (count == 0)
        {
            return new(SysResult.Success);
        }

        if ((flags & ~Known) != 0)
        {
            return new(Errno.EINVAL);
        }

        if (!context.Files.TryGet(input, out OpenFile? source, out Errno error)
            || !context.Files.TryGet(output, out OpenFile? target, out error))
        {
            return new(error);
        }

        if ((source is OpenPipe && !inputOffset.IsNull) || (target is OpenPipe && !outputOffset.IsNull))
        {
            return new(Errno.ESPIPE);
        }

        long from = -1;
        long to = -1;
        if ((!outputOffset.IsNull && !context.Memory.TryRead(outputOffset, out to))
            || (!inputOffset.IsNull && !context.Memory.TryRead(inputOffset, out from)))
        {
            return new(Errno.EFAULT);
        }

        error = Check(source, target, !inputOffset.IsNull, from, !outputOffset.IsNull, to);
        if (error != Errno.None)
        {
            return new(error);
        }

        bool isNonBlocking = (flags & SpliceFlags.SPLICE_F_NONBLOCK) != 0
            || (source is OpenPipe && source.IsNonBlocking)
            || (target is OpenPipe && target.IsNonBlocking);
        return SpliceAsync(
            context,
            source is OpenPipe pipe ? new TransferSyscalls.PipeSource(pipe) : new TransferSyscalls.Transfer(source, from, inputOffset),
            new TransferSyscalls.Transfer(target, to, outputOffset),
            count,
            isNonBlocking);
    }

    [Syscall(276, "tee", Returns = Returns.Value)]
    public static ValueTask<SysResult> Tee(SyscallContext context, Fd input, Fd output, nuint count, SpliceFlags flags)
    {
        if ((flags & ~Known) != 0)
        {
            return new(Errno.EINVAL);
        }

        if (count == 0)
        {
            return new(SysResult.Success);
        }

        if (!context.Files.TryGet(input, out OpenFile? source, out Errno error)
            || !context.Files.TryGet(output, out OpenFile? target, out error))
        {
            return new(error);
        }

        if (!source.CanRead || !target.CanWrite)
        {
            return new(Errno.EBADF);
        }

        if (source is not OpenPipe from || target is not OpenPipe to || from.Pipe == to.Pipe)
        {
            return new(Errno.EINVAL);
        }

        bool isNonBlocking = (flags & SpliceFlags.SPLICE_F_NONBLOCK) != 0 || from.IsNonBlocking || to.IsNonBlocking;
        return TeeAsync(context, from, to, count, isNonBlocking);
    }

    [Syscall(278, "vmsplice", Returns = Returns.Value)]
    public static ValueTask<SysResult> SpliceMemory(
        SyscallContext context, Fd fd, [Buffer(nameof(count))] UserPtr<Iovec> vectors, nuint count, SpliceFlags flags)
    {
        if ((flags & ~Known) != 0)
        {
            return new(Errno.EINVAL);
        }

        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return new(error);
        }

        if (!file.CanRead && !file.CanWrite)
        {
            return new(Errno.EBADF);
        }

        bool writes = file.CanWrite;
        error = context.Memory.ImportIoVec(vectors.Address, count, ref context.Segments, out IoCursor cursor);
        if (error != Errno.None)
        {
            return new(error);
        }

        if (cursor.Remaining == 0)
        {
            return new(SysResult.Success);
        }

        if (file is not OpenPipe pipe)
        {
            return new(Errno.EBADF);
        }

        bool isNonBlocking = (flags & SpliceFlags.SPLICE_F_NONBLOCK) != 0 || file.IsNonBlocking;
        return SpliceMemoryAsync(context, pipe, cursor, writes, isNonBlocking);
    }

    private static Errno Check(OpenFile source, OpenFile target, bool hasFrom, long from, bool hasTo, long to)
    {
        if (!source.CanRead || !target.CanWrite)
        {
            return Errno.EBADF;
        }

        OpenPipe? inputPipe = source as OpenPipe;
        OpenPipe? outputPipe = target as OpenPipe;
        if (inputPipe is null && outputPipe is null)
        {
            return Errno.EINVAL;
        }

        if (inputPipe is not null && outputPipe is not null)
        {
            return inputPipe.Pipe == outputPipe.Pipe ? Errno.EINVAL : Errno.None;
        }

        OpenFile file = inputPipe is null ? source : target;
        bool hasOffset = inputPipe is null ? hasFrom : hasTo;
        long offset = inputPipe is null ? from : to;
        if (hasOffset && (!file.IsSeekable || offset < 0))
        {
            return Errno.EINVAL;
        }

        if (inputPipe is not null && target.IsAppending)
        {
            return Errno.EINVAL;
        }

        return file.Inode.Type switch
        {
            Mode.S_IFREG or Mode.S_IFCHR or Mode.S_IFBLK or Mode.S_IFSOCK => Errno.None,
            Mode.S_IFDIR => inputPipe is null ? Errno.EISDIR : Errno.EINVAL,
            _ => Errno.EINVAL,
        };
    }

    /// <summary>Moves what can be moved at once, after waiting until that is something.</summary>
    private static async ValueTask<SysResult> SpliceAsync(
        SyscallContext context, TransferSyscalls.Transfer source, TransferSyscalls.Transfer target, nuint count, bool isNonBlocking)
    {
        OpenPipe? input = source.File as OpenPipe;
        OpenPipe? output = target.File as OpenPipe;
        source.File.AddReference();
        target.File.AddReference();
        try
        {
            Errno error = await WaitForPipesAsync(context, input?.Pipe, output?.Pipe, isNonBlocking);
            if (error == Errno.None && input is null)
            {
                error = await WaitForInputAsync(context, source.File);
            }

            if (error != Errno.None)
            {
                return error;
            }

            long most = (long)Math.Min(count, (nuint)FileLimits.MAX_RW_COUNT);
            most = output is null ? most : Math.Min(most, output.Pipe.Free);
            most = input is null ? most : Math.Min(most, input.Pipe.Count);
            return most == 0
                ? SysResult.Success
                : await TransferSyscalls.CopyAsync(context, source, target, (nuint)most, isCounted: false);
        }
        finally
        {
            source.File.Release();
            target.File.Release();
        }
    }

    private static async ValueTask<SysResult> TeeAsync(
        SyscallContext context, OpenPipe source, OpenPipe target, nuint count, bool isNonBlocking)
    {
        source.AddReference();
        target.AddReference();
        try
        {
            Errno error = await WaitForPipesAsync(context, source.Pipe, target.Pipe, isNonBlocking);
            return error != Errno.None ? error : Copy(context, source.Pipe, target.Pipe, count);
        }
        finally
        {
            source.Release();
            target.Release();
        }
    }

    private static SysResult Copy(SyscallContext context, Pipe source, Pipe target, nuint count)
    {
        if (!context.TryGetPathBuffer(out byte[]? page))
        {
            return Errno.ENOMEM;
        }

        int most = (int)Math.Min(count, (nuint)Math.Min(source.Count, target.Free));
        int done = 0;
        while (done < most)
        {
            IoCursor into = IoCursor.OverKernel(page, 0, Math.Min(page.Length, most - done));
            source.Peek(ref into, done);
            int length = (int)into.Moved;
            IoCursor from = IoCursor.OverKernel(page, 0, length);
            IoResult written = target.Write(ref from);
            done += (int)written.Bytes;
            if (written.Bytes < length)
            {
                return done > 0 ? done : written.Error;
            }
        }

        return done;
    }

    private static async ValueTask<SysResult> SpliceMemoryAsync(
        SyscallContext context, OpenPipe pipe, IoCursor cursor, bool writes, bool isNonBlocking)
    {
        pipe.AddReference();
        try
        {
            Errno error = await WaitForPipesAsync(context, writes ? null : pipe.Pipe, writes ? pipe.Pipe : null, isNonBlocking);
            if (error != Errno.None)
            {
                return error;
            }

            if (!writes)
            {
                return pipe.Pipe.Read(ref cursor).ToSysResult();
            }

            cursor.Limit(pipe.Pipe.Free);
            return pipe.Pipe.Write(ref cursor).ToSysResult();
        }
        finally
        {
            pipe.Release();
        }
    }

    /// <summary>Waits until one pipe has bytes, or will never have any, and the other has room.</summary>
    /// <returns>None; EAGAIN, EPIPE with its signal, or a restart.</returns>
    private static async ValueTask<Errno> WaitForPipesAsync(SyscallContext context, Pipe? source, Pipe? target, bool isNonBlocking)
    {
        while (true)
        {
            WaitQueue? queue = null;
            if (source is { Count: 0 })
            {
                if (source.Writers == 0)
                {
                    return Errno.None;
                }

                queue = source.Readable;
            }
            else if (target is { Readers: 0 })
            {
                FileWait.SignalBrokenPipe(context);
                return Errno.EPIPE;
            }
            else if (target is { Free: 0 })
            {
                queue = target.Writable;
            }

            if (queue is null)
            {
                return Errno.None;
            }

            if (isNonBlocking)
            {
                return Errno.EAGAIN;
            }

            if (await context.Thread.Waiter.WaitAsync(queue) == WaitResult.Interrupted)
            {
                return RestartErrno.ERESTARTSYS;
            }
        }
    }

    /// <summary>Waits until a file that is no pipe has something to read: a terminal, say.</summary>
    private static async ValueTask<Errno> WaitForInputAsync(SyscallContext context, OpenFile file)
    {
        Waiter waiter = context.Thread.Waiter;
        while (file.IsPollable && (file.Poll() & (PollEvents.POLLIN | PollEvents.POLLHUP | PollEvents.POLLERR)) == 0)
        {
            if (file.IsNonBlocking)
            {
                return Errno.EAGAIN;
            }

            file.Enlist(waiter, PollEvents.POLLIN);
            if (await waiter.WaitAsync() == WaitResult.Interrupted)
            {
                return RestartErrno.ERESTARTSYS;
            }
        }

        return Errno.None;
    }
}
