using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>A socket that sends datagrams over IP: of UDP (udp(7)), or of ICMP for ping (icmp(7), "ping sockets").</summary>
public sealed partial class InetDatagramSocket : InetSocket, IEndpointListener
{
    /// <summary>The largest payload of a datagram of UDP over IPv4 (udp(7)).</summary>
    private const int LargestDatagram = 65507;

    private readonly DatagramEndpoint _endpoint;

    public InetDatagramSocket(SocketSystem system, Network network, FileCredentials owner, AddressFamily family)
        : base(system, network, owner, family, SocketType.SOCK_DGRAM, (int)Semitone.Abi.IpProtocol.IPPROTO_UDP)
    {
        _endpoint = network.Udp.Create(IsIpv6, this);
        ((UdpEndpoint)_endpoint).Owner = owner.UserId;
    }

    private InetDatagramSocket(SocketSystem system, Network network, FileCredentials owner, AddressFamily family, int protocol)
        : base(system, network, owner, family, SocketType.SOCK_DGRAM, protocol) =>
        _endpoint = network.Stack.Raw.CreateEcho(IsIpv6, this);

    internal DatagramEndpoint Endpoint => _endpoint;

    internal override bool IsBound => _endpoint.LocalPort != 0;

    /// <summary>What the receiver is told with each datagram: IP_PKTINFO, IP_RECVTTL, IP_RECVTOS and those of IPv6.</summary>
    internal DatagramDetails Details { get; set; }

    /// <summary>Makes a socket for ping.</summary>
    public static InetDatagramSocket CreateEcho(SocketSystem system, Network network, FileCredentials owner, AddressFamily family)
    {
        Abi.IpProtocol protocol = family == AddressFamily.AF_INET6 ? Abi.IpProtocol.IPPROTO_ICMPV6 : Abi.IpProtocol.IPPROTO_ICMP;
        return new InetDatagramSocket(system, network, owner, family, (int)protocol);
    }

    public override Errno Bind(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = InetAddress.Read(address, Family, allowsIpv4: false, out InetAddress wanted);
        if (error == Errno.None && _endpoint.LocalPort != 0)
        {
            error = Errno.EINVAL;
        }

        if (error == Errno.None && _endpoint is UdpEndpoint)
        {
            error = CheckPort(wanted.Port, caller);
        }

        if (error != Errno.None)
        {
            return error;
        }

        NetworkError failure = _endpoint is UdpEndpoint udp
            ? udp.Bind(wanted.Address, wanted.Port, wanted.Scope)
            : ((EchoEndpoint)_endpoint).Bind(wanted.Address, wanted.Port, wanted.Scope);
        return failure.ToErrno();
    }

    public override Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        if (address.Length < sizeof(ushort))
        {
            return Errno.EINVAL;
        }

        if (InetAddress.GetFamily(address) == AddressFamily.AF_UNSPEC)
        {
            _endpoint.Disconnect();
            return Errno.None;
        }

