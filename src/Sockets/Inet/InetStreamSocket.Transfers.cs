using Semitone.Abi;
using Semitone.Memory;
using Semitone.Net;

namespace Semitone.Sockets;

/// <content>Bytes in and out.</content>
public sealed partial class InetStreamSocket
{
    public override IoResult Send(ref IoCursor source, SocketMessage message)
    {
        if (_connection is not { } connection)
        {
            return source.ToResult(Errno.EPIPE);
        }

        Errno error = Errno.None;
        bool hasWritten = false;
        while (source.Remaining > 0 && !source.IsFaulted)
        {
            TcpTransferState state = connection.CheckSend(out NetworkError failure);
            if (state != TcpTransferState.Ready)
            {
                error = state == TcpTransferState.Wait ? Errno.EAGAIN : failure.ToErrno();
                break;
            }

            Span<byte> room = connection.GetSendSpan((int)Math.Min(source.Remaining, int.MaxValue));
            if (room.IsEmpty)
            {
                error = Errno.EAGAIN;
                break;
            }

            room = room[..(int)Math.Min(room.Length, source.Remaining)];
            int moved = source.Read(room);
            connection.CommitSend(moved);
            hasWritten |= moved > 0;
        }

        if (hasWritten)
        {
            bool isWhole = source.Remaining == 0;
            bool hasMore = (message.Flags & MessageFlags.MSG_MORE) != 0 && isWhole;
            connection.Push(hasMore, isWhole && (message.Flags & MessageFlags.MSG_OOB) != 0, NowNs);
            Network.Task.Settle();
        }

        return source.ToResult(error);
    }

    public override IoResult Receive(ref IoCursor destination, SocketMessage message)
    {
        if (_connection is not { } connection)
        {
            return Errno.ENOTCONN;
        }

        if ((message.Flags & MessageFlags.MSG_ERRQUEUE) != 0)
        {
            return Errno.EAGAIN;
        }

        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return ReceiveUrgent(connection, ref destination, message);
        }

        long before = destination.Moved;
        int peeked = 0;
        bool discards = (message.Flags & MessageFlags.MSG_TRUNC) != 0;
        while (destination.Remaining > 0)
        {
            ReadOnlySpan<byte> bytes = connection.PeekReceived(peeked, stopAtMark: destination.Moved != before);
            if (bytes.IsEmpty)
            {
                break;
            }

            int wanted = (int)Math.Min(bytes.Length, destination.Remaining);
            int moved = wanted;
            if (discards)
            {
                destination.Skip(wanted);
            }
            else
            {
                moved = destination.Write(bytes[..wanted]);
            }

            if (message.IsPeek)
            {
                peeked += moved;
            }
            else
            {
                connection.Consume(moved, NowNs);
            }

            if (moved < wanted)
            {
                break;
            }
        }

        if (destination.Moved != before || destination.IsFaulted)
        {
            if (!message.IsPeek)
            {
                // The peer may hear of room, and somebody on this host go on.
                Network.Task.Settle();
            }

            return destination.ToResult();
        }

        return connection.CheckReceive(out NetworkError failure) switch
        {
            TcpTransferState.Ready => 0,
            TcpTransferState.EndOfStream => 0,
            TcpTransferState.Failed => failure.ToErrno(),
            _ => Errno.EAGAIN,
        };
    }

    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (request != IoctlRequest.SIOCATMARK)
        {
            return base.Control(request, argument, memory);
        }

        int isAtMark = _connection is { IsAtMark: true } ? 1 : 0;
        return memory.TryWrite(new UserPtr<int>(argument), isAtMark) ? SysResult.Success : Errno.EFAULT;
    }

    protected override Errno GetReadableBytes(out int count)
    {
        count = _connection?.ReceivedCount ?? 0;
        return IsListening ? Errno.EINVAL : Errno.None;
    }

    protected override Errno GetQueuedBytes(out int count)
    {
        count = _connection?.SendQueueCount ?? 0;
        return IsListening ? Errno.EINVAL : Errno.None;
    }

    private static IoResult ReceiveUrgent(TcpConnection connection, ref IoCursor destination, SocketMessage message)
    {
        TcpTransferState state = connection.ReceiveUrgent(message.IsPeek || destination.Remaining == 0, out byte value);
        switch (state)
        {
            case TcpTransferState.Ready:
                message.Answer |= MessageFlags.MSG_OOB;
                if (destination.Remaining == 0)
                {
                    message.Answer |= MessageFlags.MSG_TRUNC;
                    return 0;
                }

                return destination.Write([value]) == 1 ? 1 : Errno.EFAULT;
            case TcpTransferState.Wait:
                return Errno.EAGAIN;
            case TcpTransferState.EndOfStream:
                return 0;
            default:
                return Errno.EINVAL;
        }
    }
}
