namespace Semitone.Net;

/// <summary>What is done for the cache of neighbours, by ARP or NDP.</summary>
internal sealed class NeighborSolicitor(NetworkStack stack, ArpHandler arp) : INeighborSolicitor
{
    public void Solicit(NeighborEntry entry, bool isUnicast, long nowNs)
    {
        if (entry.Address.IsIpv4)
        {
            arp.Request(entry, isUnicast);
        }
        else
        {
            stack.NeighborDiscovery.Solicit(entry, isUnicast, nowNs);
        }
    }

    public void SendResolved(NeighborEntry entry, Span<byte> frame, long nowNs)
    {
        entry.Mac.Write(frame);
        IpOutput.Count(entry.Interface, frame.Length, entry.Interface.Link.TrySend(new OutgoingFrame { Headers = frame }));
    }

    public void ReportFailure(NeighborEntry entry, Span<byte> frame, long nowNs)
    {
        ReadOnlySpan<byte> packet = frame[EthernetHeader.Size..];
        if (Ipv4Header.TryParseQuoted(packet, out Ipv4Header ipv4) && ipv4.FragmentOffset == 0)
        {
            stack.ReportError(ipv4.Protocol, new IcmpError
            {
                Error = NetworkError.HostUnreachable,
                IsSoft = true,
                Type = (byte)Icmpv4Type.DestinationUnreachable,
                Code = 1,
                Offender = ipv4.Source,
                Source = ipv4.Source,
                Destination = ipv4.Destination,
                Quoted = packet[ipv4.HeaderLength..],
            }, nowNs);
        }
        else if (Ipv6Header.TryParseQuoted(packet, out Ipv6Header ipv6))
        {
            Ipv6ExtensionHeaders walk = Ipv6ExtensionHeaders.Walk(packet, ipv6.NextHeader, Ipv6Header.Size);
            if (walk.Result != Ipv6WalkResult.Payload)
            {
                return;
            }

            stack.ReportError(walk.Protocol, new IcmpError
            {
                Error = NetworkError.HostUnreachable,
                IsSoft = true,
                Type = (byte)Icmpv6Type.DestinationUnreachable,
                Code = 3,
                Offender = ipv6.Source,
                Source = ipv6.Source,
                Destination = ipv6.Destination,
                Quoted = packet[walk.Offset..],
            }, nowNs);
        }
    }
}
