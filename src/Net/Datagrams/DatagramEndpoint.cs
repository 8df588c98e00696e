namespace Semitone.Net;

/// <summary>What sends and receives datagrams: a queue, an address, options; under a socket.</summary>
/// <remarks>
/// Like the whole stack it locks nothing. A datagram that is taken belongs to who takes it. Addresses are of both versions for an endpoint
/// of IPv6 that is
/// not <see cref="IsIpv6Only"/>.
/// </remarks>
public abstract class DatagramEndpoint
{
    /// <summary>Linux's net.core.rmem_default.</summary>
    public const int UsualReceiveBuffer = 212992;

    private const int MostQueuedErrors = 16;

    private readonly DatagramQueue _queue;
    private readonly Queue<QueuedError> _errors = new();
    private IpRoute _route;
    private int _routeGeneration;
    private bool _hasRoute;
    private NetworkError _error;

    private protected DatagramEndpoint(NetworkStack stack, bool isIpv6, IEndpointListener? listener)
    {
        Stack = stack;
        IsIpv6 = isIpv6;
        Listener = listener;
        _queue = new DatagramQueue(stack.Memory);
        LocalAddress = Any;
        RemoteAddress = Any;
        Memberships = new GroupMemberships(stack);
    }

    /// <summary>Who is told what is ready; null for nobody.</summary>
    public IEndpointListener? Listener { get; set; }

    /// <summary>Whether it is of IPv6 (AF_INET6), and so perhaps of both.</summary>
    public bool IsIpv6 { get; }

    /// <summary>IPV6_V6ONLY; to be set before binding.</summary>
    public bool IsIpv6Only { get; set; }

    /// <summary>The address that is bound, or that connecting has chosen; any for all.</summary>
    public IpAddress LocalAddress { get; private protected set; }

    /// <summary>The port, or what stands for it; 0 for none.</summary>
    public ushort LocalPort { get; private protected set; }

    public IpAddress RemoteAddress { get; private set; }

    public ushort RemotePort { get; private set; }

    public bool IsConnected { get; private set; }

    public bool IsClosed { get; private set; }

    /// <summary>The only interface to use (SO_BINDTODEVICE); 0 for any.</summary>
    public int InterfaceIndex { get; set; }

    /// <summary>Bytes that the buffers in the queue may occupy (SO_RCVBUF, as getsockopt(2) tells it).</summary>
    public int ReceiveBufferLimit { get; set; } = UsualReceiveBuffer;

    /// <summary>IP_TTL, IPV6_UNICAST_HOPS; 0 for the usual.</summary>
    public byte HopLimit { get; set; }

    /// <summary>IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS.</summary>
    public byte MulticastHopLimit { get; set; } = 1;

    /// <summary>IP_TOS, IPV6_TCLASS.</summary>
    public byte TrafficClass { get; set; }

    /// <summary>The interface for groups (IP_MULTICAST_IF); 0 for the route's.</summary>
    public int MulticastInterfaceIndex { get; set; }

    /// <summary>Whether what is sent to a group that this host is in comes back (IP_MULTICAST_LOOP).</summary>
    public bool LoopsMulticast { get; set; } = true;

    /// <summary>Whether it hears of all groups that anybody on this host has joined (IP_MULTICAST_ALL).</summary>
    public bool ReceivesAllGroups { get; set; } = true;

    /// <summary>SO_BROADCAST.</summary>
    public bool AllowsBroadcast { get; set; }

    /// <summary>IP_MTU_DISCOVER.</summary>
    public PathMtuDiscovery PathMtuDiscovery { get; set; } = PathMtuDiscovery.Wanted;

    /// <summary>IP_RECVERR.</summary>
    public bool QueuesErrors { get; set; }

    /// <summary>Whether nothing more is read (SHUT_RD): reading finds the end.</summary>
    public bool IsReadShut { get; private set; }

    /// <summary>Whether nothing more is sent (SHUT_WR).</summary>
    public bool IsWriteShut { get; private set; }

