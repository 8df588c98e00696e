using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Sockets;

/// <summary>A socket of AF_UNIX that sends datagrams.</summary>
public sealed class UnixDatagramSocket : UnixSocket
{
    /// <summary>Datagrams beyond which a queue takes no more, but from the socket's own peer (net.unix.max_dgram_qlen).</summary>
    private const int MaximumQueueLength = 10;

    /// <summary>Whose queue held up the last send.</summary>
    private UnixSocket? _full;

    public UnixDatagramSocket(SocketSystem system, FileCredentials owner)
        : base(system, owner, SocketType.SOCK_DGRAM)
    {
    }

    public override Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        if (address.Length < UnixAddress.PathOffset)
        {
            return Errno.EINVAL;
        }

        UnixSocket? target = null;
        if (BinaryPrimitives.ReadUInt16LittleEndian(address) != (int)AddressFamily.AF_UNSPEC)
        {
            Errno error = UnixAddress.Parse(address, out _);
            if (error == Errno.None && PassesCredentials && Address is null)
            {
                error = BindAutomatically();
            }

            error = error == Errno.None ? FindTarget(address, caller, out target) : error;
            if (error != Errno.None)
            {
                return error;
            }

            if (!MaySend(target!))
            {
                return Errno.EPERM;
            }
        }

        UnixSocket? old = Peer;
        Peer = target;
        RemoteCredentials = null;
        if (old is not null && old != target)
        {
            Disconnect(old);
        }

        return Errno.None;
    }

    public override IoResult Send(ref IoCursor source, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        UnixSocket? target = Peer;
        if (message.NameLength != 0)
        {
            Errno invalid = UnixAddress.Parse(message.Name, out _);
            if (invalid != Errno.None)
            {
                return invalid;
            }
        }
        else if (target is null)
        {
            return Errno.ENOTCONN;
        }

        if (PassesCredentials && Address is null)
        {
            Errno unnamed = BindAutomatically();
            if (unnamed != Errno.None)
            {
                return unnamed;
            }
        }

        Errno error = CheckLength(source.Remaining);
        if (error == Errno.None && IsWriteShut)
        {
            error = Errno.EPIPE;
        }

        if (error == Errno.None && SendCharge >= SendBufferSize)
        {
            error = Errno.EAGAIN;
        }

        if (error == Errno.None && message.NameLength != 0)
        {
            error = FindTarget(message.Name, message.Caller!, out target);
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (!MaySend(target!))
        {
            return Errno.EPERM;
        }

        if (target!.IsClosed)
        {
            if (message.NameLength == 0)
            {
                Peer = null;
                Disconnect(target);
            }

            return Errno.ECONNREFUSED;
        }

        if (target.IsReadShut)
        {
            return Errno.EPIPE;
        }

        if (IsFull(target))
        {
            _full = target;
            return Errno.EAGAIN;
        }

        error = Deliver(ref source, (int)source.Remaining, isWhole: true, target, message);
        return error == Errno.None ? source.ToResult() : error;
    }

    public override IoResult Receive(ref IoCursor destination, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (Queue.Count != 0)
        {
            return TakeMessage(ref destination, message);
        }

        Errno error = TakeError();
        if (error == Errno.None && IsReadShut && !IsNonBlocking && (message.Flags & MessageFlags.MSG_DONTWAIT) == 0)
        {
            return 0;
        }

        return error != Errno.None ? error : Errno.EAGAIN;
    }

    public override PollEvents Poll()
    {
        PollEvents events = PendingError != Errno.None ? PollEvents.POLLERR : PollEvents.None;
        events |= IsReadShut && IsWriteShut ? PollEvents.POLLHUP : PollEvents.None;
        events |= IsReadShut ? PollEvents.POLLRDHUP | ReadEvents : PollEvents.None;
        events |= Queue.Count != 0 ? ReadEvents : PollEvents.None;
        bool hasRoom = HasSendRoom && !(Peer is { IsClosed: false } peer && IsFull(peer));
        return hasRoom ? events | WriteEvents | PollEvents.POLLWRBAND : events;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events)
    {
        base.Enlist(waiter, events);
        if ((events & WriteEvents) == 0)
        {
            return;
        }

        // Room in the queue of whoever it is for is worth waiting for, too.
        if (Peer is { } peer)
        {
            waiter.Enlist(peer.Room);
        }

        if (_full is { } full && full != Peer)
        {
            waiter.Enlist(full.Room);
        }
    }

    protected override Errno GetReadableBytes(out int count)
    {
        count = Queue.Count == 0 ? 0 : Queue[0].Length;
        return Errno.None;
    }

    private protected override void OnClosing()
    {
        Peer = null;
        _full = null;
    }

    /// <summary>Whether a socket takes datagrams from this one: one that is connected takes them from its peer only.</summary>
    private bool MaySend(UnixSocket target) => target.Peer is null || target.Peer == this;

    private bool IsFull(UnixSocket target) => target.Peer != this && target.Queue.Count > MaximumQueueLength;

    /// <summary>Forgets what the old peer has sent, and tells it so, where it was connected to this socket.</summary>
    private void Disconnect(UnixSocket old)
    {
        if (Queue.Count == 0)
        {
            return;
        }

        Purge();
        if (!old.IsClosed && old.Peer == this)
        {
            old.Reset();
        }
    }
}
