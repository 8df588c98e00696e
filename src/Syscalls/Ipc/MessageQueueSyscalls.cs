using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Message queues of System V IPC (sysvipc(7)).</summary>
public static class MessageQueueSyscalls
{
    /// <summary>The type, which stands before the text of a message in memory.</summary>
    private const ulong TypeSize = sizeof(long);

    [Syscall(68, "msgget", Returns = Returns.Value)]
    public static SysResult Get(SyscallContext context, int key, IpcFlags flags) =>
        context.System.Ipc.GetQueue(context.Thread, key, flags);

    [Syscall(69, "msgsnd")]
    public static ValueTask<SysResult> Send(
        SyscallContext context, int id, [Trace(TraceFormat.Address)] ulong message, nuint size, MessageQueueFlags flags)
    {
        if (!context.Memory.TryRead(new UserPtr<long>(message), out long type))
        {
            return new(Errno.EFAULT);
        }

        if (size > IpcSystem.MaxMessageSize || id < 0 || type < 1)
        {
            return new(Errno.EINVAL);
        }

        if (!KernelHeap.HasRoom() || !KernelHeap.TryAllocate((int)size, sizeof(byte), out byte[]? data))
        {
            return new(Errno.ENOMEM);
        }

        if (context.Memory.CopyIn(message + TypeSize, data) != data.Length)
        {
            return new(Errno.EFAULT);
        }

        if (!context.System.Ipc.Queues.TryGet(id, out MessageQueue? queue))
        {
            return new(Errno.EINVAL);
        }

        Errno error = queue.Check(context.Thread.Credentials, writes: true);
        if (error != Errno.None)
        {
            return new(error);
        }

        Message sent = new(type, data);
        if (queue.TrySend(sent, context.Process))
        {
            return new(SysResult.Success);
        }

        return (flags & MessageQueueFlags.IPC_NOWAIT) != 0 ? new(Errno.EAGAIN) : SendAsync(context, queue, sent);
    }

    [Syscall(70, "msgrcv", Returns = Returns.Value)]
    public static ValueTask<SysResult> Receive(
        SyscallContext context, int id, [Trace(TraceFormat.Address)] ulong buffer, nuint size, long type, MessageQueueFlags flags)
    {
        const MessageQueueFlags Copying = MessageQueueFlags.MSG_COPY | MessageQueueFlags.IPC_NOWAIT;
        if (id < 0 || size > long.MaxValue)
        {
            return new(Errno.EINVAL);
        }

        bool copies = (flags & MessageQueueFlags.MSG_COPY) != 0;
        if (copies && (flags & (Copying | MessageQueueFlags.MSG_EXCEPT)) != Copying)
        {
            return new(Errno.EINVAL);
        }

        if (!context.System.Ipc.Queues.TryGet(id, out MessageQueue? queue))
        {
            return new(Errno.EINVAL);
        }

        Errno error = queue.Check(context.Thread.Credentials, writes: false);
        if (error != Errno.None)
        {
            return new(error);
        }

        if (copies)
        {
            return new(Copy(context, queue, buffer, size, type, flags));
        }

        MessageFilter filter = new(type, flags);
        error = queue.TryReceive(filter, size, context.Process, out Message? message);
        if (error == Errno.None)
        {
            return new(Store(context, message!, buffer, size));
        }

        if (error != Errno.EAGAIN)
        {
            return new(error);
        }

        return (flags & MessageQueueFlags.IPC_NOWAIT) != 0 ? new(Errno.ENOMSG) : ReceiveAsync(context, queue, buffer, size, filter);
    }

    [Syscall(71, "msgctl", Returns = Returns.Value)]
    public static SysResult Control(
        SyscallContext context, int id, MessageQueueCommand command, [Trace(TraceFormat.Address)] ulong buffer)
    {
        if (id < 0 || command < 0)
        {
            return Errno.EINVAL;
        }

        return command switch
        {
            MessageQueueCommand.IPC_INFO or MessageQueueCommand.MSG_INFO => TellLimits(context, command, new UserPtr<Msginfo>(buffer)),
            MessageQueueCommand.IPC_STAT or MessageQueueCommand.MSG_STAT or MessageQueueCommand.MSG_STAT_ANY =>
                Tell(context, id, command, new UserPtr<MsqidDs>(buffer)),
            MessageQueueCommand.IPC_SET or MessageQueueCommand.IPC_RMID => Change(context, id, command, new UserPtr<MsqidDs>(buffer)),
            _ => Errno.EINVAL,
        };
    }

    private static async ValueTask<SysResult> SendAsync(SyscallContext context, MessageQueue queue, Message message)
    {
        Waiter waiter = context.Thread.Waiter;
        while (true)
        {
            WaitResult result = await waiter.WaitAsync(queue.Senders);
            if (queue.IsRemoved)
            {
                return Errno.EIDRM;
            }

            if (result == WaitResult.Interrupted)
            {
                return RestartErrno.ERESTARTNOHAND;
            }

            Errno error = queue.Check(context.Thread.Credentials, writes: true);
            if (error != Errno.None)
            {
                return error;
            }

            if (queue.TrySend(message, context.Process))
            {
                return SysResult.Success;
            }
        }
    }