    /// <summary>Datagrams that wait.</summary>
    public int QueuedCount => _queue.Count;

    /// <summary>Bytes that their buffers occupy.</summary>
    public int QueuedSize => _queue.Bytes;

    /// <summary>Datagrams that were dropped because the queue was full (SO_RXQ_OVFL, /proc/net/udp's drops).</summary>
    public long DroppedCount { get; private set; }

    /// <summary>Everything that is ready now (poll(2)).</summary>
    public EndpointReadiness Readiness =>
        (_queue.Count != 0 || IsReadShut ? EndpointReadiness.Readable : 0)
        | EndpointReadiness.Writable
        | (_error != NetworkError.None || _errors.Count != 0 ? EndpointReadiness.Error : 0)
        | (IsReadShut ? EndpointReadiness.PeerClosed : 0)
        | (IsReadShut && IsWriteShut ? EndpointReadiness.HungUp : 0);

    private protected NetworkStack Stack { get; }

    private protected GroupMemberships Memberships { get; }

    private protected abstract IpProtocol Protocol { get; }

    /// <summary>Bytes of the transport's header.</summary>
    private protected abstract int HeaderSize { get; }

    private IpAddress Any => IsIpv6 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any;

    /// <summary>Takes the oldest datagram, whose buffer the caller gives back.</summary>
    public bool TryReceive(out ReceivedDatagram datagram)
    {
        if (!_queue.TryTake(out datagram))
        {
            return false;
        }

        Stack.DatagramBytes -= datagram.Buffer.Capacity;
        return true;
    }

    /// <summary>Looks at the oldest datagram; its buffer stays the endpoint's.</summary>
    public bool TryPeek(out ReceivedDatagram datagram) => _queue.TryPeek(out datagram);

    /// <summary>Takes the error that waits (SO_ERROR).</summary>
    public NetworkError TakeError()
    {
        NetworkError error = _error;
        _error = NetworkError.None;
        return error;
    }

    /// <summary>Takes the oldest complaint (MSG_ERRQUEUE).</summary>
    public bool TryTakeError(out QueuedError error) => _errors.TryDequeue(out error);

    /// <summary>Sets the peer: only its datagrams are taken, and its complaints heard.</summary>
    /// <param name="address">The peer, of a version that the endpoint can have; any for this host.</param>
    /// <param name="port">Its port.</param>
    /// <param name="interfaceIndex">The interface of a link-local address; 0 for any.</param>
    /// <param name="nowNs">The time.</param>
    public NetworkError Connect(IpAddress address, ushort port, int interfaceIndex, long nowNs)
    {
        if (!IsReachable(address))
        {
            return NetworkError.NetworkUnreachable;
        }

        int usual = address.IsMulticast && MulticastInterfaceIndex != 0 ? MulticastInterfaceIndex : InterfaceIndex;
        int index = interfaceIndex != 0 ? interfaceIndex : usual;
        IpAddress source = IsConnected && !IsAddressBound ? default : UsableSource();
        NetworkError error = Stack.FindRoute(source, address, index, out IpRoute route);
        if (error != NetworkError.None)
        {
            return error;
        }

        if (route.IsBroadcast && !AllowsBroadcast)
        {
            return NetworkError.NotPermitted;
        }

        error = EnsurePort();
        if (error != NetworkError.None)
        {
            return error;
        }

        if (!IsAddressBound)
        {
            LocalAddress = route.Source;
        }

        RemoteAddress = route.Destination;
        RemotePort = port;
        IsConnected = true;
        IsReadShut = false;
        IsWriteShut = false;
        KeepRoute(route);
        return NetworkError.None;
    }

    /// <summary>Forgets the peer (connect(2) with AF_UNSPEC).</summary>
    public void Disconnect()
    {
        IsConnected = false;
        RemoteAddress = Any;
        RemotePort = 0;
        _hasRoute = false;
        if (!IsAddressBound)
        {
            LocalAddress = Any;
        }

        ReleaseChosenPort();
    }

