namespace Semitone.Net;

/// <summary>Neighbour discovery (RFC 4861): questions for addresses and their answers. Routers' words: <see cref="Ipv6Autoconfiguration"/>.</summary>
internal sealed class NeighborDiscovery(NetworkStack stack)
{
    private const byte HopLimit = 255;
    private const int HeaderSize = IcmpMessage.Size + IpAddress.Ipv6Size;
    private const uint RouterFlag = 0x8000_0000;
    private const uint SolicitedFlag = 0x4000_0000;
    private const uint OverrideFlag = 0x2000_0000;

    /// <summary>Whether a message has come over no router (RFC 4861, 11.2).</summary>
    public static bool IsFromLink(in ReceivedPacket packet, in IcmpMessage message) => packet.HopLimit == HopLimit && message.Code == 0;

    /// <summary>Takes a question (RFC 4861, 7.2.3 and 7.2.4).</summary>
    public void ReceiveSolicitation(NetworkInterface networkInterface, in ReceivedPacket packet, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (!TryReadTarget(packet, bytes, out _, out IpAddress target) || networkInterface.IsLoopback)
        {
            return;
        }

        MacAddress mac = NdpOptions.FindLinkAddress(bytes[HeaderSize..], NdpOptions.SourceLinkAddress);
        if (networkInterface.Find(target) is not { IsUsable: true } address)
        {
            return;
        }

        if (packet.Source.IsAny)
        {
            // Somebody wants the address: if we are not sure of it either, neither gets it (RFC 4862, 5.4.3).
            if (!packet.IsMulticast || mac != default)
            {
                return;
            }

            if (address.State == AddressState.Optimistic)
            {
                networkInterface.Autoconfiguration?.MarkDuplicate(address);
                return;
            }

            Advertise(networkInterface, target, NetworkStack.Ipv6AllNodes, OverrideFlag, nowNs);
            return;
        }

        if (mac != default && (networkInterface.IsOnLink(packet.Source) || packet.Source.IsLinkLocal))
        {
            stack.Neighbors.Learn(networkInterface, packet.Source, mac, nowNs);
        }

        uint flags = SolicitedFlag | (address.State == AddressState.Optimistic ? 0 : OverrideFlag);
        Advertise(networkInterface, target, packet.Source, flags, nowNs);
    }

    /// <summary>Takes an answer (RFC 4861, 7.2.5).</summary>
    public void ReceiveAdvertisement(NetworkInterface networkInterface, in ReceivedPacket packet, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (!TryReadTarget(packet, bytes, out IcmpMessage message, out IpAddress target)
            || packet.Source.IsAny
            || networkInterface.IsLoopback
            || (packet.IsMulticast && (message.Rest & SolicitedFlag) != 0))
        {
            return;
        }

        if (networkInterface.Find(target) is { } own)
        {
            if (own.State == AddressState.Optimistic)
            {
                networkInterface.Autoconfiguration?.MarkDuplicate(own);
            }

            return;
        }

        bool isSolicited = (message.Rest & SolicitedFlag) != 0;
        bool isRouter = (message.Rest & RouterFlag) != 0;
        MacAddress mac = NdpOptions.FindLinkAddress(bytes[HeaderSize..], NdpOptions.TargetLinkAddress);
        if (mac != default)
        {
            stack.Neighbors.Answer(networkInterface, target, mac, isSolicited, (message.Rest & OverrideFlag) != 0, isRouter, nowNs);
        }
        else if (isSolicited)
        {
            stack.Neighbors.Confirm(networkInterface, target, nowNs);
            stack.Neighbors.SetRouter(networkInterface, target, isRouter);
        }
    }

    /// <summary>Asks who has an address.</summary>
    public void Solicit(NeighborEntry entry, bool isUnicast, long nowNs)
    {
        IpAddress destination = isUnicast ? entry.Address : NetworkStack.SolicitedNodeGroup(entry.Address);
        if (SourceAddressSelection.TryChoose(entry.Interface, entry.Address, out IpAddress source))
        {
            SendSolicitation(entry.Interface, source, destination, entry.Address, nowNs);
        }
    }

