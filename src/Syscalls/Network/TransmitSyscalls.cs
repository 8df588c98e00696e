using Semitone.Abi;
using Semitone.Memory;
using Semitone.Sockets;

namespace Semitone.Syscalls;

/// <summary>The calls that send and receive messages.</summary>
public static class TransmitSyscalls
{
    /// <summary>Flags of a call that recvmsg(2) answers as they were given.</summary>
    private const MessageFlags Answers = MessageFlags.MSG_CMSG_CLOEXEC;

    private const ulong MmsghdrSize = 64;
    private const ulong MessageLengthOffset = 56;

    [Syscall(44, "sendto", Returns = Returns.Value)]
    public static SysResult SendTo(
        SyscallContext context,
        Fd fd,
        UserPtr<byte> buffer,
        nuint count,
        MessageFlags flags,
        [TraceWith(nameof(TraceLine.SocketAddress), nameof(length))] UserPtr<Sockaddr> name,
        int length)
    {
        if (!SyscallContext.IsInUserRange(buffer.Address, count))
        {
            return Errno.EFAULT;
        }

        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        SocketMessage message = context.SocketMessage;
        message.Begin(flags, context.Thread.SocketCaller);
        if (!name.IsNull)
        {
            error = context.ReadSocketName(name, length);
            if (error != Errno.None)
            {
                return error;
            }
        }

        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        return Send(context, socket, message, ref cursor);
    }

