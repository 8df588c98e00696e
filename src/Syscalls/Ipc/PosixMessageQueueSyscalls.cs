using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>POSIX message queues (mq_overview(7)).</summary>
public static class PosixMessageQueueSyscalls
{
    private const int CookieSize = 32;

    [Syscall(240, "mq_open", Returns = Returns.Fd)]
    public static SysResult Open(
        SyscallContext context, UserCString name, OpenFlags flags, Mode mode, UserPtr<MqAttr> attributes)
    {
        MqAttr? wanted = null;
        if (!attributes.IsNull)
        {
            if (!context.Memory.TryRead(attributes, out MqAttr value))
            {
                return Errno.EFAULT;
            }

            wanted = value;
        }

        Errno error = ReadName(context, name, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }

        MqueueFileSystem queues = context.System.MessageQueues;
        bool creates = (flags & OpenFlags.O_CREAT) != 0;
        if (queues.TryGet(bytes, out PosixMessageQueue? queue))
        {
            if (creates && (flags & OpenFlags.O_EXCL) != 0)
            {
                return Errno.EEXIST;
            }

            error = CheckAccess(context, queue, flags);
        }
        else if (!creates)
        {
            return Errno.ENOENT;
        }
        else
        {
            Mode permissions = mode & (Mode)0x1FF & ~context.FileSystem.Umask;
            error = queues.Create(bytes, permissions, wanted, context.Thread, out queue);
        }

        if (error != Errno.None)
        {
            return error;
        }

        const OpenFlags Kept = OpenFlags.O_ACCMODE | OpenFlags.O_NONBLOCK;
        return OpenSyscalls.Install(context, new OpenMessageQueue(queue!, flags & Kept), OpenFlags.O_CLOEXEC);
    }

    [Syscall(241, "mq_unlink")]
    public static SysResult Unlink(SyscallContext context, UserCString name)
    {
        Errno error = ReadName(context, name, out ReadOnlySpan<byte> bytes);
        if (error != Errno.None)
        {
            return error;
        }

        FileSystemContext fileSystem = context.FileSystem;
        MqueueFileSystem queues = context.System.MessageQueues;
        return queues.TryGet(bytes, out _) ? fileSystem.Unlink(queues.Root, bytes) : Errno.ENOENT;
    }

    [Syscall(242, "mq_timedsend")]
    public static ValueTask<SysResult> Send(
        SyscallContext context, Fd fd, UserPtr<byte> text, nuint length, uint priority, UserPtr<Timespec> timeout)
    {
        Errno error = ReadDeadline(context, timeout, out long deadlineNs);
        if (error != Errno.None)
        {
            return new(error);
        }

        if (priority >= MqueueFileSystem.PriorityLimit)
        {
            return new(Errno.EINVAL);
        }

        error = Find(context, fd, out OpenMessageQueue? file);
        if (error != Errno.None || !file!.CanWrite)
        {
            return new(Errno.EBADF);
        }

        if (length > (nuint)file.Queue.MaxSize)
        {
            return new(Errno.EMSGSIZE);
        }

        if (!KernelHeap.HasRoom() || !KernelHeap.TryAllocate((int)length, sizeof(byte), out byte[]? data))
        {
            return new(Errno.ENOMEM);
        }

        if (context.Memory.CopyIn(text.Address, data) != data.Length)
        {
            return new(Errno.EFAULT);
        }

        PosixMessage message = new(data, priority);
        if (file.Queue.TrySend(message, context.Thread))
        {
            return new(SysResult.Success);
        }

        return file.IsNonBlocking ? new(Errno.EAGAIN) : WaitAsync(context, file, message, deadlineNs, default, default);
    }

    [Syscall(243, "mq_timedreceive", Returns = Returns.Value)]
    public static ValueTask<SysResult> Receive(
        SyscallContext context, Fd fd, [Out] UserPtr<byte> text, nuint length, [Out] UserPtr<uint> priority, UserPtr<Timespec> timeout)
    {
        Errno error = ReadDeadline(context, timeout, out long deadlineNs);
        if (error != Errno.None)
        {
            return new(error);
        }

        error = Find(context, fd, out OpenMessageQueue? file);
        if (error != Errno.None || !file!.CanRead)
        {
            return new(Errno.EBADF);
        }

        if (length < (nuint)file.Queue.MaxSize)
        {
            return new(Errno.EMSGSIZE);
        }

        if (file.Queue.TryReceive() is { } message)
        {
            return new(Store(context, message, text, priority));
        }

        return file.IsNonBlocking ? new(Errno.EAGAIN) : WaitAsync(context, file, null, deadlineNs, text, priority);
    }

    [Syscall(244, "mq_notify", Missing = "SIGEV_THREAD, which needs a netlink socket")]
    public static SysResult Notify(SyscallContext context, Fd fd, UserPtr<SigEvent> notification)
    {
        SigEvent wanted = default;
        if (!notification.IsNull)
        {
            if (!context.Memory.TryRead(notification, out wanted))
            {
                return Errno.EFAULT;
            }

            switch (wanted.sigev_notify)
            {
                case SigEventNotify.SIGEV_NONE:
                    break;
                case SigEventNotify.SIGEV_SIGNAL when (uint)wanted.sigev_signo <= (uint)Signal.SIGRTMAX:
                    break;
                case SigEventNotify.SIGEV_THREAD:
                    // The C library's thread waits at a netlink socket, which is named in place of the signal.
                    Span<byte> cookie = stackalloc byte[CookieSize];
                    return context.Memory.CopyIn(wanted.sigev_value, cookie) != CookieSize ? Errno.EFAULT
                        : context.Files.TryGet(new Fd((int)wanted.sigev_signo), out _, out Errno missing) ? Errno.ENOTSOCK
                        : missing;
                default:
                    return Errno.EINVAL;
            }
        }

        if (Find(context, fd, out OpenMessageQueue? file) != Errno.None)
        {
            return Errno.EBADF;
        }

        if (!notification.IsNull)
        {
            return KernelHeap.HasRoom() ? file!.Queue.SetNotification(context.Process, in wanted) : Errno.ENOMEM;
        }

        file!.Queue.ForgetNotification();
        return SysResult.Success;
    }

