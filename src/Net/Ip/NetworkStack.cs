using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The network as one host sees it: interfaces, routes and neighbours, with transports over them.</summary>
/// <remarks>
/// Nothing here locks or waits, and nothing knows a clock: whoever drives the stack lets one caller in at a time, hands in frames
/// (<see cref="Input"/>), calls <see cref="Poll"/> when <see cref="NextDeadlineNs"/> has come, and <see cref="FlushLinks"/> when there is nothing
/// more to send for now. What a stack sends to itself arrives in <see cref="Poll"/>.
/// </remarks>
public sealed partial class NetworkStack : IIpOutput
{
    /// <summary>Packets of the loop back that one <see cref="Poll"/> takes: others have a turn then.</summary>
    private const int LoopbackBudget = 256;

    private readonly List<NetworkInterface> _interfaces = [];
    private readonly ITransport?[] _transports = new ITransport?[256];
    private readonly List<ITransport> _polled = [];
    private readonly LoopbackQueue _loopback;
    private readonly IpOutput _output;
    private readonly Ipv4Input _ipv4;
    private readonly Ipv6Input _ipv6;
    private readonly ArpHandler _arp;

    public NetworkStack(NetworkStackOptions options)
    {
        Random = options.Random;
        Filter = options.Filter;
        Events = options.Events;
        Memory = options.Memory;
        Pools = new PacketPools(options.BufferLimit, options.Memory);
        _loopback = new LoopbackQueue(Pools);
        _arp = new ArpHandler(this);
        NeighborDiscovery = new NeighborDiscovery(this);
        Neighbors = new NeighborCache(new NeighborSolicitor(this, _arp), Pools, Random);
        _output = new IpOutput(this, Neighbors, _loopback, Random);
        IcmpErrors = new IcmpErrorSender(this, Random);
        Reassembler = new Reassembler(this, options.Memory);
        Raw = new RawLayer(this);
        Multicast = new MulticastReporter(this);
        _ipv4 = new Ipv4Input(this);
        _ipv6 = new Ipv6Input(this);

        LoopbackLink link = new(_loopback);
        Loopback = AddInterface(link, "lo");
        link.Interface = Loopback;
    }

    /// <summary>127.0.0.1.</summary>
    public static IpAddress Ipv4Loopback => IpAddress.FromIpv4(0x7F00_0001);

    /// <summary>::1.</summary>
    public static IpAddress Ipv6Loopback => new(0, 1);

    /// <summary>All interfaces; number n is the element n - 1.</summary>
    public IReadOnlyList<NetworkInterface> Interfaces => _interfaces;

    /// <summary>The loop back, number 1.</summary>
    public NetworkInterface Loopback { get; }

    public RouteTable Routes { get; } = new();

    public NeighborCache Neighbors { get; }

    public IpCounters Ipv4Counters { get; } = new();

    public IpCounters Ipv6Counters { get; } = new();

    public IcmpCounters Icmpv4Counters { get; } = new();

    public IcmpCounters Icmpv6Counters { get; } = new();

    /// <summary>Endpoints that see packets of protocols as they are, and of ping.</summary>
    public RawLayer Raw { get; }

    /// <inheritdoc/>
    public int RouteGeneration { get; private set; }

    /// <summary>Buffers of the stack's own.</summary>
    public PacketPools Pools { get; }

    /// <summary><see cref="Interfaces"/>, to be gone through without an enumerator on the heap.</summary>
    internal List<NetworkInterface> InterfaceList => _interfaces;

    internal IEgressFilter? Filter { get; }

    internal INetworkEvents? Events { get; }

    internal IMemoryBudget? Memory { get; }

    internal INetworkRandom Random { get; }

    internal PathMtuCache PathMtus { get; } = new();

    internal IcmpErrorSender IcmpErrors { get; }

    internal Reassembler Reassembler { get; }

    internal NeighborDiscovery NeighborDiscovery { get; }

    internal MulticastReporter Multicast { get; }

    internal IpOutput Output => _output;

