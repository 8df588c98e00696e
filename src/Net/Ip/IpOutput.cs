using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The way out: routes are found, headers made, packets cut, and frames given to links.</summary>
internal sealed class IpOutput(NetworkStack stack, NeighborCache neighbors, LoopbackQueue loopback, INetworkRandom random)
{
    /// <summary>Bytes of the largest transport header that is handed in: TCP's with all options.</summary>
    private const int LargestTransportHeader = 64;

    private const int LargestHeaders = EthernetHeader.Size + Ipv6Header.Size + Ipv6FragmentHeader.Size + LargestTransportHeader;
    private const byte UsualHopLimit = 64;
    private const int LargestIp = 65535;
    private const int IdentificationCount = 256;

    private readonly ulong _identificationKey = random.NextUInt64();
    private readonly ulong _fragmentKey = random.NextUInt64();
    private readonly uint[] _identifications = new uint[IdentificationCount];

    /// <inheritdoc cref="IIpOutput.FindRoute"/>
    public NetworkError FindRoute(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route)
    {
        route = default;
        if (destination.IsAny)
        {
            // Any as a destination is this host (RFC 1122, 3.2.1.3 allows it to nobody, and everybody does it).
            destination = !source.IsAny ? source : destination.IsIpv4 ? NetworkStack.Ipv4Loopback : NetworkStack.Ipv6Loopback;
        }

        if (!source.IsAny && source.IsIpv4 != destination.IsIpv4)
        {
            return NetworkError.NetworkUnreachable;
        }

        if (interfaceIndex < 0 || interfaceIndex > stack.Interfaces.Count)
        {
            return NetworkError.NetworkUnreachable;
        }

        if (!source.IsAny && !stack.IsLocalAddress(source, 0))
        {
            return NetworkError.AddressNotAvailable;
        }

        if (stack.IsLocalAddress(destination, interfaceIndex == stack.Loopback.Index ? 0 : interfaceIndex))
        {
            if (!stack.Loopback.IsUp)
            {
                return NetworkError.NetworkUnreachable;
            }

            route = new IpRoute
            {
                Source = !source.IsAny ? source : destination.IsIpv4 && destination.IsLoopback ? NetworkStack.Ipv4Loopback : destination,
                Destination = destination,
                NextHop = destination,
                InterfaceIndex = stack.Loopback.Index,
                Mtu = stack.Loopback.MtuOf(destination.IsIpv4),
                IsLocal = true,
            };
            return NetworkError.None;
        }

        if (destination.IsLoopback)
        {
            return NetworkError.NetworkUnreachable;
        }

        return FindForeign(source, destination, interfaceIndex, out route);
    }

    private NetworkError FindForeign(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route)
    {
        route = default;
        NetworkInterface networkInterface;
        IpAddress nextHop = destination;
        IpAddress preferred = default;
        if (stack.Routes.TryFind(destination, interfaceIndex, stack.Interfaces, out Route? found))
        {
            networkInterface = stack.Interfaces[found.InterfaceIndex - 1];
            preferred = found.PreferredSource;
            if (found.HasGateway && !destination.IsMulticast && !destination.IsLimitedBroadcast)
            {
                nextHop = found.Gateway;
            }
        }
        else if ((destination.IsMulticast || destination.IsLimitedBroadcast) && interfaceIndex != 0)
        {
            // Groups need no route where the interface is named, as DHCP's clients do.
            networkInterface = stack.Interfaces[interfaceIndex - 1];
        }
        else
        {
            return NetworkError.NetworkUnreachable;
        }

        if (!networkInterface.IsUp)
        {
            return NetworkError.NetworkDown;
        }

        if (source.IsAny)
        {
            source = preferred;
        }

        if (source.IsAny && !SourceAddressSelection.TryChoose(networkInterface, destination, out source)
            && !TryChooseElsewhere(networkInterface, destination, out source))
        {
            if (!destination.IsIpv4)
            {
                return NetworkError.AddressNotAvailable;
            }

            // Linux sends from 0.0.0.0 where there is no address yet; so do DHCP's clients.
            source = IpAddress.Ipv4Any;
        }

        bool isBroadcast = networkInterface.IsBroadcast(destination);
        route = new IpRoute
        {
            Source = source,
            Destination = destination,
            NextHop = nextHop,
            InterfaceIndex = networkInterface.Index,
            Mtu = stack.PathMtus.Limited(destination, networkInterface.MtuOf(destination.IsIpv4)),
            LargestSegmentedPayload = SegmentedPayload(networkInterface, destination.IsIpv4),
            IsBroadcast = isBroadcast,
        };
        return NetworkError.None;
    }

