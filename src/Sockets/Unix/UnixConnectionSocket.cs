using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <summary>A socket of AF_UNIX with connections: SOCK_STREAM or SOCK_SEQPACKET.</summary>
public sealed class UnixConnectionSocket : UnixSocket
{
    private State _state;
    private int _backlog;

    /// <summary>Whether it waits to be accepted: then its end is a reset for whoever connected.</summary>
    private bool _isUnaccepted;

    /// <summary>Where a connect waits for room.</summary>
    private UnixConnectionSocket? _target;

    public UnixConnectionSocket(SocketSystem system, FileCredentials owner, SocketType type)
        : base(system, owner, type)
    {
    }

    private enum State : byte
    {
        Unconnected,
        Listening,
        Connected,
    }

    public override bool IsListening => _state == State.Listening;

    public override Errno ConnectTimeoutError => Errno.EAGAIN;

    /// <summary>Whether no more connections may wait to be accepted.</summary>
    private bool IsFull => Queue.Count > _backlog;

    public override Errno Listen(int backlog, ISocketCaller caller)
    {
        if (Address is null || _state == State.Connected)
        {
            return Errno.EINVAL;
        }

        int limit = (int)Math.Min((uint)backlog, SocketSystem.MaximumBacklog);
        bool isLonger = limit > _backlog;
        _backlog = limit;
        _state = State.Listening;
        RemoteCredentials = caller.Credentials;
        RemoteGroups = caller.Groups;
        if (isLonger)
        {
            Room.WakeAll();
        }

        return Errno.None;
    }

    public override Errno Accept(out Socket? connection)
    {
        connection = null;
        if (_state != State.Listening)
        {
            return Errno.EINVAL;
        }

        if (Queue.Count == 0)
        {
            return IsReadShut ? Errno.EINVAL : Errno.EAGAIN;
        }

        UnixConnectionSocket accepted = Queue[0].Connection!;
        accepted._isUnaccepted = false;
        connection = accepted;
        Queue.RemoveFirst();
        Room.WakeAll();
        return Errno.None;
    }

    public override Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = FindTarget(address, caller, out UnixSocket? target);
        if (error == Errno.None && PassesCredentials && Address is null)
        {
            error = BindAutomatically();
        }

        if (error != Errno.None)
        {
            return error;
        }