        Errno error = InetAddress.Read(address, Family, allowsIpv4: true, out InetAddress peer);
        return error == Errno.None ? _endpoint.Connect(peer.Address, peer.Port, peer.Scope, NowNs).ToErrno() : error;
    }

    public override Errno GetName(Span<byte> name, out int length)
    {
        length = new InetAddress(_endpoint.LocalAddress, _endpoint.LocalPort, _endpoint.InterfaceIndex).Write(Family, name);
        return Errno.None;
    }

    public override Errno GetPeerName(Span<byte> name, out int length)
    {
        length = 0;
        if (!_endpoint.IsConnected || _endpoint.RemotePort == 0)
        {
            return Errno.ENOTCONN;
        }

        length = new InetAddress(_endpoint.RemoteAddress, _endpoint.RemotePort, _endpoint.InterfaceIndex).Write(Family, name);
        return Errno.None;
    }

    public override IoResult Send(ref IoCursor source, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_OOB) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        DatagramTarget target = message.Target;
        if (message.NameLength != 0)
        {
            Errno error = InetAddress.Read(message.Name, Family, allowsIpv4: true, out InetAddress peer);
            if (error != Errno.None)
            {
                return error;
            }

            target = target with
            {
                Address = peer.Address,
                Port = peer.Port,
                HasAddress = true,
                InterfaceIndex = target.InterfaceIndex != 0 ? target.InterfaceIndex : peer.Scope,
            };
        }
        else if (!_endpoint.IsConnected)
        {
            return Errno.EDESTADDRREQ;
        }

        if (source.Remaining > LargestDatagram)
        {
            return Errno.EMSGSIZE;
        }

        if (!Network.TryGetDatagramBuffer(out byte[] buffer))
        {
            return Errno.ENOBUFS;
        }

        IoCursor start = source;
        Span<byte> payload = buffer.AsSpan(0, (int)source.Remaining);
        if (source.Read(payload) != payload.Length)
        {
            source = start;
            return Errno.EFAULT;
        }

        NetworkError failure = _endpoint is UdpEndpoint udp
            ? udp.Send(target, payload, default, NowNs)
            : ((EchoEndpoint)_endpoint).Send(target, payload, NowNs);
        Network.Task.Settle();
        return failure == NetworkError.None ? payload.Length : failure.ToErrno();
    }

    public override IoResult Receive(ref IoCursor destination, SocketMessage message)
    {
        if ((message.Flags & MessageFlags.MSG_ERRQUEUE) != 0)
        {
            return ReceiveComplaint(message);
        }

        Errno error = _endpoint.TakeError().ToErrno();
        if (error != Errno.None)
        {
            return error;
        }

        if (!_endpoint.TryPeek(out ReceivedDatagram datagram))
        {
            return _endpoint.IsReadShut && !IsNonBlocking ? 0 : Errno.EAGAIN;
        }

        ReadOnlySpan<byte> payload = datagram.Buffer.Bytes;
        int whole = payload.Length;
        int wanted = (int)Math.Min(whole, destination.Remaining);
        IoCursor start = destination;
        if (destination.Write(payload[..wanted]) != wanted)
        {
            destination = start;
            return Errno.EFAULT;
        }

        message.WholeLength = whole;
        message.Answer |= whole > wanted ? MessageFlags.MSG_TRUNC : MessageFlags.None;
        InetAddress from = new(datagram.Source, datagram.SourcePort, datagram.InterfaceIndex);
        message.NameLength = from.Write(Family, message.NameBuffer);
        Describe(datagram, message);
        if (!message.IsPeek && _endpoint.TryReceive(out ReceivedDatagram taken))
        {
            taken.Buffer.Release();
        }

        return (message.Flags & MessageFlags.MSG_TRUNC) != 0 ? whole : wanted;
    }

    public override Errno Shutdown(ShutdownHow how)
    {
        if (how is < ShutdownHow.SHUT_RD or > ShutdownHow.SHUT_RDWR)
        {
            return Errno.EINVAL;
        }

        Errno error = _endpoint.Shutdown(how != ShutdownHow.SHUT_WR, how != ShutdownHow.SHUT_RD).ToErrno();
        WakeAll();
        return error;
    }

    public override PollEvents Poll()
    {
        EndpointReadiness readiness = _endpoint.Readiness;
        PollEvents events = PollEvents.None;
        events |= (readiness & EndpointReadiness.Readable) != 0 ? ReadEvents : events;
        events |= (readiness & EndpointReadiness.Writable) != 0 ? WriteEvents | PollEvents.POLLWRBAND : events;
        events |= (readiness & EndpointReadiness.Error) != 0 ? PollEvents.POLLERR : events;
        events |= (readiness & EndpointReadiness.PeerClosed) != 0 ? PollEvents.POLLRDHUP : events;
        return (readiness & EndpointReadiness.HungUp) != 0 ? events | PollEvents.POLLHUP : events;
    }

    void IEndpointListener.OnReady(EndpointReadiness readiness)
    {
        if ((readiness & ~EndpointReadiness.Writable) != 0)
        {
            Readable.WakeAll();
        }

        if ((readiness & ~EndpointReadiness.Readable) != 0)
        {
            Writable.WakeAll();
        }
    }

    protected internal override Errno TakeError() => _endpoint.TakeError().ToErrno();

    protected override Errno GetReadableBytes(out int count)
    {
        count = _endpoint.TryPeek(out ReceivedDatagram datagram) ? datagram.Buffer.Length : 0;
        return Errno.None;
    }

    protected override Errno GetQueuedBytes(out int count)
    {
        // What is sent leaves at once.
        count = 0;
        return Errno.None;
    }

    protected override void OnClosed()
    {
        _endpoint.Close(NowNs);
        Network.Task.Settle();
    }
}