    /// <summary>Ends reading or writing (shutdown(2)).</summary>
    /// <returns><see cref="NetworkError.NotConnected"/> as Linux has it for one without a peer; the ways are shut all the same.</returns>
    public NetworkError Shutdown(bool read, bool write)
    {
        if (!IsConnected)
        {
            return NetworkError.NotConnected;
        }

        IsReadShut |= read;
        IsWriteShut |= write;
        Listener?.OnReady(Readiness);
        return NetworkError.None;
    }

    /// <summary>Ends the endpoint: its port is free, its groups are left, and what waits is thrown away.</summary>
    public void Close(long nowNs)
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        Listener = null;
        OnClose();
        Memberships.LeaveAll(nowNs);
        Stack.DatagramBytes -= _queue.Bytes;
        _queue.Clear();
        _errors.Clear();
    }

    /// <summary>Joins a group (IP_ADD_MEMBERSHIP, IPV6_ADD_MEMBERSHIP).</summary>
    /// <param name="group">The group.</param>
    /// <param name="interfaceIndex">The interface; 0 for the one that a route to the group leads over.</param>
    /// <param name="nowNs">The time.</param>
    public NetworkError JoinGroup(IpAddress group, int interfaceIndex, long nowNs) => Memberships.Join(group, interfaceIndex, nowNs);

    /// <summary>Leaves a group.</summary>
    public NetworkError LeaveGroup(IpAddress group, int interfaceIndex, long nowNs) => Memberships.Leave(group, interfaceIndex, nowNs);

    /// <summary>Whether an address was bound, and not chosen by connecting.</summary>
    private protected bool IsAddressBound { get; set; }

    /// <summary>Sees to it that there is a port.</summary>
    private protected abstract NetworkError EnsurePort();

    /// <summary>Lets a port go that nobody has asked for by number.</summary>
    private protected virtual void ReleaseChosenPort()
    {
    }

    private protected abstract void OnClose();

    /// <summary>Whether an address is of a version that the endpoint can have.</summary>
    private protected bool IsReachable(IpAddress address) => address.IsIpv4 ? !IsIpv6 || !IsIpv6Only : IsIpv6;

    /// <summary>Finds where a datagram goes, and whether it may.</summary>
    private protected NetworkError FindTarget(in DatagramTarget target, out IpRoute route, out ushort port)
    {
        route = default;
        port = target.HasAddress ? target.Port : RemotePort;
        if (IsWriteShut)
        {
            return NetworkError.Shutdown;
        }

        NetworkError error = TakeError();
        if (error != NetworkError.None)
        {
            return error;
        }

        if (!target.HasAddress && !IsConnected)
        {
            return NetworkError.NotConnected;
        }

        bool isUsual = !target.HasAddress && target.Source.IsAny && target.InterfaceIndex == 0;
        if (isUsual && _hasRoute && _routeGeneration == Stack.RouteGeneration)
        {
            route = _route;
        }
        else
        {
            IpAddress address = target.HasAddress ? target.Address : RemoteAddress;
            if (!IsReachable(address))
            {
                return NetworkError.NetworkUnreachable;
            }

            int index = target.InterfaceIndex != 0
                ? target.InterfaceIndex
                : InterfaceIndex != 0 || !(address.IsMulticast || address.IsLimitedBroadcast) ? InterfaceIndex : MulticastInterfaceIndex;
            error = Stack.FindRoute(target.Source.IsAny ? UsableSource() : target.Source, address, index, out route);
            if (error != NetworkError.None)
            {
                return error;
            }

            if (isUsual)
            {
                KeepRoute(route);
            }
        }

        return route.IsBroadcast && !AllowsBroadcast ? NetworkError.NotPermitted : EnsurePort();
    }

    /// <summary>Sends by a route, as the options say.</summary>
    private protected NetworkError SendTo(
        in IpRoute route,
        in DatagramTarget target,
        Span<byte> header,
        int checksumOffset,
        ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> morePayload,
        long nowNs)
    {
        int length = header.Length + payload.Length + morePayload.Length
            + (route.Destination.IsIpv4 ? Ipv4Header.Size : Ipv6Header.Size);
        bool isTooLarge = length > route.Mtu;
        if (isTooLarge && PathMtuDiscovery is PathMtuDiscovery.Always or PathMtuDiscovery.Probe)
        {
            ReportTooLong(route, target);
            return NetworkError.MessageTooLong;
        }

        bool isGroup = route.Destination.IsMulticast;
        return Stack.Send(route, new TransportPacket
        {
            Protocol = route.Destination.IsIpv4 || Protocol != IpProtocol.Icmp ? Protocol : IpProtocol.Icmpv6,
            Header = header,
            ChecksumOffset = checksumOffset,
            Payload = payload,
            MorePayload = morePayload,
            HopLimit = target.HopLimit != 0 ? target.HopLimit : isGroup ? MulticastHopLimit : HopLimit,
            TrafficClass = target.TrafficClass ?? TrafficClass,
            DontFragment = !isTooLarge && PathMtuDiscovery != PathMtuDiscovery.Never,
            LoopsBack = route.IsBroadcast || (isGroup && LoopsMulticast),
        }, nowNs);
    }

    /// <summary>Queues what has come.</summary>
    /// <param name="datagram">The datagram; the endpoint's if the answer is true.</param>
    private protected bool TryEnqueue(in ReceivedDatagram datagram)
    {
        int capacity = datagram.Buffer.Capacity;
        if (IsReadShut || Stack.DatagramBytes + capacity > Stack.DatagramLimit || !_queue.TryAdd(datagram, ReceiveBufferLimit))
        {
            DroppedCount++;
            return false;
        }

        Stack.DatagramBytes += capacity;

        Listener?.OnReady(EndpointReadiness.Readable);
        return true;
    }

    /// <summary>Takes a complaint about what was sent.</summary>
    /// <param name="error">The complaint.</param>
    /// <param name="port">The port that the datagram went to.</param>
    private protected void ReceiveError(in IcmpError error, ushort port)
    {
        bool isHard = !error.IsSoft
            && (error.Error != NetworkError.MessageTooLong || PathMtuDiscovery != PathMtuDiscovery.Never);
        if (!QueuesErrors && !(isHard && IsConnected))
        {
            return;
        }

        if (QueuesErrors && _errors.Count < MostQueuedErrors)
        {
            _errors.Enqueue(new QueuedError
            {
                Error = error.Error,
                IsFromIcmp = true,
                Type = error.Type,
                Code = error.Code,
                Information = error.Mtu,
                Offender = error.Offender,
                Destination = error.Destination,
                DestinationPort = port,
            });
        }

        _error = error.Error;
        Listener?.OnReady(EndpointReadiness.Error);
    }

    private void ReportTooLong(in IpRoute route, in DatagramTarget target)
    {
        if (QueuesErrors && _errors.Count < MostQueuedErrors)
        {
            _errors.Enqueue(new QueuedError
            {
                Error = NetworkError.MessageTooLong,
                Information = route.Mtu,
                Destination = route.Destination,
                DestinationPort = target.HasAddress ? target.Port : RemotePort,
            });
            Listener?.OnReady(EndpointReadiness.Error);
        }
    }

    /// <summary>The bound address, where packets can be sent from it: a group or all of a network is none.</summary>
    private IpAddress UsableSource() =>
        LocalAddress.IsMulticast || (!LocalAddress.IsAny && !Stack.IsLocalAddress(LocalAddress, 0)) ? default : LocalAddress;

    private void KeepRoute(in IpRoute route)
    {
        _route = route;
        _routeGeneration = Stack.RouteGeneration;
        _hasRoute = true;
    }
}