    /// <summary>An address of another interface does where the one that is used has none (RFC 6724, 4: a weak host).</summary>
    private bool TryChooseElsewhere(NetworkInterface except, IpAddress destination, out IpAddress source)
    {
        if (!destination.IsLinkLocal && !destination.IsMulticast)
        {
            foreach (NetworkInterface other in stack.InterfaceList)
            {
                if (other != except && other.IsUp && !other.IsLoopback
                    && SourceAddressSelection.TryChoose(other, destination, out source) && !source.IsLinkLocal)
                {
                    return true;
                }
            }
        }

        source = default;
        return false;
    }

    private static int SegmentedPayload(NetworkInterface networkInterface, bool isIpv4)
    {
        LinkOffloads needed = isIpv4 ? LinkOffloads.SegmentationIpv4 : LinkOffloads.SegmentationIpv6;
        return (networkInterface.Link.Offloads & needed) != 0
            ? LargestIp - (isIpv4 ? Ipv4Header.Size : Ipv6Header.Size) - LargestTransportHeader
            : 0;
    }

    /// <summary>Sends a packet, whatever the filter says.</summary>
    public NetworkError Send(in IpRoute route, in TransportPacket packet, long nowNs)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(packet.Header.Length, LargestTransportHeader);
        bool isIpv4 = route.Destination.IsIpv4;
        IpCounters counters = stack.CountersOf(isIpv4);
        if ((uint)(route.InterfaceIndex - 1) >= (uint)stack.Interfaces.Count)
        {
            counters.OutNoRoutes++;
            return NetworkError.NetworkUnreachable;
        }

        NetworkInterface networkInterface = stack.Interfaces[route.InterfaceIndex - 1];
        int payloadLength = packet.Payload.Length + packet.MorePayload.Length;
        int length = packet.Header.Length + payloadLength;
        int ipLength = isIpv4 ? Ipv4Header.Size : Ipv6Header.Size;
        if (length > LargestIp - (isIpv4 ? Ipv4Header.Size : 0))
        {
            return NetworkError.MessageTooLong;
        }

        int mtu = Math.Min(route.Mtu, networkInterface.MtuOf(isIpv4));
        bool isSegmented = packet.SegmentSize != 0 && payloadLength > packet.SegmentSize;
        bool isFragmented = !isSegmented && ipLength + length > mtu;
        if ((isSegmented && SegmentedPayload(networkInterface, isIpv4) < payloadLength)
            || (isFragmented && (packet.DontFragment || packet.Header.Length > mtu - ipLength - Ipv6FragmentHeader.Size)))
        {
            return NetworkError.MessageTooLong;
        }

        counters.OutRequests++;
        bool isPartial = packet.ChecksumOffset >= 0
            && packet.Header.Length != 0
            && !isFragmented
            && packet.Protocol is IpProtocol.Tcp or IpProtocol.Udp
            && (networkInterface.Link.Offloads & LinkOffloads.TransmitChecksum) != 0;
        FillChecksum(route, packet, length, isPartial);

        Span<byte> buffer = stackalloc byte[LargestHeaders];
        if (isFragmented)
        {
            return SendFragments(networkInterface, route, packet, buffer, mtu, nowNs);
        }

        Span<byte> headers = buffer[..(EthernetHeader.Size + ipLength + packet.Header.Length)];
        WriteIpHeader(headers[EthernetHeader.Size..], route, packet, length);
        packet.Header.CopyTo(headers[(EthernetHeader.Size + ipLength)..]);
        if (packet.LoopsBack)
        {
            LoopBack(networkInterface, route, headers[EthernetHeader.Size..], packet);
        }