    /// <summary>Asks whether somebody has an address that we want (RFC 4862, 5.4.2).</summary>
    public void SolicitDuplicate(NetworkInterface networkInterface, IpAddress address, long nowNs) =>
        SendSolicitation(networkInterface, IpAddress.Ipv6Any, NetworkStack.SolicitedNodeGroup(address), address, nowNs);

    /// <summary>Asks the routers who they are (RFC 4861, 6.3.7).</summary>
    public void SolicitRouters(NetworkInterface networkInterface, IpAddress source, long nowNs)
    {
        Span<byte> bytes = stackalloc byte[IcmpMessage.Size + NdpOptions.LinkAddressSize];
        new IcmpMessage { Type = (byte)Icmpv6Type.RouterSolicitation }.Write(bytes);
        bool isNamed = WriteLinkAddress(networkInterface, source, NdpOptions.SourceLinkAddress, bytes[IcmpMessage.Size..]);
        Send(networkInterface, source, NetworkStack.Ipv6AllRouters, isNamed ? bytes : bytes[..IcmpMessage.Size], nowNs);
    }

    private void SendSolicitation(NetworkInterface networkInterface, IpAddress source, IpAddress destination, IpAddress target, long nowNs)
    {
        Span<byte> bytes = stackalloc byte[HeaderSize + NdpOptions.LinkAddressSize];
        new IcmpMessage { Type = (byte)Icmpv6Type.NeighborSolicitation }.Write(bytes);
        target.WriteIpv6(bytes[IcmpMessage.Size..]);
        bool isNamed = WriteLinkAddress(networkInterface, source, NdpOptions.SourceLinkAddress, bytes[HeaderSize..]);
        Send(networkInterface, source, destination, isNamed ? bytes : bytes[..HeaderSize], nowNs);
    }

    private void Advertise(NetworkInterface networkInterface, IpAddress target, IpAddress destination, uint flags, long nowNs)
    {
        Span<byte> bytes = stackalloc byte[HeaderSize + NdpOptions.LinkAddressSize];
        new IcmpMessage { Type = (byte)Icmpv6Type.NeighborAdvertisement, Rest = flags }.Write(bytes);
        target.WriteIpv6(bytes[IcmpMessage.Size..]);
        bytes[HeaderSize] = NdpOptions.TargetLinkAddress;
        bytes[HeaderSize + 1] = 1;
        networkInterface.Link.Address.Write(bytes[(HeaderSize + 2)..]);
        Send(networkInterface, target, destination, bytes, nowNs);
    }

    /// <summary>Writes whose the question is, but from an address that is not sure yet (RFC 4429, 3.2) and from none.</summary>
    private static bool WriteLinkAddress(NetworkInterface networkInterface, IpAddress source, byte type, Span<byte> option)
    {
        if (source.IsAny || networkInterface.Find(source) is { State: AddressState.Optimistic })
        {
            return false;
        }

        option[0] = type;
        option[1] = 1;
        networkInterface.Link.Address.Write(option[2..]);
        return true;
    }

    private void Send(NetworkInterface networkInterface, IpAddress source, IpAddress destination, Span<byte> bytes, long nowNs)
    {
        IpRoute route = new()
        {
            Source = source,
            Destination = destination,
            NextHop = destination,
            InterfaceIndex = networkInterface.Index,
            Mtu = networkInterface.MtuOf(isIpv4: false),
        };
        NetworkError error = stack.Output.Send(route, new TransportPacket
        {
            Protocol = IpProtocol.Icmpv6,
            Header = bytes,
            ChecksumOffset = IcmpMessage.ChecksumOffset,
            HopLimit = HopLimit,
        }, nowNs);
        stack.Icmpv6Counters.OutMsgs += error == NetworkError.None ? 1 : 0;
    }

    private static bool TryReadTarget(in ReceivedPacket packet, ReadOnlySpan<byte> bytes, out IcmpMessage message, out IpAddress target)
    {
        target = default;
        if (!IcmpMessage.TryParse(bytes, out message) || bytes.Length < HeaderSize || !IsFromLink(packet, message))
        {
            return false;
        }

        target = IpAddress.ReadIpv6(bytes[IcmpMessage.Size..]);
        return !target.IsMulticast && !target.IsIpv4 && !target.IsAny && NdpOptions.AreValid(bytes[HeaderSize..]);
    }
}