    private static ValueTask<SysResult> ReceiveAsync(
        SyscallContext context, MessageQueue queue, ulong buffer, nuint size, MessageFilter filter)
    {
        if (!KernelHeap.HasRoom())
        {
            return new(Errno.ENOMEM);
        }

        MessageWait wait = new(context.Thread, filter, size);
        MessageReceive call = new(context, queue, wait, buffer);
        return queue.TryEnqueue(wait) ? call.WaitAsync() : new(Errno.ENOMEM);
    }

    /// <summary>Gives a program a message. One that cannot be written is lost, as it is on Linux.</summary>
    internal static SysResult Store(SyscallContext context, Message message, ulong buffer, nuint size)
    {
        int length = (int)Math.Min((ulong)message.Data.Length, size);
        bool isWritten = context.Memory.TryWrite(new UserPtr<long>(buffer), message.Type)
            && context.Memory.CopyOut(buffer + TypeSize, message.Data.AsSpan(0, length)) == length;
        return isWritten ? length : Errno.EFAULT;
    }

    private static SysResult Copy(SyscallContext context, MessageQueue queue, ulong buffer, nuint size, long index, MessageQueueFlags flags)
    {
        if (!queue.TryGet(index, out Message? message))
        {
            return Errno.ENOMSG;
        }

        if ((ulong)message.Data.Length > size)
        {
            return (flags & MessageQueueFlags.MSG_NOERROR) != 0 ? Errno.EINVAL : Errno.E2BIG;
        }

        return Store(context, message, buffer, size);
    }

    private static SysResult TellLimits(SyscallContext context, MessageQueueCommand command, UserPtr<Msginfo> buffer)
    {
        IpcTable<MessageQueue> queues = context.System.Ipc.Queues;
        Msginfo told = new()
        {
            msgpool = IpcSystem.MaxQueues * IpcSystem.DefaultQueueSize / 1024,
            msgmap = IpcSystem.DefaultQueueSize,
            msgmax = IpcSystem.MaxMessageSize,
            msgmnb = IpcSystem.DefaultQueueSize,
            msgmni = IpcSystem.MaxQueues,
            msgssz = 16,
            msgtql = IpcSystem.DefaultQueueSize,
            msgseg = 0xFFFF,
        };
        if (command == MessageQueueCommand.MSG_INFO)
        {
            told.msgpool = queues.Count;
            told.msgmap = 0;
            told.msgtql = 0;
            for (int i = queues.HighestIndex; i >= 0; i--)
            {
                told.msgmap += (int)(queues[i]?.Count ?? 0);
                told.msgtql += (int)(queues[i]?.Bytes ?? 0);
            }
        }

        return context.Memory.TryWriteFrom(buffer, in told) ? Math.Max(0, queues.HighestIndex) : Errno.EFAULT;
    }

    private static SysResult Tell(SyscallContext context, int id, MessageQueueCommand command, UserPtr<MsqidDs> buffer)
    {
        IpcTable<MessageQueue> queues = context.System.Ipc.Queues;
        MessageQueue? queue;
        if (command == MessageQueueCommand.IPC_STAT)
        {
            queues.TryGet(id, out queue);
        }
        else
        {
            queue = queues[id];
        }

        if (queue is null)
        {
            return Errno.EINVAL;
        }

        Errno error = command == MessageQueueCommand.MSG_STAT_ANY ? Errno.None : queue.Check(context.Thread.Credentials, writes: false);
        if (error != Errno.None)
        {
            return error;
        }

        MsqidDs told = new()
        {
            msg_perm = queue.GetPermissions(),
            msg_stime = queue.SentSeconds,
            msg_rtime = queue.ReceivedSeconds,
            msg_ctime = queue.ChangedSeconds,
            msg_cbytes = queue.Bytes,
            msg_qnum = queue.Count,
            msg_qbytes = queue.MaxBytes,
            msg_lspid = queue.LastSender,
            msg_lrpid = queue.LastReceiver,
        };
        long result = command == MessageQueueCommand.IPC_STAT ? 0 : queue.Id;
        return context.Memory.TryWriteFrom(buffer, in told) ? result : Errno.EFAULT;
    }

    private static SysResult Change(SyscallContext context, int id, MessageQueueCommand command, UserPtr<MsqidDs> buffer)
    {
        MsqidDs wanted = default;
        if (command == MessageQueueCommand.IPC_SET && !context.Memory.TryRead(buffer, out wanted))
        {
            return Errno.EFAULT;
        }

        IpcTable<MessageQueue> queues = context.System.Ipc.Queues;
        if (!queues.TryGet(id, out MessageQueue? queue))
        {
            return Errno.EINVAL;
        }

        Errno error = queue.CheckOwner(context.Thread.Credentials);
        if (error != Errno.None)
        {
            return error;
        }

        if (command == MessageQueueCommand.IPC_RMID)
        {
            context.System.Ipc.Remove(queue);
            return SysResult.Success;
        }

        if (wanted.msg_qbytes > IpcSystem.DefaultQueueSize && !context.Thread.Credentials.Has(Capability.CAP_SYS_RESOURCE))
        {
            return Errno.EPERM;
        }

        error = queue.SetOwner(in wanted.msg_perm, context.System);
        if (error == Errno.None)
        {
            queue.SetMaxBytes(wanted.msg_qbytes);
        }

        return error;
    }
}