        _target = (UnixConnectionSocket)target!;
        return ContinueConnect(caller);
    }

    public override Errno ContinueConnect(ISocketCaller caller)
    {
        UnixConnectionSocket listener = _target!;
        if (listener._state != State.Listening || listener.IsReadShut || listener.IsClosed)
        {
            return Errno.ECONNREFUSED;
        }

        if (listener.IsFull)
        {
            return Errno.EAGAIN;
        }

        if (_state != State.Unconnected)
        {
            return _state == State.Connected ? Errno.EISCONN : Errno.EINVAL;
        }

        if (!KernelHeap.HasRoom() || !listener.Queue.TryReserve())
        {
            return Errno.ENOMEM;
        }

        FileCredentials owner = new() { UserId = listener.Inode.UserId, GroupId = listener.Inode.GroupId };
        UnixConnectionSocket connection = new(System, owner, Type) { Address = listener.Address, Peer = this };
        connection._state = State.Connected;
        connection._isUnaccepted = true;
        connection.SetOption(OptionFlags.PassCredentials, listener.PassesCredentials);
        connection.RemoteCredentials = caller.Credentials;
        connection.RemoteGroups = caller.Groups;
        Peer = connection;
        RemoteCredentials = listener.RemoteCredentials;
        RemoteGroups = listener.RemoteGroups;
        _state = State.Connected;
        _target = null;
        listener.Queue.Add(new MessageRecord { Connection = connection });
        listener.Readable.WakeAll();
        return Errno.None;
    }

    public override void EnlistForConnect(IQueueMember waiter) => waiter.Enlist(_target!.Room);

    public override IoResult Send(ref IoCursor source, SocketMessage message) =>
        IsStream ? SendBytes(ref source, message) : SendPacket(ref source, message);

    public override IoResult Receive(ref IoCursor destination, SocketMessage message)
    {
        if (_state != State.Connected)
        {
            return IsStream ? Errno.EINVAL : Errno.ENOTCONN;
        }

        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (Queue.Count == 0)
        {
            Errno error = TakeError();
            return error != Errno.None ? error : IsReadShut ? 0 : Errno.EAGAIN;
        }

        return IsStream ? ReceiveBytes(ref destination, message) : TakeMessage(ref destination, message);
    }

    public override PollEvents Poll()
    {
        PollEvents events = PendingError != Errno.None ? PollEvents.POLLERR : PollEvents.None;
        events |= IsReadShut && IsWriteShut ? PollEvents.POLLHUP : PollEvents.None;
        events |= IsReadShut ? PollEvents.POLLRDHUP | ReadEvents : PollEvents.None;
        events |= Queue.Count != 0 ? ReadEvents : PollEvents.None;
        events |= _state == State.Unconnected ? PollEvents.POLLHUP : PollEvents.None;
        return _state != State.Listening && HasSendRoom ? events | WriteEvents | PollEvents.POLLWRBAND : events;
    }

    protected override bool HasNews(int code) => code != SignalCode.POLL_IN || Queue.Count != 0 || IsReadShut;

    protected override Errno GetReadableBytes(out int count)
    {
        count = Queue.Bytes.Count;
        return _state == State.Listening ? Errno.EINVAL : Errno.None;
    }

    private protected override void Pair(UnixSocket peer, ISocketCaller caller)
    {
        base.Pair(peer, caller);
        _state = State.Connected;
    }

    private protected override void OnClosing()
    {
        _target = null;
        if (Peer is not UnixConnectionSocket peer)
        {
            return;
        }

        Peer = null;
        if (Queue.Count != 0 || _isUnaccepted)
        {
            peer.PendingError = Errno.ECONNRESET;
        }

        peer.Shut(reads: true, writes: true);
    }

    private IoResult SendBytes(ref IoCursor source, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (message.NameLength != 0)
        {
            return _state == State.Connected ? Errno.EISCONN : Errno.EOPNOTSUPP;
        }

        if (Peer is not { } peer)
        {
            return Errno.ENOTCONN;
        }

        if (IsWriteShut || peer.IsReadShut || peer.IsClosed)
        {
            return source.ToResult(Errno.EPIPE);
        }

        while (source.Remaining > 0 && !source.IsFaulted)
        {
            long room = SendBufferSize - SendCharge - ChargePerMessage;
            if (room <= 0)
            {
                return source.ToResult(Errno.EAGAIN);
            }

            Errno error = Deliver(ref source, (int)Math.Min(room, source.Remaining), isWhole: false, peer, message);
            if (error != Errno.None)
            {
                return source.ToResult(error);
            }
        }

        return source.ToResult();
    }

    private IoResult SendPacket(ref IoCursor source, SocketMessage message)
    {
        Errno error = TakeError();
        if (error == Errno.None && _state != State.Connected)
        {
            error = Errno.ENOTCONN;
        }

        if (error == Errno.None && (message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            error = Errno.EOPNOTSUPP;
        }

        if (error == Errno.None)
        {
            error = CheckLength(source.Remaining);
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (Peer is not { } peer || IsWriteShut || peer.IsReadShut)
        {
            return Errno.EPIPE;
        }

        if (SendCharge >= SendBufferSize)
        {
            return Errno.EAGAIN;
        }

        error = Deliver(ref source, (int)source.Remaining, isWhole: true, peer, message);
        return error == Errno.None ? source.ToResult() : error;
    }

    private IoResult ReceiveBytes(ref IoCursor destination, SocketMessage message)
    {
        bool isFirst = true;
        int index = 0;
        int offset = 0;
        while (index < Queue.Count)
        {
            ref MessageRecord record = ref Queue[index];
            if (!isFirst && PassesCredentials && record.Credentials != message.Credentials)
            {
                break;
            }

            bool hasFiles = record.Files is not null;
            if ((isFirst || hasFiles) && !TryDescribe(ref record, message))
            {
                return destination.ToResult(Errno.ENOMEM);
            }

            isFirst = false;
            int length = record.Length;
            int moved = Queue.Bytes.CopyTo(ref destination, offset, length);
            if (message.IsPeek)
            {
                offset += moved;
                index++;
            }
            else
            {
                Consume(ref record, moved);
            }

            if (hasFiles || moved < length || destination.Remaining == 0)
            {
                break;
            }
        }

        return destination.ToResult();
    }
}
