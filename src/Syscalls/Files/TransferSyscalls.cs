using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The calls that move bytes from file to file, and those that promise that bytes are safe.</summary>
public static class TransferSyscalls
{
    [Syscall(40, "sendfile", Returns = Returns.Value)]
    public static ValueTask<SysResult> SendFile(SyscallContext context, Fd output, Fd input, UserPtr<long> offset, nuint count)
    {
        if (!context.Files.TryGet(input, out OpenFile? source, out Errno error)
            || !context.Files.TryGet(output, out OpenFile? target, out error))
        {
            return new(error);
        }
        if (!source.CanRead || !target.CanWrite)
        {
            return new(Errno.EBADF);
        }
        long position = -1;
        if (!offset.IsNull)
        {
            if (!context.Memory.TryRead(offset, out position))
            {
                return new(Errno.EFAULT);
            }
            if (!source.IsSeekable)
            {
                return new(Errno.ESPIPE);
            }
            if (position < 0)
            {
                return new(Errno.EINVAL);
            }
        }
        if (source.Inode.Type is not (Mode.S_IFREG or Mode.S_IFCHR or Mode.S_IFBLK) || target.IsAppending)
        {
            Count(context, 0);
            return new(Errno.EINVAL);
        }
        return CopyAsync(context, new Transfer(source, position, offset), new Transfer(target, -1, default), count);
    }

    [Syscall(326, "copy_file_range", Returns = Returns.Value)]
    public static ValueTask<SysResult> CopyFileRange(
        SyscallContext context, Fd input, UserPtr<long> inputOffset, Fd output, UserPtr<long> outputOffset, nuint count, uint flags)
    {
        if (flags != 0)
        {
            return new(Errno.EINVAL);
        }
        if (!context.Files.TryGet(input, out OpenFile? source, out Errno error)
            || !context.Files.TryGet(output, out OpenFile? target, out error))
        {
            return new(error);
        }
        if (!source.CanRead || !target.CanWrite || target.IsAppending)
        {
            return new(Errno.EBADF);
        }
        if (source.Inode is DirectoryInode || target.Inode is DirectoryInode)
        {
            return new(Errno.EISDIR);
        }
        if (!source.Inode.IsRegular || !target.Inode.IsRegular)
        {
            return new(Errno.EINVAL);
        }
        long from = source.Offset;
        long to = target.Offset;
        if ((!inputOffset.IsNull && !context.Memory.TryRead(inputOffset, out from))
            || (!outputOffset.IsNull && !context.Memory.TryRead(outputOffset, out to)))
        {
            return new(Errno.EFAULT);
        }
        if (from < 0 || to < 0)
        {
            return new(Errno.EINVAL);
        }
        ulong length = Math.Min(count, (ulong)FileLimits.MAX_RW_COUNT);
        if ((ulong)from > long.MaxValue - length || (ulong)to > long.MaxValue - length)
        {
            return new(Errno.EOVERFLOW);
        }
        length = Math.Min(length, (ulong)Math.Max(0, source.Inode.Size - from));
        bool overlaps = source.Inode == target.Inode && (ulong)from < (ulong)to + length && (ulong)to < (ulong)from + length;
        if (overlaps)
        {
            return new(Errno.EINVAL);
        }
        if (length == 0)
        {
            return new(SysResult.Success);
        }
        return CopyAsync(
            context,
            new Transfer(source, inputOffset.IsNull ? -1 : from, inputOffset),
            new Transfer(target, outputOffset.IsNull ? -1 : to, outputOffset),
            (nuint)length);
    }

    [Syscall(74, "fsync")]
    public static SysResult Synchronize(SyscallContext context, Fd fd) =>
        context.Files.TryGet(fd, out OpenFile? file, out Errno error) ? context.FileSystem.Note(file.Synchronize()) : error;

    [Syscall(75, "fdatasync")]
    public static SysResult SynchronizeData(SyscallContext context, Fd fd) => Synchronize(context, fd);

    // No file system here has anything that is not where it belongs.
    [Syscall(162, "sync")]
    public static SysResult SynchronizeAll(SyscallContext context) => SysResult.Success;

    [Syscall(306, "syncfs")]
    public static SysResult SynchronizeFileSystem(SyscallContext context, Fd fd) =>
        context.Files.TryGet(fd, out _, out Errno error) ? SysResult.Success : error;

