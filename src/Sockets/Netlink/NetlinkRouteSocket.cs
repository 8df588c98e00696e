using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>A socket of AF_NETLINK that asks about interfaces, addresses and routes (rtnetlink(7)).</summary>
/// <remarks>A request is answered before the call that sends it returns. Who joins a group hears nothing: no changes are told.</remarks>
public sealed class NetlinkRouteSocket : Socket
{
    private const int AddressLength = 12;
    private const int MessageHeaderLength = 16;
    private const int LongestRequest = 32 << 10;

    private readonly NetlinkQueue _queue = new();
    private readonly RouteDump _dump;
    private readonly Network _network;
    private uint _port;
    private uint _groups;
    private uint _peer;

    public NetlinkRouteSocket(SocketSystem system, Network network, FileCredentials owner, SocketType type)
        : base(system, owner, AddressFamily.AF_NETLINK, type, 0)
    {
        _network = network;
        _queue.Limit = ReceiveBufferSize;
        _dump = new RouteDump(network.Stack, new NetlinkWriter(_queue));
    }

    /// <summary>The next of those that have a port.</summary>
    internal NetlinkRouteSocket? NextWithPort { get; set; }

    internal uint Port => _port;

    public override bool IsStream => false;

    public override Errno Bind(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = Read(address, out uint port, out uint groups);
        if (error != Errno.None)
        {
            return error;
        }

        if (_port != 0 && port != _port)
        {
            return Errno.EINVAL;
        }

        if (_port == 0)
        {
            error = System.NetlinkPorts.Add(this, port, (uint)caller.Credentials.Pid, out _port);
        }

        _groups = error == Errno.None ? groups : _groups;
        return error;
    }

    public override Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = Read(address, out uint port, out _);
        if (error == Errno.None && _port == 0)
        {
            error = System.NetlinkPorts.Add(this, 0, (uint)caller.Credentials.Pid, out _port);
        }

