using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>What routers are told of the groups that are listened to: IGMPv3 (RFC 3376) and MLDv2 (RFC 3810), without lists of sources.</summary>
internal sealed class MulticastReporter(NetworkStack stack)
{
    private const byte ModeIsExclude = 2;
    private const byte ChangeToInclude = 3;
    private const byte ChangeToExclude = 4;
    private const byte IgmpQuery = 0x11;
    private const byte IgmpReport = 0x22;
    private const int Ipv4RecordSize = 8;
    private const int Ipv6RecordSize = 20;
    private const int HopByHopSize = 8;
    private const int MostRecords = 56;
    private const int LargestFrame =
        EthernetHeader.Size + Ipv6Header.Size + HopByHopSize + IcmpMessage.Size + MostRecords * Ipv6RecordSize;

    /// <summary>RFC 3376, 8.11: a change is told again within a second.</summary>
    private const long RepeatNs = 1_000_000_000;

    public long NextDeadlineNs { get; private set; } = long.MaxValue;

    private static IpAddress Ipv4Routers => IpAddress.FromIpv4(0xE000_0016);

    private static IpAddress Ipv6Routers => new(0xFF02_0000_0000_0000, 0x16);

    /// <summary>Tells that an interface has begun to listen to a group, or has ceased.</summary>
    public void ReportChange(NetworkInterface networkInterface, IpAddress group, bool isJoined, long nowNs)
    {
        if (networkInterface.IsRunning && IsReported(networkInterface, group))
        {
            Send(networkInterface, group.IsIpv4, [group], isJoined ? ChangeToExclude : ChangeToInclude, nowNs);
            Schedule(networkInterface, nowNs, RepeatNs);
        }
    }

    /// <summary>Tells all groups on a link that has come up.</summary>
    public void ReportAll(NetworkInterface networkInterface, long nowNs) => Schedule(networkInterface, nowNs, RepeatNs);

    /// <summary>Takes a message of IGMP.</summary>
    public void ReceiveIgmp(NetworkInterface networkInterface, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (bytes.Length >= 8 && bytes[0] == IgmpQuery && InternetChecksum.Of(bytes) == 0)
        {
            Schedule(networkInterface, nowNs, Math.Clamp((long)bytes[1], 1, 100) * 100_000_000);
        }
    }

    /// <summary>Takes a query of MLD whose checksum is right (RFC 3810, 6.2: from the link itself).</summary>
    public void ReceiveMld(NetworkInterface networkInterface, in ReceivedPacket packet, ReadOnlySpan<byte> bytes, long nowNs)
    {
        if (bytes.Length >= 24 && packet.HopLimit == 1 && packet.Source.IsLinkLocal)
        {
            int milliseconds = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
            Schedule(networkInterface, nowNs, Math.Clamp(milliseconds, 1, 10_000) * 1_000_000L);
        }
    }

    public void Poll(long nowNs)
    {
        if (nowNs < NextDeadlineNs)
        {
            return;
        }

        NextDeadlineNs = long.MaxValue;
        foreach (NetworkInterface networkInterface in stack.InterfaceList)
        {
            if (networkInterface.GroupReportDueNs <= nowNs)
            {
                networkInterface.GroupReportDueNs = long.MaxValue;
                Report(networkInterface, isIpv4: true, nowNs);
                Report(networkInterface, isIpv4: false, nowNs);
            }

            NextDeadlineNs = Math.Min(NextDeadlineNs, networkInterface.GroupReportDueNs);
        }
    }

    private void Schedule(NetworkInterface networkInterface, long nowNs, long withinNs)
    {
        if (networkInterface.IsLoopback)
        {
            return;
        }

        long dueNs = nowNs + (long)(stack.Random.NextUInt64() % (ulong)withinNs);
        networkInterface.GroupReportDueNs = Math.Min(networkInterface.GroupReportDueNs, dueNs);
        NextDeadlineNs = Math.Min(NextDeadlineNs, dueNs);
    }