    /// <summary>When <see cref="Poll"/> has something to do; <see cref="long.MaxValue"/> for never, and what has passed for at once.</summary>
    public long NextDeadlineNs
    {
        get
        {
            if (_loopback.Count != 0)
            {
                return long.MinValue;
            }

            long next = Math.Min(Neighbors.NextDeadlineNs, Reassembler.NextDeadlineNs);
            next = Math.Min(next, Math.Min(Routes.NextExpiryNs, PathMtus.NextExpiryNs));
            next = Math.Min(next, Multicast.NextDeadlineNs);
            foreach (ITransport transport in _polled)
            {
                next = Math.Min(next, transport.NextDeadlineNs);
            }

            foreach (NetworkInterface networkInterface in _interfaces)
            {
                next = Math.Min(next, networkInterface.Autoconfiguration?.NextDeadlineNs ?? long.MaxValue);
                next = Math.Min(next, networkInterface.Dhcp?.NextDeadlineNs ?? long.MaxValue);
            }

            return next;
        }
    }

    /// <summary>Makes a protocol known: its packets are its from now on.</summary>
    public void Register(IpProtocol protocol, ITransport transport)
    {
        if (_transports[(byte)protocol] is not null)
        {
            throw new InvalidOperationException($"{protocol} has a transport already.");
        }

        _transports[(byte)protocol] = transport;
        _polled.Add(transport);
    }

    /// <summary>Takes a frame that an interface has received. The buffer is the stack's from now on.</summary>
    /// <param name="networkInterface">The interface.</param>
    /// <param name="buffer">The frame, from the link's header on, perhaps with padding.</param>
    /// <param name="nowNs">The time.</param>
    public void Input(NetworkInterface networkInterface, PacketBuffer buffer, long nowNs)
    {
        InterfaceCounters counters = networkInterface.Counters;
        if (!networkInterface.IsUp)
        {
            buffer.Release();
            return;
        }

        counters.RxPackets++;
        counters.RxBytes += buffer.Length;
        if (networkInterface.Link is CaptureLink capture)
        {
            capture.Capture(buffer.Bytes, default, default);
        }

        if (!networkInterface.Link.IsEthernet)
        {
            InputIp(networkInterface, buffer, isLooped: false, nowNs);
            return;
        }

        if (!EthernetHeader.TryParse(buffer.Bytes, out EthernetHeader header) || header.Source.IsMulticast)
        {
            counters.RxErrors++;
            buffer.Release();
            return;
        }

        if (header.Destination.IsMulticast)
        {
            counters.Multicast++;
        }
        else if (header.Destination != networkInterface.Link.Address)
        {
            // Somebody else's, which a switch has sent everywhere.
            buffer.Release();
            return;
        }

        buffer.TrimStart(EthernetHeader.Size);
        switch (header.Type)
        {
            case EtherType.Ipv4:
                _ipv4.Receive(networkInterface, buffer, header.Destination.IsMulticast, isLooped: false, nowNs);
                break;

            case EtherType.Ipv6:
                _ipv6.Receive(networkInterface, buffer, header.Destination.IsMulticast, isLooped: false, nowNs);
                break;

            case EtherType.Arp:
                _arp.Receive(networkInterface, buffer.Bytes, nowNs);
                buffer.Release();
                break;

            default:
                counters.RxNoHandler++;
                buffer.Release();
                break;
        }
    }

    /// <summary>Does what is due: delivers what this host has sent to itself, and asks, repeats and forgets what is time for it.</summary>
    public void Poll(long nowNs)
    {
        CheckLinks(nowNs);
        if (Routes.Expire(nowNs) | PathMtus.Expire(nowNs))
        {
            RouteGeneration++;
        }

        Neighbors.Poll(nowNs);
        Reassembler.Poll(nowNs);
        Multicast.Poll(nowNs);
        for (int i = 0; i < _interfaces.Count; i++)
        {
            _interfaces[i].Autoconfiguration?.Poll(nowNs);
            _interfaces[i].Dhcp?.Poll(nowNs);
        }

        DeliverLoopback(nowNs);
        foreach (ITransport transport in _polled)
        {
            if (transport.NextDeadlineNs <= nowNs)
            {
                transport.Poll(nowNs);
            }
        }

        DeliverLoopback(nowNs);
    }