    [Syscall(245, "mq_getsetattr")]
    public static SysResult SetAttributes(SyscallContext context, Fd fd, UserPtr<MqAttr> wanted, [Out] UserPtr<MqAttr> old)
    {
        MqAttr change = default;
        if (!wanted.IsNull)
        {
            if (!context.Memory.TryRead(wanted, out change))
            {
                return Errno.EFAULT;
            }

            if ((change.mq_flags & ~OpenFlags.O_NONBLOCK) != 0 || !change.HasOnlyFlags)
            {
                return Errno.EINVAL;
            }
        }

        if (Find(context, fd, out OpenMessageQueue? file) != Errno.None)
        {
            return Errno.EBADF;
        }

        MqAttr told = new()
        {
            mq_flags = file!.Flags & OpenFlags.O_NONBLOCK,
            mq_maxmsg = file.Queue.MaxMessages,
            mq_msgsize = file.Queue.MaxSize,
            mq_curmsgs = file.Queue.Count,
        };
        if (!wanted.IsNull)
        {
            file.SetFlags((file.Flags & ~OpenFlags.O_NONBLOCK) | change.mq_flags);
        }

        return old.IsNull || context.Memory.TryWriteFrom(old, in told) ? SysResult.Success : Errno.EFAULT;
    }

    /// <summary>Reads the name of a queue: one component, without the slash that programs write before it.</summary>
    private static Errno ReadName(SyscallContext context, UserCString name, out ReadOnlySpan<byte> bytes)
    {
        Errno error = context.ReadPath(name, out bytes);
        if (error != Errno.None)
        {
            return error;
        }

        if (bytes.IsEmpty)
        {
            return Errno.ENOENT;
        }

        if (bytes.IndexOf((byte)'/') >= 0 || bytes.SequenceEqual("."u8) || bytes.SequenceEqual(".."u8))
        {
            return Errno.EACCES;
        }

        return bytes.Length > FileLimits.NAME_MAX ? Errno.ENAMETOOLONG : Errno.None;
    }

    private static Errno CheckAccess(SyscallContext context, PosixMessageQueue queue, OpenFlags flags)
    {
        FileCredentials credentials = context.FileSystem.Credentials;
        return (flags & OpenFlags.O_ACCMODE) switch
        {
            OpenFlags.O_RDONLY => credentials.Check(queue, AccessMode.R_OK),
            OpenFlags.O_WRONLY => credentials.Check(queue, AccessMode.W_OK),
            OpenFlags.O_RDWR => credentials.Check(queue, AccessMode.R_OK | AccessMode.W_OK),
            _ => Errno.EINVAL,
        };
    }

    private static Errno Find(SyscallContext context, Fd fd, out OpenMessageQueue? queue)
    {
        queue = context.Files.TryGet(fd, out OpenFile? file, out _) ? file as OpenMessageQueue : null;
        return queue is null ? Errno.EBADF : Errno.None;
    }

    private static Errno ReadDeadline(SyscallContext context, UserPtr<Timespec> timeout, out long deadlineNs)
    {
        deadlineNs = long.MaxValue;
        if (timeout.IsNull)
        {
            return Errno.None;
        }

        if (!context.Memory.TryRead(timeout, out Timespec time))
        {
            return Errno.EFAULT;
        }

        deadlineNs = time.IsValid ? Deadline.FromAbsolute(context.System.Clock, time.ToNsSaturating(), isRealtime: true) : 0;
        return time.IsValid ? Errno.None : Errno.EINVAL;
    }

    /// <summary>Waits until somebody has taken the message, or has brought one.</summary>
    private static ValueTask<SysResult> WaitAsync(
        SyscallContext context, OpenMessageQueue file, PosixMessage? sent, long deadlineNs, UserPtr<byte> text, UserPtr<uint> priority)
    {
        if (!KernelHeap.HasRoom())
        {
            return new(Errno.ENOMEM);
        }

        PosixMessageWait wait = new(context.Thread, sent);
        PosixMessageCall call = new(context, file, wait, sent is null, text, priority);
        return file.Queue.TryEnqueue(wait) ? call.WaitAsync(deadlineNs) : new(Errno.ENOMEM);
    }

    /// <summary>Gives a program a message. One that cannot be written is lost, as it is on Linux.</summary>
    internal static SysResult Store(SyscallContext context, PosixMessage message, UserPtr<byte> text, UserPtr<uint> priority)
    {
        bool isWritten = (priority.IsNull || context.Memory.TryWrite(priority, message.Priority))
            && context.Memory.CopyOut(text.Address, message.Data) == message.Data.Length;
        return isWritten ? message.Data.Length : Errno.EFAULT;
    }
}