        NetworkError error = Transmit(networkInterface, route.NextHop, new OutgoingFrame
        {
            Headers = headers,
            Payload = packet.Payload,
            MorePayload = packet.MorePayload,
            ChecksumStart = isPartial ? EthernetHeader.Size + ipLength : 0,
            ChecksumOffset = isPartial ? packet.ChecksumOffset : 0,
            SegmentSize = isSegmented ? packet.SegmentSize : 0,
        }, headers, route.IsBroadcast, nowNs);
        counters.OutDiscards += error == NetworkError.None ? 0 : 1;
        return error;
    }

    /// <summary>Gives a frame to a link, with its neighbour's address where the link has such.</summary>
    /// <param name="networkInterface">The link.</param>
    /// <param name="nextHop">The neighbour.</param>
    /// <param name="frame">The frame, with room for Ethernet's header at its beginning.</param>
    /// <param name="headers">The frame's headers, to be written to.</param>
    /// <param name="isBroadcast">Whether the neighbour is all of them.</param>
    /// <param name="nowNs">The time.</param>
    public NetworkError Transmit(
        NetworkInterface networkInterface,
        IpAddress nextHop,
        in OutgoingFrame frame,
        Span<byte> headers,
        bool isBroadcast,
        long nowNs)
    {
        if (!networkInterface.IsUp)
        {
            return NetworkError.NetworkDown;
        }

        if (!networkInterface.Link.IsEthernet)
        {
            return Count(networkInterface, frame.Length - EthernetHeader.Size, networkInterface.Link.TrySend(new OutgoingFrame
            {
                Headers = frame.Headers[EthernetHeader.Size..],
                Payload = frame.Payload,
                MorePayload = frame.MorePayload,
                ChecksumStart = frame.ChecksumStart == 0 ? 0 : frame.ChecksumStart - EthernetHeader.Size,
                ChecksumOffset = frame.ChecksumOffset,
                SegmentSize = frame.SegmentSize,
            }));
        }

        if (!networkInterface.Link.IsUp)
        {
            networkInterface.Counters.TxDropped++;
            return NetworkError.None;
        }

        MacAddress mac;
        if (isBroadcast)
        {
            mac = MacAddress.Broadcast;
        }
        else if (nextHop.IsMulticast)
        {
            mac = MulticastMac(nextHop);
        }
        else if (!neighbors.TryResolve(networkInterface, nextHop, nowNs, out mac, out NeighborEntry waiting))
        {
            EtherType waitingType = nextHop.IsIpv4 ? EtherType.Ipv4 : EtherType.Ipv6;
            new EthernetHeader(default, networkInterface.Link.Address, waitingType).Write(headers);
            if (!neighbors.Queue(waiting, frame))
            {
                networkInterface.Counters.TxDropped++;
                return NetworkError.NoBuffers;
            }

            return NetworkError.None;
        }

        EtherType type = nextHop.IsIpv4 ? EtherType.Ipv4 : EtherType.Ipv6;
        new EthernetHeader(mac, networkInterface.Link.Address, type).Write(headers);
        return Count(networkInterface, frame.Length, networkInterface.Link.TrySend(frame));
    }

    /// <summary>Gets the address that a group's frames have (RFC 1112, 6.4; RFC 2464, 7).</summary>
    public static MacAddress MulticastMac(IpAddress group) =>
        new(group.IsIpv4 ? 0x0100_5E00_0000UL | (group.Ipv4 & 0x7F_FFFF) : 0x3333_0000_0000UL | (uint)group.Low);

    internal static NetworkError Count(NetworkInterface networkInterface, int length, bool isSent)
    {
        if (!isSent)
        {
            networkInterface.Counters.TxDropped++;
            return NetworkError.NoBuffers;
        }

        networkInterface.Counters.TxPackets++;
        networkInterface.Counters.TxBytes += length;
        return NetworkError.None;
    }

    /// <summary>Cuts a packet (RFC 791, 3.2; RFC 8200, 4.5).</summary>
    private NetworkError SendFragments(
        NetworkInterface networkInterface,
        in IpRoute route,
        in TransportPacket packet,
        Span<byte> buffer,
        int mtu,
        long nowNs)
    {
        bool isIpv4 = route.Destination.IsIpv4;
        IpCounters counters = stack.CountersOf(isIpv4);
        int headerLength = isIpv4 ? Ipv4Header.Size : Ipv6Header.Size + Ipv6FragmentHeader.Size;
        int most = (mtu - headerLength) & ~7;
        int total = packet.Header.Length + packet.Payload.Length + packet.MorePayload.Length;
        uint identification = NextIdentification(route, isIpv4 ? _identificationKey : _fragmentKey);
        for (int offset = 0; offset < total; offset += most)
        {
            int length = Math.Min(most, total - offset);
            bool isLast = offset + length == total;
            int transportLength = offset == 0 ? packet.Header.Length : 0;
            Span<byte> headers = buffer[..(EthernetHeader.Size + headerLength + transportLength)];
            Span<byte> ip = headers[EthernetHeader.Size..];
            if (isIpv4)
            {
                Ipv4Header header = MakeIpv4Header(route, packet, length) with
                {
                    Identification = (ushort)identification,
                    FragmentOffset = offset,
                    MoreFragments = !isLast,
                };
                header.Write(ip);
            }
            else
            {
                (MakeIpv6Header(route, packet, Ipv6FragmentHeader.Size + length) with { NextHeader = IpProtocol.Ipv6Fragment }).Write(ip);
                new Ipv6FragmentHeader
                {
                    NextHeader = packet.Protocol,
                    FragmentOffset = offset,
                    MoreFragments = !isLast,
                    Identification = identification,
                }.Write(ip[Ipv6Header.Size..]);
            }

            packet.Header[..transportLength].CopyTo(ip[headerLength..]);
            int start = offset + transportLength - packet.Header.Length;
            int count = length - transportLength;
            int fromFirst = Math.Clamp(packet.Payload.Length - start, 0, count);
            NetworkError error = Transmit(networkInterface, route.NextHop, new OutgoingFrame
            {
                Headers = headers,
                Payload = fromFirst == 0 ? default : packet.Payload.Slice(start, fromFirst),
                MorePayload = count == fromFirst
                    ? default
                    : packet.MorePayload.Slice(start + fromFirst - packet.Payload.Length, count - fromFirst),
            }, headers, route.IsBroadcast, nowNs);
            if (error != NetworkError.None)
            {
                counters.FragFails++;
                return error;
            }

            counters.FragCreates++;
        }

        counters.FragOks++;
        return NetworkError.None;
    }

    private void WriteIpHeader(Span<byte> destination, in IpRoute route, in TransportPacket packet, int length)
    {
        if (route.Destination.IsIpv4)
        {
            // A packet that is never cut needs no number (RFC 6864, 4.1).
            Ipv4Header header = MakeIpv4Header(route, packet, length);
            (packet.DontFragment
                ? header with { DontFragment = true }
                : header with { Identification = (ushort)NextIdentification(route, _identificationKey) }).Write(destination);
            return;
        }

        MakeIpv6Header(route, packet, length).Write(destination);
    }

    private static Ipv4Header MakeIpv4Header(in IpRoute route, in TransportPacket packet, int length) => new()
    {
        HeaderLength = Ipv4Header.Size,
        TotalLength = Ipv4Header.Size + length,
        TrafficClass = packet.TrafficClass,
        Ttl = HopLimitOf(packet, route, UsualHopLimit),
        Protocol = packet.Protocol,
        Source = route.Source,
        Destination = route.Destination,
    };

    private Ipv6Header MakeIpv6Header(in IpRoute route, in TransportPacket packet, int length)
    {
        byte told = stack.Interfaces[route.InterfaceIndex - 1].HopLimit;
        return new()
        {
            TrafficClass = packet.TrafficClass,
            PayloadLength = length,
            NextHeader = packet.Protocol,
            HopLimit = HopLimitOf(packet, route, told == 0 ? UsualHopLimit : told),
            Source = route.Source,
            Destination = route.Destination,
        };
    }

    /// <summary>A group's packets stay on the link unless somebody says otherwise (RFC 1112, 6.1).</summary>
    private static byte HopLimitOf(in TransportPacket packet, in IpRoute route, byte usual) =>
        packet.HopLimit != 0 ? packet.HopLimit : route.Destination.IsMulticast ? (byte)1 : usual;

    private static void FillChecksum(in IpRoute route, in TransportPacket packet, int length, bool isPartial)
    {
        if (packet.ChecksumOffset < 0 || packet.Header.IsEmpty)
        {
            return;
        }

        Span<byte> field = packet.Header.Slice(packet.ChecksumOffset, sizeof(ushort));
        BinaryPrimitives.WriteUInt16BigEndian(field, 0);
        InternetChecksum checksum = default;
        if (packet.Protocol != IpProtocol.Icmp)
        {
            checksum.AddPseudoHeader(route.Source, route.Destination, packet.Protocol, length);
        }

        if (isPartial)
        {
            BinaryPrimitives.WriteUInt16BigEndian(field, checksum.Folded);
            return;
        }

        checksum.Add(packet.Header);
        checksum.Add(packet.Payload);
        checksum.Add(packet.MorePayload);

        // RFC 768: 0 means none, and 0xffff is the same number.
        ushort value = checksum.Value;
        BinaryPrimitives.WriteUInt16BigEndian(field, value == 0 && packet.Protocol == IpProtocol.Udp ? (ushort)0xFFFF : value);
    }

    /// <summary>Numbers that follow one another for a pair of hosts, and tell others nothing (RFC 7739, 5.3).</summary>
    private uint NextIdentification(in IpRoute route, ulong key)
    {
        uint hash = SeededHash.Of(key, route.Source, route.Destination, 0);
        return hash + _identifications[hash % IdentificationCount]++;
    }

    private void LoopBack(NetworkInterface networkInterface, in IpRoute route, ReadOnlySpan<byte> headers, in TransportPacket packet)
    {
        if (!networkInterface.IsLoopback
            && (route.IsBroadcast || (route.Destination.IsMulticast && networkInterface.Groups.Contains(route.Destination))))
        {
            loopback.TryAdd(networkInterface, headers, packet.Payload, packet.MorePayload);
        }
    }
}