    /// <summary>Tells all links of what was queued.</summary>
    public void FlushLinks()
    {
        foreach (NetworkInterface networkInterface in _interfaces)
        {
            networkInterface.Link.Flush();
        }
    }

    /// <inheritdoc/>
    public NetworkError FindRoute(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route)
    {
        NetworkError error = _output.FindRoute(source, destination, interfaceIndex, out route);
        if (error == NetworkError.NetworkUnreachable)
        {
            CountersOf(destination.IsIpv4).OutNoRoutes++;
        }

        return error;
    }

    /// <inheritdoc/>
    public NetworkError Send(in IpRoute route, in TransportPacket packet, long nowNs)
    {
        if (!route.IsLocal && Filter is not null && !Filter.Allows(packet.Protocol, route.Destination, PortOf(packet)))
        {
            CountersOf(route.Destination.IsIpv4).OutDiscards++;
            return NetworkError.NotPermitted;
        }

        return _output.Send(route, packet, nowNs);
    }

    /// <inheritdoc/>
    public void ConfirmReachable(in IpRoute route, long nowNs)
    {
        if (!route.IsLocal && (uint)(route.InterfaceIndex - 1) < (uint)_interfaces.Count)
        {
            Neighbors.Confirm(_interfaces[route.InterfaceIndex - 1], route.NextHop, nowNs);
        }
    }

    /// <inheritdoc/>
    public void LowerPathMtu(IpAddress destination, int mtu, long nowNs)
    {
        if (PathMtus.Lower(destination, mtu, nowNs))
        {
            RouteGeneration++;
        }
    }

    /// <summary>Sends the complaint that nobody listens at a port (RFC 1122, 4.1.3.1; RFC 4443, 3.1). The packet stays the caller's.</summary>
    public void SendPortUnreachable(in ReceivedPacket packet, long nowNs) =>
        IcmpErrors.SendUnreachable(packet, isPort: true, nowNs);

    /// <summary>Brings a complaint to the protocol whose packet it quotes.</summary>
    internal void ReportError(IpProtocol protocol, in IcmpError error, long nowNs)
    {
        Raw.ReceiveError(protocol, error, nowNs);
        FindTransport(protocol)?.ReceiveError(error, nowNs);
    }

    internal ITransport? FindTransport(IpProtocol protocol) => _transports[(byte)protocol];

    internal IpCounters CountersOf(bool isIpv4) => isIpv4 ? Ipv4Counters : Ipv6Counters;

    private static ushort PortOf(in TransportPacket packet) =>
        packet.Protocol is IpProtocol.Tcp or IpProtocol.Udp && packet.Header.Length >= 4
            ? BinaryPrimitives.ReadUInt16BigEndian(packet.Header[2..])
            : (ushort)0;

    private void InputIp(NetworkInterface networkInterface, PacketBuffer buffer, bool isLooped, long nowNs)
    {
        switch (buffer.Length == 0 ? 0 : buffer.Bytes[0] >> 4)
        {
            case 4:
                _ipv4.Receive(networkInterface, buffer, isLinkMulticast: false, isLooped, nowNs);
                break;

            case 6:
                _ipv6.Receive(networkInterface, buffer, isLinkMulticast: false, isLooped, nowNs);
                break;

            default:
                networkInterface.Counters.RxErrors++;
                buffer.Release();
                break;
        }
    }

    private void DeliverLoopback(long nowNs)
    {
        for (int i = 0; i < LoopbackBudget && _loopback.TryTake(out PacketBuffer? buffer, out NetworkInterface? arrivesBy); i++)
        {
            if (arrivesBy.IsLoopback)
            {
                Input(arrivesBy, buffer, nowNs);
            }
            else
            {
                InputIp(arrivesBy, buffer, isLooped: true, nowNs);
            }
        }
    }
}