        _peer = error == Errno.None ? port : _peer;
        return error;
    }

    public override Errno GetName(Span<byte> name, out int length)
    {
        length = Write(name, _port, _groups);
        return Errno.None;
    }

    public override Errno GetPeerName(Span<byte> name, out int length)
    {
        length = Write(name, _peer, 0);
        return Errno.None;
    }

    public override IoResult Send(ref IoCursor source, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        uint target = _peer;
        Errno error = message.NameLength == 0 ? Errno.None : Read(message.Name, out target, out _);
        if (error == Errno.None && _port == 0)
        {
            error = System.NetlinkPorts.Add(this, 0, (uint)(message.Caller?.Credentials.Pid ?? 0), out _port);
        }

        if (error == Errno.None && target != 0)
        {
            error = Errno.ECONNREFUSED;
        }

        if (error == Errno.None && source.Remaining > LongestRequest)
        {
            error = Errno.EMSGSIZE;
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (!_network.TryGetDatagramBuffer(out byte[] buffer))
        {
            return Errno.ENOBUFS;
        }

        IoCursor start = source;
        Span<byte> request = buffer.AsSpan(0, (int)source.Remaining);
        if (source.Read(request) != request.Length)
        {
            source = start;
            return Errno.EFAULT;
        }

        Serve(request, message.Caller);
        return request.Length;
    }

    public override IoResult Receive(ref IoCursor destination, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (_queue.Count == 0)
        {
            Errno error = TakeError();
            return error != Errno.None ? error : Errno.EAGAIN;
        }

        ReadOnlySpan<byte> datagram = _queue.Peek();
        int whole = datagram.Length;
        int wanted = (int)Math.Min(whole, destination.Remaining);
        IoCursor start = destination;
        if (destination.Write(datagram[..wanted]) != wanted)
        {
            destination = start;
            return Errno.EFAULT;
        }

        message.WholeLength = whole;
        message.Answer |= whole > wanted ? MessageFlags.MSG_TRUNC : MessageFlags.None;
        message.NameLength = Write(message.NameBuffer, 0, 0);
        if (!message.IsPeek)
        {
            _queue.RemoveFirst();
        }

        return (message.Flags & MessageFlags.MSG_TRUNC) != 0 ? whole : wanted;
    }

    public override Errno Shutdown(ShutdownHow how) => Errno.EOPNOTSUPP;

    public override PollEvents Poll()
    {
        PollEvents events = WriteEvents | PollEvents.POLLWRBAND;
        events |= _queue.Count != 0 ? ReadEvents : PollEvents.None;
        return PendingError != Errno.None ? events | PollEvents.POLLERR : events;
    }

    protected override void OnClosed()
    {
        if (_port != 0)
        {
            System.NetlinkPorts.Remove(this);
        }
    }

    private protected override void OnReceiveBufferChanged() => _queue.Limit = ReceiveBufferSize;

    private protected override Errno FindOptions(SocketLevel level, out OptionTable? table)
    {
        table = level == SocketLevel.SOL_SOCKET ? SocketLevelOptions.Table : null;
        return table is null ? Errno.ENOPROTOOPT : Errno.None;
    }

    private static Errno Read(ReadOnlySpan<byte> address, out uint port, out uint groups)
    {
        port = 0;
        groups = 0;
        if (address.Length < AddressLength || InetAddress.GetFamily(address) != AddressFamily.AF_NETLINK)
        {
            return Errno.EINVAL;
        }

        port = BinaryPrimitives.ReadUInt32LittleEndian(address[4..]);
        groups = BinaryPrimitives.ReadUInt32LittleEndian(address[8..]);
        return Errno.None;
    }

    private static int Write(Span<byte> name, uint port, uint groups)
    {
        name[..AddressLength].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(name, (ushort)AddressFamily.AF_NETLINK);
        BinaryPrimitives.WriteUInt32LittleEndian(name[4..], port);
        BinaryPrimitives.WriteUInt32LittleEndian(name[8..], groups);
        return AddressLength;
    }

    /// <summary>Answers every request that a datagram holds.</summary>
    private void Serve(ReadOnlySpan<byte> requests, ISocketCaller? caller)
    {
        while (requests.Length >= MessageHeaderLength)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(requests);
            if (length < MessageHeaderLength || length > requests.Length)
            {
                break;
            }

            NetlinkType type = (NetlinkType)BinaryPrimitives.ReadUInt16LittleEndian(requests[4..]);
            NetlinkFlags flags = (NetlinkFlags)BinaryPrimitives.ReadUInt16LittleEndian(requests[6..]);
            ReadOnlySpan<byte> request = requests[..(int)length];
            if ((flags & NetlinkFlags.Request) != 0 && type >= NetlinkType.First)
            {
                Errno error = _dump.Serve(type, flags, request, _port, caller);
                if (error != Errno.None || ((flags & NetlinkFlags.Acknowledge) != 0 && !IsDump(type, flags)))
                {
                    _dump.Acknowledge(request, error, _port);
                }
            }

            requests = requests[Math.Min((int)((length + 3) & ~3u), requests.Length)..];
        }

        _dump.Flush();
        if (_dump.TakeOverrun())
        {
            PendingError = Errno.ENOBUFS;
        }

        Readable.WakeAll();
    }

    private static bool IsDump(NetlinkType type, NetlinkFlags flags) =>
        ((int)type & 3) == 2 && (flags & NetlinkFlags.Dump) != 0;
}

/// <summary>Which sockets of netlink have which port: the process's number for its first, others from the top (netlink(7)).</summary>
internal sealed class NetlinkPorts
{
    private const uint FirstOfKernel = unchecked((uint)-4097);

    private NetlinkRouteSocket? _first;

    /// <summary>Gives a socket a port.</summary>
    /// <param name="wanted">0 for any.</param>
    /// <returns>None or EADDRINUSE.</returns>
    public Errno Add(NetlinkRouteSocket socket, uint wanted, uint processId, out uint port)
    {
        port = wanted != 0 ? wanted : processId;
        bool isFree = port != 0 && !IsTaken(port);
        if (!isFree && wanted != 0)
        {
            port = 0;
            return Errno.EADDRINUSE;
        }

        for (uint next = FirstOfKernel; !isFree; next--)
        {
            port = next;
            isFree = !IsTaken(port);
        }

        socket.NextWithPort = _first;
        _first = socket;
        return Errno.None;
    }

    public void Remove(NetlinkRouteSocket socket)
    {
        NetlinkRouteSocket? previous = null;
        for (NetlinkRouteSocket? other = _first; other != socket; other = other!.NextWithPort)
        {
            previous = other;
        }

        if (previous is null)
        {
            _first = socket.NextWithPort;
        }
        else
        {
            previous.NextWithPort = socket.NextWithPort;
        }

        socket.NextWithPort = null;
    }

    private bool IsTaken(uint port)
    {
        for (NetlinkRouteSocket? other = _first; other is not null; other = other.NextWithPort)
        {
            if (other.Port == port)
            {
                return true;
            }
        }

        return false;
    }
}