    [Syscall(277, "sync_file_range")]
    public static SysResult SynchronizeRange(SyscallContext context, Fd fd, long offset, long length, uint flags)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (offset < 0 || length < 0 || length > long.MaxValue - offset || (flags & ~7u) != 0)
        {
            return Errno.EINVAL;
        }
        return file.Inode.Type is Mode.S_IFREG or Mode.S_IFBLK or Mode.S_IFDIR or Mode.S_IFLNK ? SysResult.Success : Errno.ESPIPE;
    }

    [Syscall(221, "fadvise64")]
    public static SysResult Advise(SyscallContext context, Fd fd, long offset, long length, FadviseAdvice advice)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (file.Inode.Type == Mode.S_IFIFO)
        {
            return Errno.ESPIPE;
        }
        // Advice on pages that are all in memory anyway.
        return length < 0 || advice > FadviseAdvice.POSIX_FADV_NOREUSE ? Errno.EINVAL : SysResult.Success;
    }

    [Syscall(187, "readahead")]
    public static SysResult ReadAhead(SyscallContext context, Fd fd, long offset, nuint count)
    {
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }
        if (!file.CanRead)
        {
            return Errno.EBADF;
        }
        return file.Inode.IsRegular ? SysResult.Success : Errno.EINVAL;
    }

    /// <summary>Counts a copy: it is a read and a write (proc_pid_io(5)).</summary>
    private static void Count(SyscallContext context, long bytes)
    {
        context.Thread.Io.CountRead(bytes);
        context.Thread.Io.CountWrite(bytes);
    }

    /// <summary>Copies through a page of the kernel, waiting for the target where it must.</summary>
    /// <param name="isCounted">Whether it is a read and a write in /proc/PID/io.</param>
    internal static async ValueTask<SysResult> CopyAsync(
        SyscallContext context, Transfer source, Transfer target, nuint count, bool isCounted = true)
    {
        long left = (long)Math.Min(count, (nuint)FileLimits.MAX_RW_COUNT);
        long done = 0;
        SysResult end = SysResult.Success;
        FetchClock clock = context.System.Files.Fetches;
        long began = clock.Leave();
        if (!context.TryGetPathBuffer(out byte[]? page))
        {
            return Errno.ENOMEM;
        }

        while (left > 0)
        {
            IoCursor into = IoCursor.OverKernel(page, 0, (int)Math.Min(left, page.Length));
            clock.Resume(began);
            IoResult read = source.Read(ref into);
            began = clock.Leave();
            if (read.Bytes == 0 && read.Error == InternalErrno.MustWait)
            {
                if (await TryFetchAsync(context, source.File))
                {
                    continue;
                }
                end = Errno.EINTR;
                break;
            }
            if (read.Bytes == 0)
            {
                end = read.Error;
                break;
            }
            IoCursor from = IoCursor.OverKernel(page, 0, (int)read.Bytes);
            IoResult written = target.Write(ref from);
            while (written.Error == InternalErrno.MustWait)
            {
                if (target.File.TakeTransfer() is { } change)
                {
                    Errno error = await context.WaitForAsync(change);
                    target.Rewind(written.Bytes - change.Written);
                    written = new IoResult(change.Written, error);
                }
                else if (await TryFetchAsync(context, target.File))
                {
                    from = IoCursor.OverKernel(page, 0, (int)read.Bytes);
                    written = target.Write(ref from);
                }
                else
                {
                    written = Errno.EINTR;
                }
            }
            if (written.Error == Errno.EAGAIN && !target.File.IsNonBlocking)
            {
                SysResult waited = await FileWait.WriteAsync(context, target.File, from, isCounted: false);
                written = waited.IsError ? new IoResult(written.Bytes, waited.Error) : waited.Value;
            }
            // What was read and could not be written is read again.
            source.Rewind(read.Bytes - written.Bytes);
            done += written.Bytes;
            left -= written.Bytes;
            if (written.Bytes < read.Bytes)
            {
                end = FileWait.Finish(context, target.File, new IoResult(0, written.Error));
                break;
            }
        }
        if (isCounted)
        {
            Count(context, done);
        }

        if (!source.TryStore(context.Memory) || !target.TryStore(context.Memory))
        {
            return Errno.EFAULT;
        }
        return done > 0 ? done : end;
    }

    /// <summary>Waits for what a file has asked of somebody else.</summary>
    /// <returns>False when the thread is to end.</returns>
    private static async ValueTask<bool> TryFetchAsync(SyscallContext context, OpenFile file)
    {
        if (await context.Thread.Waiter.WaitAsync(file.Inode.Fetches!, mode: WaitMode.Killable) == WaitResult.Woken)
        {
            return true;
        }
        file.Inode.OnFetchAbandoned();
        return false;
    }

    /// <summary>One end of a copy: a file with its own offset, or with one that the caller keeps.</summary>
    internal class Transfer(OpenFile file, long position, UserPtr<long> stored)
    {
        private long _position = position;

        public OpenFile File => file;

        public virtual IoResult Read(ref IoCursor cursor)
        {
            if (_position < 0)
            {
                return file.Read(ref cursor);
            }
            IoResult result = file.ReadAt(ref cursor, _position);
            _position += result.Bytes;
            return result;
        }

        public IoResult Write(ref IoCursor cursor)
        {
            if (_position < 0)
            {
                return file.Write(ref cursor);
            }
            IoResult result = file.WriteAt(ref cursor, _position);
            _position += result.Bytes;
            return result;
        }

        /// <summary>Takes note of what became of the bytes of the last read or write: the last so many were not moved after all.</summary>
        public virtual void Rewind(long count)
        {
            if (count == 0)
            {
                return;
            }
            if (_position < 0)
            {
                file.Seek(-count, SeekWhence.SEEK_CUR, out _);
            }
            else
            {
                _position -= count;
            }
        }

        public bool TryStore(UserMemory memory) => stored.IsNull || memory.TryWrite(stored, _position);
    }

    /// <summary>A pipe as the source of a copy: bytes leave it when they have been written.</summary>
    internal sealed class PipeSource(OpenPipe pipe) : Transfer(pipe, -1, default)
    {
        private long _seen;

        public override IoResult Read(ref IoCursor cursor)
        {
            pipe.Pipe.Peek(ref cursor, 0);
            _seen = cursor.Moved;
            return _seen;
        }

        public override void Rewind(long count) => pipe.Pipe.Consume((int)(_seen - count));
    }
}
