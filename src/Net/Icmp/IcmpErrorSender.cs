namespace Semitone.Net;

/// <summary>Complaints about packets that came, by the rules of RFC 1122, 3.2.2 and RFC 4443, 2.4.</summary>
internal sealed class IcmpErrorSender(NetworkStack stack, INetworkRandom random)
{
    /// <summary>RFC 1812, 4.3.2.3: as much as fits 576 bytes.</summary>
    private const int LargestIpv4 = 576;

    private const byte ProtocolUnreachable = 2;
    private const byte PortUnreachable = 3;
    private const byte Ipv6PortUnreachable = 4;
    private const byte ReassemblyTimeExceeded = 1;

    private readonly IcmpRateLimiter _limiter = new(random);

    /// <summary>Tells that there is no such port, or (of IPv4) no such protocol.</summary>
    /// <param name="packet">The packet; its buffer begins at the transport's header.</param>
    /// <param name="isPort">Which of them.</param>
    /// <param name="nowNs">The time.</param>
    public void SendUnreachable(in ReceivedPacket packet, bool isPort, long nowNs)
    {
        packet.Buffer.Untrim(packet.NetworkHeaderLength);
        bool isIpv4 = packet.Destination.IsIpv4;
        byte type = isIpv4 ? (byte)Icmpv4Type.DestinationUnreachable : (byte)Icmpv6Type.DestinationUnreachable;
        byte code = isIpv4 ? isPort ? PortUnreachable : ProtocolUnreachable : Ipv6PortUnreachable;
        Send(Addresses.Of(packet), packet.Buffer.Bytes, type, code, 0, isMulticastAnswered: false, nowNs);
        packet.Buffer.TrimStart(packet.NetworkHeaderLength);
    }

    /// <summary>Tells at which byte a header cannot be read (RFC 4443, 3.4).</summary>
    /// <param name="packet">The packet; its buffer begins at the IP header.</param>
    /// <param name="code">What it is.</param>
    /// <param name="pointer">The byte.</param>
    /// <param name="isMulticastAnswered">Whether that is told for a packet to a group.</param>
    /// <param name="nowNs">The time.</param>
    public void SendParameterProblem(in ReceivedPacket packet, byte code, int pointer, bool isMulticastAnswered, long nowNs) =>
        Send(Addresses.Of(packet), packet.Buffer.Bytes, (byte)Icmpv6Type.ParameterProblem, code, (uint)pointer, isMulticastAnswered, nowNs);

    /// <summary>Tells that parts of a packet have not come in time.</summary>
    /// <param name="addresses">From and to whom it was.</param>
    /// <param name="quoted">The packet's beginning.</param>
    /// <param name="nowNs">The time.</param>
    public void SendReassemblyTimeExceeded(in Addresses addresses, ReadOnlySpan<byte> quoted, long nowNs) =>
        Send(
            addresses,
            quoted,
            addresses.Destination.IsIpv4 ? (byte)Icmpv4Type.TimeExceeded : (byte)Icmpv6Type.TimeExceeded,
            ReassemblyTimeExceeded,
            0,
            isMulticastAnswered: false,
            nowNs);

    private void Send(
        in Addresses packet,
        ReadOnlySpan<byte> quoted,
        byte type,
        byte code,
        uint rest,
        bool isMulticastAnswered,
        long nowNs)
    {
        bool isIpv4 = packet.Destination.IsIpv4;
        IcmpCounters counters = isIpv4 ? stack.Icmpv4Counters : stack.Icmpv6Counters;
        if ((packet.IsMulticast && !isMulticastAnswered) || packet.Source.IsAny || packet.Source.IsMulticast || IsIcmpError(quoted))
        {
            return;
        }

        IpAddress source = packet.IsMulticast ? default : packet.Destination;
        int scope = packet.Source.IsLinkLocal ? packet.InterfaceIndex : 0;
        if (packet.IsMulticast && isIpv4)
        {
            source = IpAddress.Ipv4Any;
        }

        if (stack.FindRoute(source, packet.Source, scope, out IpRoute route) != NetworkError.None || route.IsBroadcast)
        {
            return;
        }

        // What this host tells itself is not limited, as in Linux.
        if (!route.IsLocal && !_limiter.TryTake(packet.Source, nowNs))
        {
            counters.OutRateLimited++;
            return;
        }

        Span<byte> header = stackalloc byte[IcmpMessage.Size];
        new IcmpMessage { Type = type, Code = code, Rest = rest }.Write(header);
        int most = isIpv4 ? LargestIpv4 - Ipv4Header.Size - IcmpMessage.Size : PathMtuCache.LeastIpv6 - Ipv6Header.Size - IcmpMessage.Size;
        NetworkError error = stack.Send(route, new TransportPacket
        {
            Protocol = isIpv4 ? IpProtocol.Icmp : IpProtocol.Icmpv6,
            Header = header,
            ChecksumOffset = IcmpMessage.ChecksumOffset,
            Payload = quoted[..Math.Min(quoted.Length, most)],
            TrafficClass = isIpv4 ? (byte)0xC0 : (byte)0,
        }, nowNs);
        if (error == NetworkError.None)
        {
            counters.OutMsgs++;
        }
        else
        {
            counters.OutErrors++;
        }
    }

    /// <summary>Whether a packet is itself a complaint: none is answered (RFC 1122, 3.2.2; RFC 4443, 2.4 e.1), nor a redirect.</summary>
    private static bool IsIcmpError(ReadOnlySpan<byte> packet)
    {
        if (Ipv4Header.TryParseQuoted(packet, out Ipv4Header ipv4))
        {
            return ipv4.Protocol == IpProtocol.Icmp
                && (packet.Length <= ipv4.HeaderLength
                    || (Icmpv4Type)packet[ipv4.HeaderLength] is not (Icmpv4Type.EchoRequest or Icmpv4Type.EchoReply or Icmpv4Type.TimestampRequest));
        }

        if (!Ipv6Header.TryParseQuoted(packet, out Ipv6Header ipv6))
        {
            return true;
        }

        Ipv6ExtensionHeaders walk = Ipv6ExtensionHeaders.Walk(packet, ipv6.NextHeader, Ipv6Header.Size);
        return walk.Result == Ipv6WalkResult.Payload
            && walk.Protocol == IpProtocol.Icmpv6
            && (packet.Length <= walk.Offset
                || packet[walk.Offset] < (byte)Icmpv6Type.FirstInformational
                || (Icmpv6Type)packet[walk.Offset] == Icmpv6Type.Redirect);
    }

    /// <summary>From and to whom a packet was that is complained of.</summary>
    internal readonly record struct Addresses(IpAddress Source, IpAddress Destination, int InterfaceIndex, bool IsMulticast)
    {
        public static Addresses Of(in ReceivedPacket packet) =>
            new(packet.Source, packet.Destination, packet.InterfaceIndex, packet.IsMulticast);
    }
}
