namespace Semitone.Net;

/// <summary>The way in for IPv4: what may be here is brought to its protocol (RFC 1122, 3.2.1).</summary>
internal sealed class Ipv4Input(NetworkStack stack)
{
    private const ushort DhcpClientPort = 68;

    private readonly Icmpv4Handler _icmp = new(stack);

    /// <summary>Takes a packet, whose buffer is ours from now on.</summary>
    /// <param name="networkInterface">Where it came in.</param>
    /// <param name="buffer">From the IP header on, perhaps with padding.</param>
    /// <param name="isLinkMulticast">Whether its frame was for many.</param>
    /// <param name="isLooped">Whether it is a copy of what this host has sent to a group.</param>
    /// <param name="nowNs">The time.</param>
    public void Receive(NetworkInterface networkInterface, PacketBuffer buffer, bool isLinkMulticast, bool isLooped, long nowNs)
    {
        IpCounters counters = stack.Ipv4Counters;
        counters.InReceives++;
        if (!Ipv4Header.TryParse(buffer.Bytes, out Ipv4Header header)
            || (header.HeaderLength > Ipv4Header.Size && Ipv4Header.HasSourceRoute(buffer.Bytes[Ipv4Header.Size..header.HeaderLength])))
        {
            counters.InHdrErrors++;
            buffer.Release();
            return;
        }

        buffer.TrimEnd(header.TotalLength);
        bool isMulticast = header.Destination.IsMulticast || networkInterface.IsBroadcast(header.Destination);
        if (IsMartian(networkInterface, header, isLooped) || (isLinkMulticast && !isMulticast && !IsForDhcp(networkInterface, header)))
        {
            // A packet to one host in a frame to many is somebody's trick (RFC 1122, 3.3.6).
            counters.InAddrErrors++;
            buffer.Release();
            return;
        }

        if (IsForDhcp(networkInterface, header) && IsToDhcpClient(buffer.Bytes[header.HeaderLength..]))
        {
            networkInterface.Dhcp!.Receive(header, buffer, nowNs);
            buffer.Release();
            return;
        }

        bool isForUs = header.Destination.IsMulticast
            ? networkInterface.Groups.Contains(header.Destination)
            : isMulticast || IsOurs(networkInterface, header.Destination);
        if (!isForUs)
        {
            counters.InAddrErrors++;
            buffer.Release();
            return;
        }

        if (header.IsFragment)
        {
            PacketBuffer? whole = stack.Reassembler.Add(header, buffer, networkInterface, nowNs);
            buffer.Release();
            if (whole is null)
            {
                return;
            }

            buffer = whole;
            header = header with { FragmentOffset = 0, MoreFragments = false };
            if (!Ipv4Header.TryParse(buffer.Bytes, out header))
            {
                throw new InvalidOperationException("What was put together has no header.");
            }
        }

        Deliver(networkInterface, header, buffer, isMulticast, nowNs);
    }

    private void Deliver(NetworkInterface networkInterface, in Ipv4Header header, PacketBuffer buffer, bool isMulticast, long nowNs)
    {
        ReceivedPacket packet = new()
        {
            Buffer = buffer,
            Source = header.Source,
            Destination = header.Destination,
            InterfaceIndex = networkInterface.Index,
            NetworkHeaderLength = header.HeaderLength,
            HopLimit = header.Ttl,
            TrafficClass = header.TrafficClass,
            IsMulticast = isMulticast,
        };
        bool isTakenRaw = stack.Raw.Deliver(header.Protocol, packet, nowNs);
        buffer.TrimStart(header.HeaderLength);
        stack.Ipv4Counters.InDelivers++;
        switch (header.Protocol)
        {
            case IpProtocol.Icmp:
                _icmp.Receive(packet, nowNs);
                buffer.Release();
                break;

            case IpProtocol.Igmp:
                stack.Multicast.ReceiveIgmp(networkInterface, buffer.Bytes, nowNs);
                buffer.Release();
                break;

            default:
                if (stack.FindTransport(header.Protocol) is { } transport)
                {
                    transport.Receive(packet, nowNs);
                    break;
                }

                if (!isTakenRaw)
                {
                    stack.Ipv4Counters.InDelivers--;
                    stack.Ipv4Counters.InUnknownProtos++;
                    stack.IcmpErrors.SendUnreachable(packet, isPort: false, nowNs);
                }

                buffer.Release();
                break;
        }
    }

    /// <summary>Whether addresses say what cannot be true (RFC 1122, 3.2.1.3; RFC 6890).</summary>
    private bool IsMartian(NetworkInterface networkInterface, in Ipv4Header header, bool isLooped)
    {
        IpAddress source = header.Source;
        if (source.IsMulticast || source.IsLimitedBroadcast || source.Ipv4 >> 28 == 0xF || networkInterface.IsBroadcast(source))
        {
            return true;
        }

        if (source.Ipv4 >> 24 == 0)
        {
            // Only who has no address yet, and who asks for groups, sends from none.
            return !(source.IsAny && (header.Destination.IsLimitedBroadcast || header.Destination.IsMulticast));
        }

        if (networkInterface.IsLoopback || isLooped)
        {
            return false;
        }

        return source.IsLoopback || header.Destination.IsLoopback || stack.IsLocalAddress(source, 0);
    }

    private bool IsOurs(NetworkInterface networkInterface, IpAddress destination) =>
        networkInterface.Find(destination) is not null || stack.IsLocalAddress(destination, 0);

    /// <summary>A server may answer to the address that it gives, before we have it (RFC 2131, 4.1).</summary>
    private static bool IsForDhcp(NetworkInterface networkInterface, in Ipv4Header header) =>
        networkInterface.Dhcp is { IsRunning: true } && header.Protocol == IpProtocol.Udp && !header.IsFragment;

    private static bool IsToDhcpClient(ReadOnlySpan<byte> udp) =>
        UdpHeader.TryParse(udp, out UdpHeader header) && header.DestinationPort == DhcpClientPort;
}
