namespace Semitone.Net;

/// <summary>ICMP (RFC 792, RFC 1122, 3.2.2): echoes are answered, and complaints brought to whom they concern.</summary>
internal sealed class Icmpv4Handler(NetworkStack stack)
{
    private const byte FragmentationNeeded = 4;

    /// <summary>What routers of before RFC 1191 leave to guess: its table of plateaus (7.1).</summary>
    private static ReadOnlySpan<ushort> Plateaus => [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508];

    /// <summary>Takes a message. The buffer stays the caller's.</summary>
    public void Receive(in ReceivedPacket packet, long nowNs)
    {
        IcmpCounters counters = stack.Icmpv4Counters;
        counters.InMsgs++;
        ReadOnlySpan<byte> bytes = packet.Buffer.Bytes;
        if (!packet.Buffer.IsChecksumVerified && InternetChecksum.Of(bytes) != 0)
        {
            counters.InCsumErrors++;
            counters.InErrors++;
            return;
        }

        if (!IcmpMessage.TryParse(bytes, out IcmpMessage message))
        {
            counters.InErrors++;
            return;
        }

        switch ((Icmpv4Type)message.Type)
        {
            case Icmpv4Type.EchoRequest:
                counters.InEchos++;
                Answer(packet, message, nowNs);
                break;

            case Icmpv4Type.EchoReply:
                counters.InEchoReps++;
                stack.Raw.DeliverEcho(packet, message.Identifier, nowNs);
                break;

            case Icmpv4Type.DestinationUnreachable or Icmpv4Type.TimeExceeded or Icmpv4Type.ParameterProblem:
                ReceiveError(packet, message, bytes[IcmpMessage.Size..], nowNs);
                break;
        }
    }

    /// <summary>Answers, but not a question to all (net.ipv4.icmp_echo_ignore_broadcasts).</summary>
    private void Answer(in ReceivedPacket packet, in IcmpMessage request, long nowNs)
    {
        if (packet.IsMulticast || stack.FindRoute(packet.Destination, packet.Source, 0, out IpRoute route) != NetworkError.None || route.IsBroadcast)
        {
            return;
        }

        Span<byte> header = stackalloc byte[IcmpMessage.Size];
        (request with { Type = (byte)Icmpv4Type.EchoReply }).Write(header);
        NetworkError error = stack.Send(route, new TransportPacket
        {
            Protocol = IpProtocol.Icmp,
            Header = header,
            ChecksumOffset = IcmpMessage.ChecksumOffset,
            Payload = packet.Buffer.Bytes[IcmpMessage.Size..],
            TrafficClass = packet.TrafficClass,
        }, nowNs);
        if (error == NetworkError.None)
        {
            stack.Icmpv4Counters.OutMsgs++;
        }
    }

    private void ReceiveError(in ReceivedPacket packet, in IcmpMessage message, ReadOnlySpan<byte> quoted, long nowNs)
    {
        if (!Ipv4Header.TryParseQuoted(quoted, out Ipv4Header header)
            || header.FragmentOffset != 0
            || quoted.Length < header.HeaderLength + 8
            || packet.IsMulticast
            || !stack.IsLocalAddress(header.Source, 0))
        {
            stack.Icmpv4Counters.InErrors++;
            return;
        }

        int mtu = 0;
        if ((Icmpv4Type)message.Type == Icmpv4Type.DestinationUnreachable && message.Code == FragmentationNeeded)
        {
            mtu = (int)(message.Rest & 0xFFFF);
            mtu = mtu != 0 ? mtu : GuessMtu(header.TotalLength);
        }

        IcmpError error = new()
        {
            Error = Meaning(message, out bool isSoft),
            IsSoft = isSoft,
            Mtu = mtu,
            Type = message.Type,
            Code = message.Code,
            Offender = packet.Source,
            Source = header.Source,
            Destination = header.Destination,
            Quoted = quoted[header.HeaderLength..Math.Min(quoted.Length, header.TotalLength)],
        };
        stack.ReportError(header.Protocol, error, nowNs);
    }

    private static int GuessMtu(int totalLength)
    {
        foreach (ushort plateau in Plateaus)
        {
            if (plateau < totalLength)
            {
                return plateau;
            }
        }

        return PathMtuCache.LeastIpv4;
    }

    /// <summary>What Linux makes of types and codes; soft ones end no connection (RFC 1122, 4.2.3.9; RFC 5461).</summary>
    private static NetworkError Meaning(in IcmpMessage message, out bool isSoft)
    {
        isSoft = true;
        switch ((Icmpv4Type)message.Type)
        {
            case Icmpv4Type.TimeExceeded:
                return NetworkError.HostUnreachable;

            case Icmpv4Type.ParameterProblem:
                isSoft = false;
                return NetworkError.ProtocolError;
        }

        isSoft = message.Code is 0 or 1 or 5 or 8 or 11 or 12 || message.Code > 15;
        return message.Code switch
        {
            0 or 6 or 9 or 11 => NetworkError.NetworkUnreachable,
            2 => NetworkError.ProtocolUnreachable,
            3 => NetworkError.ConnectionRefused,
            FragmentationNeeded => NetworkError.MessageTooLong,
            _ => NetworkError.HostUnreachable,
        };
    }
}
