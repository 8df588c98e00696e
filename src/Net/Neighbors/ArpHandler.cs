namespace Semitone.Net;

/// <summary>ARP (RFC 826, RFC 5227).</summary>
internal sealed class ArpHandler(NetworkStack stack)
{
    /// <summary>Takes a packet.</summary>
    public void Receive(NetworkInterface networkInterface, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (!ArpPacket.TryParse(bytes, out ArpPacket packet)
            || packet.SenderMac.IsMulticast
            || packet.SenderMac == default
            || packet.Sender.IsMulticast
            || packet.Sender.IsLoopback
            || packet.Target.IsLoopback
            || networkInterface.IsBroadcast(packet.Sender))
        {
            networkInterface.Counters.RxErrors++;
            return;
        }

        bool isForUs = stack.IsLocalAddress(packet.Target, 0) && !packet.Target.IsAny;
        bool isOwn = stack.IsLocalAddress(packet.Sender, 0);
        if (packet.IsReply)
        {
            // What answers us is sent to us; what is told to all changes only what is known already (RFC 5227, 3).
            bool isSolicited = isForUs && packet.TargetMac == networkInterface.Link.Address;
            if (!isOwn)
            {
                stack.Neighbors.Answer(networkInterface, packet.Sender, packet.SenderMac, isSolicited, isOverride: true, isRouter: null, nowNs);
            }

            return;
        }

        if (isForUs)
        {
            Reply(networkInterface, packet);
            if (!packet.Sender.IsAny && !isOwn && networkInterface.IsOnLink(packet.Sender))
            {
                stack.Neighbors.Learn(networkInterface, packet.Sender, packet.SenderMac, nowNs);
            }
        }
        else if (!packet.Sender.IsAny && !isOwn)
        {
            stack.Neighbors.Answer(
                networkInterface,
                packet.Sender,
                packet.SenderMac,
                isSolicited: false,
                isOverride: true,
                isRouter: null,
                nowNs);
        }
    }

    /// <summary>Asks who has an address.</summary>
    public void Request(NeighborEntry entry, bool isUnicast)
    {
        if (!SourceAddressSelection.TryChoose(entry.Interface, entry.Address, out IpAddress source))
        {
            source = IpAddress.Ipv4Any;
        }

        Send(entry.Interface, isUnicast ? entry.Mac : MacAddress.Broadcast, new ArpPacket
        {
            SenderMac = entry.Interface.Link.Address,
            Sender = source,
            Target = entry.Address,
        });
    }

    private static void Reply(NetworkInterface networkInterface, in ArpPacket request) =>
        Send(networkInterface, request.SenderMac, new ArpPacket
        {
            IsReply = true,
            SenderMac = networkInterface.Link.Address,
            Sender = request.Target,
            TargetMac = request.SenderMac,
            Target = request.Sender,
        });

    private static void Send(NetworkInterface networkInterface, MacAddress destination, in ArpPacket packet)
    {
        Span<byte> frame = stackalloc byte[EthernetHeader.Size + ArpPacket.Size];
        new EthernetHeader(destination, networkInterface.Link.Address, EtherType.Arp).Write(frame);
        packet.Write(frame[EthernetHeader.Size..]);
        if (networkInterface.IsRunning)
        {
            IpOutput.Count(networkInterface, frame.Length, networkInterface.Link.TrySend(new OutgoingFrame { Headers = frame }));
        }
    }
}
