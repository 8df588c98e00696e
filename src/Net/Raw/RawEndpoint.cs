namespace Semitone.Net;

/// <summary>An endpoint that sends and receives packets of a protocol as they are (raw(7)).</summary>
/// <remarks>What it receives of IPv4 begins with the IP header; of IPv6 it does not (RFC 3542, 3).</remarks>
public sealed class RawEndpoint : DatagramEndpoint
{
    private const int Icmpv6ChecksumOffset = 2;

    private readonly RawLayer _layer;

    internal RawEndpoint(RawLayer layer, NetworkStack stack, bool isIpv6, IpProtocol protocol, IEndpointListener? listener)
        : base(stack, isIpv6, listener)
    {
        _layer = layer;
        Protocol = protocol;
        IsIpv6Only = isIpv6;
        ChecksumOffset = isIpv6 && protocol == IpProtocol.Icmpv6 ? Icmpv6ChecksumOffset : -1;
    }

    /// <summary>Types of ICMP that are not wanted, one bit each, of the first 32 (ICMP_FILTER).</summary>
    public uint IcmpFilter { get; set; }

    /// <summary>Types of ICMPv6 that are not wanted, one bit each (ICMP6_FILTER, RFC 3542, 3.2).</summary>
    public Icmpv6Filter Icmpv6Filter { get; } = new();

    /// <summary>Where the stack fills in a checksum; -1 for nowhere (IPV6_CHECKSUM).</summary>
    public int ChecksumOffset { get; set; }

    private protected override IpProtocol Protocol { get; }

    private protected override int HeaderSize => 0;

    /// <summary>Takes an address (bind(2)).</summary>
    public NetworkError Bind(IpAddress address, int interfaceIndex)
    {
        if (!address.IsAny && (!IsReachable(address) || !(address.IsMulticast || Stack.IsLocalAddress(address, interfaceIndex))))
        {
            return NetworkError.AddressNotAvailable;
        }

        LocalAddress = address;
        IsAddressBound = !address.IsAny;
        InterfaceIndex = interfaceIndex != 0 ? interfaceIndex : InterfaceIndex;
        return NetworkError.None;
    }

    /// <summary>Sends what follows an IP header.</summary>
    public NetworkError Send(in DatagramTarget target, ReadOnlySpan<byte> payload, long nowNs)
    {
        NetworkError error = FindTarget(target, out IpRoute route, out _);
        if (error != NetworkError.None)
        {
            return error;
        }

        if (ChecksumOffset < 0)
        {
            return SendTo(route, target, default, -1, payload, default, nowNs);
        }

        // The field must lie in what the stack writes to: the beginning is copied.
        if (ChecksumOffset + sizeof(ushort) > payload.Length)
        {
            return NetworkError.InvalidState;
        }

        Span<byte> header = stackalloc byte[64];
        int length = Math.Min(header.Length, payload.Length);
        if (ChecksumOffset + sizeof(ushort) > length)
        {
            return NetworkError.InvalidState;
        }

        header = header[..length];
        payload[..length].CopyTo(header);
        return SendTo(route, target, header, ChecksumOffset, payload[length..], default, nowNs);
    }

    /// <summary>Whether a packet of the protocol is for this endpoint.</summary>
    internal bool Wants(in ReceivedPacket packet, ReadOnlySpan<byte> transport)
    {
        if (!IsReachable(packet.Destination)
            || (!LocalAddress.IsAny && LocalAddress != packet.Destination)
            || (IsConnected && RemoteAddress != packet.Source)
            || (InterfaceIndex != 0 && InterfaceIndex != packet.InterfaceIndex)
            || (packet.Destination.IsMulticast && !ReceivesAllGroups && !Memberships.Contains(packet.Destination, packet.InterfaceIndex)))
        {
            return false;
        }

        return transport.IsEmpty
            || Protocol switch
            {
                IpProtocol.Icmp => transport[0] >= 32 || (IcmpFilter & (1u << transport[0])) == 0,
                IpProtocol.Icmpv6 => !Icmpv6Filter.Blocks(transport[0]),
                _ => true,
            };
    }

    internal bool HasSent(in IcmpError error) =>
        (LocalAddress.IsAny ? IsReachable(error.Source) : LocalAddress == error.Source)
        && (!IsConnected || RemoteAddress == error.Destination);

    internal bool Enqueue(in ReceivedDatagram datagram) => TryEnqueue(datagram);

    internal void TakeComplaint(in IcmpError error) => ReceiveError(error, 0);

    private protected override NetworkError EnsurePort() => NetworkError.None;

    private protected override void OnClose() => _layer.Remove(this);
}
