namespace Semitone.Net;

/// <summary>An endpoint of UDP (RFC 768, udp(7)).</summary>
public sealed class UdpEndpoint : DatagramEndpoint
{
    private readonly UdpLayer _layer;
    private bool _isPortChosen;

    internal UdpEndpoint(UdpLayer layer, NetworkStack stack, bool isIpv6, IEndpointListener? listener)
        : base(stack, isIpv6, listener) =>
        _layer = layer;

    /// <summary>SO_REUSEADDR.</summary>
    public bool ReuseAddress { get; set; }

    /// <summary>SO_REUSEPORT: those who bind with it are served in turn, by a hash of the sender.</summary>
    public bool ReusePort { get; set; }

    /// <summary>Whose it is, for <see cref="ReusePort"/>.</summary>
    public uint Owner { get; set; }

    /// <summary>The next with the same place in the table of ports.</summary>
    internal UdpEndpoint? NextInTable { get; set; }

    internal PortBinding Binding => new()
    {
        Address = LocalAddress,
        IsIpv6Only = IsIpv6Only,
        InterfaceIndex = InterfaceIndex,
        ReuseAddress = ReuseAddress,
        ReusePort = ReusePort,
        Owner = Owner,
    };

    private protected override IpProtocol Protocol => IpProtocol.Udp;

    private protected override int HeaderSize => UdpHeader.Size;

    /// <summary>Takes an address and a port (bind(2)).</summary>
    /// <param name="address">This host's, a group's, a network's broadcast address, or any.</param>
    /// <param name="port">The port; 0 for one that is free.</param>
    /// <param name="interfaceIndex">The interface that a link-local address is of; 0 for any.</param>
    public NetworkError Bind(IpAddress address, ushort port, int interfaceIndex)
    {
        if (LocalPort != 0 || IsClosed)
        {
            return NetworkError.InvalidState;
        }

        if (!address.IsAny && (!IsReachable(address) || !IsBindable(address, interfaceIndex)))
        {
            return NetworkError.AddressNotAvailable;
        }

        IpAddress previous = LocalAddress;
        LocalAddress = address.IsAny ? IsIpv6 && !address.IsIpv4 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any : address;
        InterfaceIndex = interfaceIndex != 0 ? interfaceIndex : InterfaceIndex;
        NetworkError error = TakePort(port);
        if (error != NetworkError.None)
        {
            LocalAddress = previous;
            return error;
        }

        IsAddressBound = !address.IsAny;
        return NetworkError.None;
    }

    /// <summary>Sends a datagram, whose payload lies in two pieces, the second often empty.</summary>
    public NetworkError Send(in DatagramTarget target, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> morePayload, long nowNs)
    {
        int length = payload.Length + morePayload.Length;
        if (length > UdpHeader.LargestPayload + (IsIpv6 ? Ipv4Header.Size : 0))
        {
            return NetworkError.MessageTooLong;
        }

        NetworkError error = FindTarget(target, out IpRoute route, out ushort port);
        if (error != NetworkError.None)
        {
            return error;
        }

        if (port == 0)
        {
            return NetworkError.InvalidState;
        }

        Span<byte> header = stackalloc byte[UdpHeader.Size];
        new UdpHeader { SourcePort = LocalPort, DestinationPort = port, Length = UdpHeader.Size + length }.Write(header);
        error = SendTo(route, target, header, UdpHeader.ChecksumOffset, payload, morePayload, nowNs);
        _layer.CountSent(route.Destination.IsIpv4, error);
        return error;
    }

    /// <summary>How well a datagram fits, the more the better; -1 for not at all.</summary>
    internal int Score(in ReceivedPacket packet, in UdpHeader header)
    {
        if (header.DestinationPort != LocalPort || !IsReachable(packet.Destination))
        {
            return -1;
        }

        int score = packet.Destination.IsIpv4 && !IsIpv6 ? 2 : 1;
        if (!LocalAddress.IsAny)
        {
            if (LocalAddress != packet.Destination)
            {
                return -1;
            }

            score += 4;
        }
        else if (LocalAddress.IsIpv4 && !packet.Destination.IsIpv4)
        {
            return -1;
        }

        if (IsConnected)
        {
            if (RemoteAddress != packet.Source || RemotePort != header.SourcePort)
            {
                return -1;
            }

            score += 8;
        }

        if (InterfaceIndex != 0)
        {
            if (InterfaceIndex != packet.InterfaceIndex)
            {
                return -1;
            }

            score += 4;
        }

        return score;
    }

    /// <summary>Whether a datagram to a group or to all is for this endpoint too.</summary>
    internal bool HearsGroup(in ReceivedPacket packet, in UdpHeader header) =>
        Score(packet, header) >= 0
        && (!packet.Destination.IsMulticast
            || ReceivesAllGroups
            || Memberships.Contains(packet.Destination, packet.InterfaceIndex));

    /// <summary>Whether a complaint quotes a datagram of this endpoint.</summary>
    internal bool HasSent(in IcmpError error, in UdpHeader header) =>
        LocalPort == header.SourcePort
        && (LocalAddress.IsAny ? IsReachable(error.Source) : LocalAddress == error.Source)
        && (!IsConnected || (RemoteAddress == error.Destination && RemotePort == header.DestinationPort));

    internal bool Enqueue(in ReceivedDatagram datagram) => TryEnqueue(datagram);

    internal void TakeComplaint(in IcmpError error, ushort port) => ReceiveError(error, port);

    private protected override NetworkError EnsurePort()
    {
        if (LocalPort != 0)
        {
            return NetworkError.None;
        }

        NetworkError error = TakePort(0);
        _isPortChosen = error == NetworkError.None;
        return error == NetworkError.AddressInUse ? NetworkError.NoBuffers : error;
    }

    private protected override void ReleaseChosenPort()
    {
        if (_isPortChosen && LocalPort != 0)
        {
            _layer.Remove(this);
            LocalPort = 0;
            _isPortChosen = false;
        }
    }

    private protected override void OnClose()
    {
        if (LocalPort != 0)
        {
            _layer.Remove(this);
            LocalPort = 0;
        }
    }

    private NetworkError TakePort(ushort port)
    {
        if (!_layer.TryChoosePort(this, ref port))
        {
            return NetworkError.AddressInUse;
        }

        LocalPort = port;
        _layer.Add(this);
        return NetworkError.None;
    }

    private bool IsBindable(IpAddress address, int interfaceIndex)
    {
        if (address.IsMulticast || address.IsLimitedBroadcast || Stack.IsLocalAddress(address, interfaceIndex))
        {
            return true;
        }

        foreach (NetworkInterface networkInterface in Stack.InterfaceList)
        {
            if (networkInterface.IsBroadcast(address))
            {
                return true;
            }
        }

        return false;
    }
}