    [Syscall(45, "recvfrom", Returns = Returns.Value)]
    public static SysResult ReceiveFrom(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.Received), nameof(count))] UserPtr<byte> buffer,
        nuint count,
        MessageFlags flags,
        [Out, TraceWith(nameof(TraceLine.SocketAddressAnswered), nameof(length))] UserPtr<Sockaddr> name,
        [Out] UserPtr<int> length)
    {
        if (!SyscallContext.IsInUserRange(buffer.Address, count))
        {
            return Errno.EFAULT;
        }

        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        SocketMessage message = context.SocketMessage;
        message.Begin(flags, context.Thread.SocketCaller);
        IoCursor cursor = IoCursor.OverUser(context.Memory, buffer, count);
        IoResult result = socket.Receive(ref cursor, message);
        long wanted = GetWanted(socket, flags, (long)count);
        return IsDone(context, socket, message, result, in cursor, wanted)
            ? FinishReceiveFrom(context, message, result, name, length)
            : context.Wait(ReceiveFromAsync(context, socket, message, cursor, result, wanted, name, length));
    }

    [Syscall(46, "sendmsg", Returns = Returns.Value)]
    public static SysResult SendMessage(
        SyscallContext context,
        Fd fd,
        [TraceWith(
            nameof(TraceLine.Message),
            Enums = [typeof(SocketLevel), typeof(ControlMessageType), typeof(MessageFlags), typeof(AddressFamily)])]
        UserPtr<Msghdr> header,
        MessageFlags flags)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        error = Prepare(context, socket, header, flags, out IoCursor cursor);
        return error == Errno.None ? Send(context, socket, context.SocketMessage, ref cursor) : error;
    }

    [Syscall(47, "recvmsg", Returns = Returns.Value)]
    public static SysResult ReceiveMessage(
        SyscallContext context, Fd fd, [Out, TraceWith(nameof(TraceLine.Message))] UserPtr<Msghdr> header, MessageFlags flags)
    {
        if (!context.TryGetSocket(fd, out Socket? socket, out Errno error))
        {
            return error;
        }

        error = ReadHeader(context, header, out Msghdr value, out IoCursor cursor);
        if (error != Errno.None)
        {
            return error;
        }

        SocketMessage message = context.SocketMessage;
        message.Begin(flags, context.Thread.SocketCaller);
        long wanted = GetWanted(socket, flags, cursor.Remaining);
        IoResult result = socket.Receive(ref cursor, message);
        return IsDone(context, socket, message, result, in cursor, wanted)
            ? FinishReceive(context, socket, message, result, header, value)
            : context.Wait(ReceiveMessageAsync(context, socket, message, cursor, result, wanted, header, value));
    }

    [Syscall(307, "sendmmsg", Returns = Returns.Value)]
    public static SysResult SendMessages(
        SyscallContext context,
        Fd fd,
        [TraceWith(nameof(TraceLine.Messages), nameof(count))] UserPtr<Mmsghdr> headers,
        uint count,
        MessageFlags flags)
    {
        return context.TryGetSocket(fd, out Socket? socket, out Errno error)
            ? context.Wait(SendMessagesAsync(context, socket, headers, Math.Min(count, UserMemory.IoVecMax), flags))
            : error;
    }

    [Syscall(299, "recvmmsg", Returns = Returns.Value)]
    public static SysResult ReceiveMessages(
        SyscallContext context,
        Fd fd,
        [Out, TraceWith(nameof(TraceLine.MessagesAnswered), nameof(count))] UserPtr<Mmsghdr> headers,
        uint count,
        MessageFlags flags,
        UserPtr<Timespec> timeout)
    {
        long deadlineNs = long.MaxValue;
        if (!timeout.IsNull)
        {
            if (!context.Memory.TryRead(timeout, out Timespec duration))
            {
                return Errno.EFAULT;
            }

            if (!duration.IsValid)
            {
                return Errno.EINVAL;
            }

            deadlineNs = Deadline.FromNow(context.System.Clock, duration.ToNsSaturating());
        }

        return context.TryGetSocket(fd, out Socket? socket, out Errno error)
            ? context.Wait(ReceiveMessagesAsync(
                context, socket, headers, Math.Min(count, UserMemory.IoVecMax), flags, timeout, deadlineNs))
            : error;
    }

    /// <summary>Turns what a send came to into the result of the call, with the signal that a broken connection brings.</summary>
    internal static SysResult FinishSend(SyscallContext context, Socket socket, SocketMessage message, IoResult result) =>
        (message.Flags & MessageFlags.MSG_NOSIGNAL) != 0 ? result.ToSysResult() : FileWait.Finish(context, socket, result);

    private static SysResult Send(SyscallContext context, Socket socket, SocketMessage message, ref IoCursor cursor)
    {
        IoResult result = socket.Send(ref cursor, message);
        bool waits = result.Error == Errno.EAGAIN && SocketWait.MayWait(socket, message) && socket.SendTimeoutNs != 0;
        if (waits || FetchWait.IsNeeded(context, result))
        {
            return context.Wait(SocketWait.SendAsync(context, socket, message, cursor, result));
        }

        message.DropFiles();
        return FinishSend(context, socket, message, result);
    }

    /// <summary>Reads a message that is to be sent, and what goes with it.</summary>
    private static Errno Prepare(
        SyscallContext context, Socket socket, UserPtr<Msghdr> header, MessageFlags flags, out IoCursor cursor)
    {
        Errno error = ReadHeader(context, header, out Msghdr value, out cursor);
        if (error != Errno.None)
        {
            return error;
        }

        SocketMessage message = context.SocketMessage;
        message.Begin(flags, context.Thread.SocketCaller);
        if (value.msg_name != 0 && value.msg_namelen != 0)
        {
            // Longer than any address is cut here, where sendto(2) refuses.
            int length = Math.Min(value.msg_namelen, SocketMessage.MaximumNameLength);
            error = context.ReadSocketName(new UserPtr<Sockaddr>(value.msg_name), length);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return value.msg_controllen == 0 ? Errno.None : ControlMessages.Read(context, socket, in value, message);
    }

    private static Errno ReadHeader(SyscallContext context, UserPtr<Msghdr> header, out Msghdr value, out IoCursor cursor)
    {
        cursor = default;
        if (!context.Memory.TryRead(header, out value))
        {
            return Errno.EFAULT;
        }

        if (value.msg_name == 0)
        {
            value.msg_namelen = 0;
        }

        if (value.msg_namelen < 0)
        {
            return Errno.EINVAL;
        }

        if (value.msg_iovlen > UserMemory.IoVecMax)
        {
            return Errno.EMSGSIZE;
        }

        return context.Memory.ImportIoVec(value.msg_iov, (nuint)value.msg_iovlen, ref context.Segments, out cursor);
    }

    private static long GetWanted(Socket socket, MessageFlags flags, long count) =>
        (flags & MessageFlags.MSG_WAITALL) != 0 ? count : Math.Min(socket.ReceiveLowMark, count);

    private static bool IsDone(
        SyscallContext context, Socket socket, SocketMessage message, IoResult result, in IoCursor cursor, long wanted) =>
        !SocketWait.IsShort(socket, message, result, cursor.Moved, wanted) && !FetchWait.IsNeeded(context, result);

    private static async ValueTask<SysResult> ReceiveFromAsync(
        SyscallContext context,
        Socket socket,
        SocketMessage message,
        IoCursor cursor,
        IoResult result,
        long wanted,
        UserPtr<Sockaddr> name,
        UserPtr<int> length)
    {
        IoResult end = await SocketWait.ReceiveAsync(context, socket, message, cursor, result, wanted);
        return FinishReceiveFrom(context, message, end, name, length);
    }

    private static SysResult FinishReceiveFrom(
        SyscallContext context, SocketMessage message, IoResult result, UserPtr<Sockaddr> name, UserPtr<int> length)
    {
        message.DropFiles();
        SysResult answer = result.ToSysResult();
        if (answer.IsError || name.IsNull)
        {
            return answer;
        }

        Errno error = context.WriteSocketName(message.Name, name, length);
        return error == Errno.None ? answer : error;
    }

    private static async ValueTask<SysResult> ReceiveMessageAsync(
        SyscallContext context,
        Socket socket,
        SocketMessage message,
        IoCursor cursor,
        IoResult result,
        long wanted,
        UserPtr<Msghdr> header,
        Msghdr value)
    {
        IoResult end = await SocketWait.ReceiveAsync(context, socket, message, cursor, result, wanted);
        return FinishReceive(context, socket, message, end, header, value);
    }

    /// <summary>Tells a program what recvmsg(2) tells: address, control messages, flags.</summary>
    private static SysResult FinishReceive(
        SyscallContext context, Socket socket, SocketMessage message, IoResult result, UserPtr<Msghdr> header, Msghdr value)
    {
        SysResult answer = result.ToSysResult();
        if (answer.IsError)
        {
            message.DropFiles();
            return answer;
        }

        message.Answer |= message.Flags & Answers;
        ControlMessages.Write(context, socket, ref value, message);
        message.DropFiles();
        int room = Math.Min(value.msg_namelen, message.Name.Length);
        bool isNamed = value.msg_name != 0;
        if (isNamed && !context.Memory.TryWrite(new UserPtr<byte>(value.msg_name), message.Name[..room]))
        {
            return Errno.EFAULT;
        }

        value.msg_namelen = isNamed ? message.NameLength : value.msg_namelen;
        value.msg_flags = message.Answer;
        return WriteBack(context, header, in value, isNamed) ? answer : Errno.EFAULT;
    }

    /// <summary>Writes the fields of a header that the kernel answers by; the others are the program's alone.</summary>
    private static bool WriteBack(SyscallContext context, UserPtr<Msghdr> header, in Msghdr value, bool isNamed)
    {
        const ulong NameLengthOffset = 8;
        const ulong ControlLengthOffset = 40;
        const ulong FlagsOffset = 48;
        UserMemory memory = context.Memory;
        return (!isNamed || memory.TryWrite(new UserPtr<int>(header.Address + NameLengthOffset), value.msg_namelen))
            && memory.TryWrite(new UserPtr<ulong>(header.Address + ControlLengthOffset), value.msg_controllen)
            && memory.TryWrite(new UserPtr<uint>(header.Address + FlagsOffset), (uint)value.msg_flags);
    }

    private static UserPtr<Msghdr> GetHeader(UserPtr<Mmsghdr> headers, uint index) => new(headers.Address + (index * MmsghdrSize));

    private static async ValueTask<SysResult> SendMessagesAsync(
        SyscallContext context, Socket socket, UserPtr<Mmsghdr> headers, uint count, MessageFlags flags)
    {
        uint sent = 0;
        SysResult result = SysResult.Success;
        socket.AddReference();
        try
        {
            while (sent < count)
            {
                UserPtr<Msghdr> header = GetHeader(headers, sent);
                Errno error = Prepare(context, socket, header, flags, out IoCursor cursor);
                result = error == Errno.None ? await SendOneAsync(context, socket, cursor) : error;
                if (result.IsError)
                {
                    break;
                }

                if (!context.Memory.TryWrite(new UserPtr<uint>(header.Address + MessageLengthOffset), (uint)result.Value))
                {
                    result = Errno.EFAULT;
                    break;
                }

                sent++;
            }
        }
        finally
        {
            socket.Release();
        }

        return sent > 0 ? (int)sent : result;
    }

    private static ValueTask<SysResult> SendOneAsync(SyscallContext context, Socket socket, IoCursor cursor)
    {
        SocketMessage message = context.SocketMessage;
        return SocketWait.SendAsync(context, socket, message, cursor, socket.Send(ref cursor, message));
    }

    private static async ValueTask<SysResult> ReceiveMessagesAsync(
        SyscallContext context,
        Socket socket,
        UserPtr<Mmsghdr> headers,
        uint count,
        MessageFlags flags,
        UserPtr<Timespec> timeout,
        long deadlineNs)
    {
        bool waitsForOne = (flags & MessageFlags.MSG_WAITFORONE) != 0;
        flags &= ~MessageFlags.MSG_WAITFORONE;
        uint received = 0;
        SysResult result = SysResult.Success;
        socket.AddReference();
        try
        {
            while (received < count)
            {
                UserPtr<Msghdr> header = GetHeader(headers, received);
                result = await ReceiveOneAsync(context, socket, header, flags);
                if (result.IsError)
                {
                    break;
                }

                if (!context.Memory.TryWrite(new UserPtr<uint>(header.Address + MessageLengthOffset), (uint)result.Value))
                {
                    result = Errno.EFAULT;
                    break;
                }

                received++;
                flags |= waitsForOne ? MessageFlags.MSG_DONTWAIT : MessageFlags.None;

                // As recvmmsg(2) says under "Bugs", the time is looked at after each message only.
                if (deadlineNs <= context.System.Clock.MonotonicNs)
                {
                    break;
                }
            }
        }
        finally
        {
            socket.Release();
        }

        if (deadlineNs != long.MaxValue)
        {
            long leftNs = Math.Max(0, deadlineNs - context.System.Clock.MonotonicNs);
            if (!context.Memory.TryWrite(timeout, Timespec.FromNs(leftNs)))
            {
                return Errno.EFAULT;
            }
        }

        return received > 0 ? (int)received : result;
    }

    private static ValueTask<SysResult> ReceiveOneAsync(
        SyscallContext context, Socket socket, UserPtr<Msghdr> header, MessageFlags flags)
    {
        Errno error = ReadHeader(context, header, out Msghdr value, out IoCursor cursor);
        if (error != Errno.None)
        {
            return new(error);
        }

        SocketMessage message = context.SocketMessage;
        message.Begin(flags, context.Thread.SocketCaller);
        long wanted = GetWanted(socket, flags, cursor.Remaining);
        IoResult result = socket.Receive(ref cursor, message);
        return ReceiveMessageAsync(context, socket, message, cursor, result, wanted, header, value);
    }
}
