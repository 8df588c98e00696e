namespace Semitone.Net;

/// <summary>The way in for IPv6 (RFC 8200): what may be here is brought to its protocol, past the headers in between.</summary>
internal sealed class Ipv6Input(NetworkStack stack)
{
    private readonly Icmpv6Handler _icmp = new(stack);

    /// <summary>Takes a packet, whose buffer is ours from now on.</summary>
    /// <param name="networkInterface">Where it came in.</param>
    /// <param name="buffer">From the IP header on, perhaps with padding.</param>
    /// <param name="isLinkMulticast">Whether its frame was for many.</param>
    /// <param name="isLooped">Whether it is a copy of what this host has sent to a group.</param>
    /// <param name="nowNs">The time.</param>
    public void Receive(NetworkInterface networkInterface, PacketBuffer buffer, bool isLinkMulticast, bool isLooped, long nowNs)
    {
        IpCounters counters = stack.Ipv6Counters;
        counters.InReceives++;
        if (!Ipv6Header.TryParse(buffer.Bytes, out Ipv6Header header))
        {
            counters.InHdrErrors++;
            buffer.Release();
            return;
        }

        buffer.TrimEnd(Ipv6Header.Size + header.PayloadLength);
        bool isMulticast = header.Destination.IsMulticast;
        if (IsMartian(networkInterface, header, isLooped) || (isLinkMulticast && !isMulticast) || !IsForUs(networkInterface, header))
        {
            counters.InAddrErrors++;
            buffer.Release();
            return;
        }

        Ipv6ExtensionHeaders walk = Ipv6ExtensionHeaders.Walk(buffer.Bytes, header.NextHeader, Ipv6Header.Size);
        if (walk.Result == Ipv6WalkResult.Fragment)
        {
            PacketBuffer? whole = Reassemble(networkInterface, header, buffer, walk, nowNs);
            buffer.Release();
            if (whole is null)
            {
                return;
            }

            buffer = whole;
            if (!Ipv6Header.TryParse(buffer.Bytes, out header))
            {
                throw new InvalidOperationException("What was put together has no header.");
            }

            walk = Ipv6ExtensionHeaders.Walk(buffer.Bytes, header.NextHeader, Ipv6Header.Size);
        }

        ReceivedPacket packet = new()
        {
            Buffer = buffer,
            Source = header.Source,
            Destination = header.Destination,
            InterfaceIndex = networkInterface.Index,
            NetworkHeaderLength = walk.Offset,
            HopLimit = header.HopLimit,
            TrafficClass = header.TrafficClass,
            IsMulticast = isMulticast,
        };
        if (walk.Result == Ipv6WalkResult.Payload)
        {
            Deliver(networkInterface, walk, packet, nowNs);
            return;
        }

        if (walk.Result == Ipv6WalkResult.ParameterProblem)
        {
            stack.IcmpErrors.SendParameterProblem(packet, walk.Code, walk.Pointer, walk.IsMulticastAnswered, nowNs);
        }

        if (walk.Result != Ipv6WalkResult.Empty)
        {
            // A second fragment header within what was put together is dropped here too (RFC 7112).
            counters.InHdrErrors++;
        }

        buffer.Release();
    }

    private PacketBuffer? Reassemble(
        NetworkInterface networkInterface,
        in Ipv6Header header,
        PacketBuffer buffer,
        in Ipv6ExtensionHeaders walk,
        long nowNs)
    {
        Ipv6FragmentHeader.TryParse(buffer.Bytes[walk.Offset..], out Ipv6FragmentHeader fragment);
        if (fragment.MoreFragments && (buffer.Length - walk.Offset - Ipv6FragmentHeader.Size) % 8 != 0)
        {
            // RFC 8200, 4.5: the sender is told at which field, the payload's length.
            ReceivedPacket packet = new()
            {
                Buffer = buffer,
                Source = header.Source,
                Destination = header.Destination,
                InterfaceIndex = networkInterface.Index,
                IsMulticast = header.Destination.IsMulticast,
            };
            stack.IcmpErrors.SendParameterProblem(packet, 0, 4, isMulticastAnswered: false, nowNs);
            stack.Ipv6Counters.InHdrErrors++;
            return null;
        }

        return stack.Reassembler.Add(header, fragment, walk.Offset, buffer, networkInterface, nowNs);
    }

    private void Deliver(NetworkInterface networkInterface, in Ipv6ExtensionHeaders walk, in ReceivedPacket packet, long nowNs)
    {
        PacketBuffer buffer = packet.Buffer;
        bool isTakenRaw = stack.Raw.Deliver(walk.Protocol, packet, nowNs);
        buffer.TrimStart(walk.Offset);
        stack.Ipv6Counters.InDelivers++;
        if (walk.Protocol == IpProtocol.Icmpv6)
        {
            _icmp.Receive(networkInterface, packet, nowNs);
            buffer.Release();
            return;
        }

        if (walk.Protocol is not (IpProtocol.Icmp or IpProtocol.Igmp)
            && !packet.Source.IsAny
            && stack.FindTransport(walk.Protocol) is { } transport)
        {
            transport.Receive(packet, nowNs);
            return;
        }

        if (!isTakenRaw && !packet.Source.IsAny)
        {
            stack.Ipv6Counters.InDelivers--;
            stack.Ipv6Counters.InUnknownProtos++;
            buffer.Untrim(walk.Offset);
            stack.IcmpErrors.SendParameterProblem(packet, 1, walk.Pointer, isMulticastAnswered: false, nowNs);
        }

        buffer.Release();
    }

    private bool IsMartian(NetworkInterface networkInterface, in Ipv6Header header, bool isLooped)
    {
        if (header.Source.IsMulticast || header.Destination.IsAny)
        {
            return true;
        }

        if (networkInterface.IsLoopback || isLooped)
        {
            return false;
        }

        return header.Source.IsLoopback
            || header.Destination.IsLoopback
            || (!header.Source.IsAny && stack.IsLocalAddress(header.Source, 0));
    }

    private bool IsForUs(NetworkInterface networkInterface, in Ipv6Header header)
    {
        if (header.Destination.IsMulticast)
        {
            return networkInterface.Groups.Contains(header.Destination);
        }

        // An address that means something on one link only is nobody's on another, but for what comes from this host itself.
        return stack.IsLocalAddress(
            header.Destination,
            header.Destination.IsLinkLocal && !networkInterface.IsLoopback ? networkInterface.Index : 0);
    }
}