    private void Report(NetworkInterface networkInterface, bool isIpv4, long nowNs)
    {
        Span<IpAddress> groups = stackalloc IpAddress[MostRecords];
        int count = 0;
        foreach (IpAddress group in networkInterface.Groups.Groups)
        {
            if (group.IsIpv4 != isIpv4 || !IsReported(networkInterface, group))
            {
                continue;
            }

            groups[count++] = group;
            if (count == MostRecords)
            {
                Send(networkInterface, isIpv4, groups, ModeIsExclude, nowNs);
                count = 0;
            }
        }

        if (count != 0)
        {
            Send(networkInterface, isIpv4, groups[..count], ModeIsExclude, nowNs);
        }
    }

    /// <summary>All hosts are in their groups without saying so, and what does not leave a host is nobody's business.</summary>
    private static bool IsReported(NetworkInterface networkInterface, IpAddress group) =>
        !networkInterface.IsLoopback
        && group != NetworkStack.Ipv4AllHosts
        && group != NetworkStack.Ipv6AllNodes
        && (group.IsIpv4 || ((group.High >> 48) & 0xF) > 1);

    private void Send(NetworkInterface networkInterface, bool isIpv4, ReadOnlySpan<IpAddress> groups, byte record, long nowNs)
    {
        if (!networkInterface.IsRunning)
        {
            return;
        }

        Span<byte> frame = stackalloc byte[LargestFrame];
        frame.Clear();
        Span<byte> packet = frame[EthernetHeader.Size..];
        int headers = isIpv4 ? Ipv4Header.Size + Ipv4Header.RouterAlertSize : Ipv6Header.Size + HopByHopSize;
        Span<byte> message = packet[headers..];
        message[0] = isIpv4 ? IgmpReport : (byte)Icmpv6Type.MulticastListenerReport;
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)groups.Length);
        int length = IcmpMessage.Size;
        foreach (IpAddress group in groups)
        {
            message[length] = record;
            group.Write(message[(length + 4)..]);
            length += isIpv4 ? Ipv4RecordSize : Ipv6RecordSize;
        }

        message = message[..length];
        InternetChecksum checksum = default;
        if (isIpv4)
        {
            SourceAddressSelection.TryChoose(networkInterface, Ipv4Routers, out IpAddress source);
            checksum.Add(message);
            new Ipv4Header
            {
                HeaderLength = headers,
                TotalLength = headers + length,
                TrafficClass = 0xC0,
                Ttl = 1,
                Protocol = IpProtocol.Igmp,
                DontFragment = true,
                Source = source.IsIpv4 ? source : IpAddress.Ipv4Any,
                Destination = Ipv4Routers,
            }.Write(packet);
        }
        else
        {
            IpAddress source = FindSource(networkInterface);
            checksum.AddPseudoHeader(source, Ipv6Routers, IpProtocol.Icmpv6, length);
            checksum.Add(message);
            new Ipv6Header
            {
                PayloadLength = HopByHopSize + length,
                NextHeader = IpProtocol.HopByHop,
                HopLimit = 1,
                Source = source,
                Destination = Ipv6Routers,
            }.Write(packet);

            // Router Alert (RFC 2711), and two bytes of padding.
            ReadOnlySpan<byte> alert = [(byte)IpProtocol.Icmpv6, 0, 5, 2, 0, 0, 1, 0];
            alert.CopyTo(packet[Ipv6Header.Size..]);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message[2..], checksum.Value);
        Span<byte> whole = frame[..(EthernetHeader.Size + headers + length)];
        stack.Output.Transmit(
            networkInterface,
            isIpv4 ? Ipv4Routers : Ipv6Routers,
            new OutgoingFrame { Headers = whole },
            whole,
            isBroadcast: false,
            nowNs);
    }

    /// <summary>A link-local address that is sure; else none (RFC 3810, 5.2.13).</summary>
    private static IpAddress FindSource(NetworkInterface networkInterface)
    {
        foreach (InterfaceAddress address in networkInterface.AddressList)
        {
            if (!address.Address.IsIpv4 && address.Address.IsLinkLocal && address.State == AddressState.Preferred)
            {
                return address.Address;
            }
        }

        return IpAddress.Ipv6Any;
    }
}
