namespace Semitone.Net;

/// <summary>ICMPv6 (RFC 4443): echoes are answered, complaints brought to whom they concern, and neighbours' and routers' words passed on.</summary>
internal sealed class Icmpv6Handler(NetworkStack stack)
{
    /// <summary>Takes a message. The buffer stays the caller's.</summary>
    public void Receive(NetworkInterface networkInterface, in ReceivedPacket packet, long nowNs)
    {
        IcmpCounters counters = stack.Icmpv6Counters;
        counters.InMsgs++;
        ReadOnlySpan<byte> bytes = packet.Buffer.Bytes;
        if (!packet.Buffer.IsChecksumVerified)
        {
            InternetChecksum checksum = default;
            checksum.AddPseudoHeader(packet.Source, packet.Destination, IpProtocol.Icmpv6, bytes.Length);
            checksum.Add(bytes);
            if (checksum.Value != 0)
            {
                counters.InCsumErrors++;
                counters.InErrors++;
                return;
            }
        }

        if (!IcmpMessage.TryParse(bytes, out IcmpMessage message))
        {
            counters.InErrors++;
            return;
        }

        switch ((Icmpv6Type)message.Type)
        {
            case Icmpv6Type.EchoRequest:
                counters.InEchos++;
                Answer(packet, message, nowNs);
                break;

            case Icmpv6Type.EchoReply:
                counters.InEchoReps++;
                stack.Raw.DeliverEcho(packet, message.Identifier, nowNs);
                break;

            case Icmpv6Type.DestinationUnreachable or Icmpv6Type.PacketTooBig or Icmpv6Type.TimeExceeded or Icmpv6Type.ParameterProblem:
                ReceiveError(packet, message, bytes[IcmpMessage.Size..], nowNs);
                break;

            case Icmpv6Type.NeighborSolicitation:
                stack.NeighborDiscovery.ReceiveSolicitation(networkInterface, packet, bytes, nowNs);
                break;

            case Icmpv6Type.NeighborAdvertisement:
                stack.NeighborDiscovery.ReceiveAdvertisement(networkInterface, packet, bytes, nowNs);
                break;

            case Icmpv6Type.RouterAdvertisement:
                if (NeighborDiscovery.IsFromLink(packet, message) && packet.Source.IsLinkLocal)
                {
                    networkInterface.Autoconfiguration?.ReceiveAdvertisement(packet, bytes, nowNs);
                }

                break;

            case Icmpv6Type.MulticastListenerQuery:
                stack.Multicast.ReceiveMld(networkInterface, packet, bytes, nowNs);
                break;
        }
    }

    /// <summary>Answers one who asks this host, or (unlike IPv4) a group that it is in, as Linux does.</summary>
    private void Answer(in ReceivedPacket packet, in IcmpMessage request, long nowNs)
    {
        int scope = packet.Source.IsLinkLocal ? packet.InterfaceIndex : 0;
        IpAddress source = packet.IsMulticast ? default : packet.Destination;
        if (packet.Source.IsAny || stack.FindRoute(source, packet.Source, scope, out IpRoute route) != NetworkError.None)
        {
            return;
        }

        Span<byte> header = stackalloc byte[IcmpMessage.Size];
        (request with { Type = (byte)Icmpv6Type.EchoReply }).Write(header);
        NetworkError error = stack.Send(route, new TransportPacket
        {
            Protocol = IpProtocol.Icmpv6,
            Header = header,
            ChecksumOffset = IcmpMessage.ChecksumOffset,
            Payload = packet.Buffer.Bytes[IcmpMessage.Size..],
            TrafficClass = packet.TrafficClass,
        }, nowNs);
        if (error == NetworkError.None)
        {
            stack.Icmpv6Counters.OutMsgs++;
        }
    }

    private void ReceiveError(in ReceivedPacket packet, in IcmpMessage message, ReadOnlySpan<byte> quoted, long nowNs)
    {
        if (!Ipv6Header.TryParseQuoted(quoted, out Ipv6Header header) || !stack.IsLocalAddress(header.Source, 0) || packet.IsMulticast)
        {
            stack.Icmpv6Counters.InErrors++;
            return;
        }

        Ipv6ExtensionHeaders walk = Ipv6ExtensionHeaders.Walk(quoted, header.NextHeader, Ipv6Header.Size);
        if (walk.Result == Ipv6WalkResult.Fragment)
        {
            // The first part has the transport's header behind the fragment's.
            Ipv6FragmentHeader.TryParse(quoted[walk.Offset..], out Ipv6FragmentHeader fragment);
            if (fragment.FragmentOffset != 0)
            {
                return;
            }

            walk = walk with { Protocol = fragment.NextHeader, Offset = walk.Offset + Ipv6FragmentHeader.Size };
        }

        if (walk.Offset == 0 || quoted.Length < walk.Offset + 8)
        {
            stack.Icmpv6Counters.InErrors++;
            return;
        }

        stack.ReportError(walk.Protocol, new IcmpError
        {
            Error = Meaning(message, out bool isSoft),
            IsSoft = isSoft,
            Mtu = (Icmpv6Type)message.Type == Icmpv6Type.PacketTooBig ? (int)Math.Min(message.Rest, int.MaxValue) : 0,
            Type = message.Type,
            Code = message.Code,
            Offender = packet.Source,
            Source = header.Source,
            Destination = header.Destination,
            Quoted = quoted[walk.Offset..],
        }, nowNs);
    }

    private static NetworkError Meaning(in IcmpMessage message, out bool isSoft)
    {
        isSoft = false;
        switch ((Icmpv6Type)message.Type)
        {
            case Icmpv6Type.PacketTooBig:
                return NetworkError.MessageTooLong;

            case Icmpv6Type.TimeExceeded:
                isSoft = true;
                return NetworkError.HostUnreachable;

            case Icmpv6Type.ParameterProblem:
                return NetworkError.ProtocolError;
        }

        isSoft = message.Code is 0 or 2 or 3 || message.Code > 6;
        return message.Code switch
        {
            0 => NetworkError.NetworkUnreachable,
            1 or 5 or 6 => NetworkError.NotPermitted,
            4 => NetworkError.ConnectionRefused,
            _ => NetworkError.HostUnreachable,
        };
    }
}
