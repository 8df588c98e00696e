using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>UDP (RFC 768, RFC 1122, 4.1): datagrams are brought to the endpoint that they fit best.</summary>
public sealed class UdpLayer : ITransport, IPortUse
{
    private const int TableSize = 1024;

    private readonly UdpEndpoint?[] _table = new UdpEndpoint?[TableSize];
    private readonly NetworkStack _stack;
    private readonly ulong _balanceKey;

    /// <param name="stack">The stack, to which it makes itself known.</param>
    public UdpLayer(NetworkStack stack)
    {
        _stack = stack;
        Ports = new PortAllocator(stack.Random);
        _balanceKey = stack.Random.NextUInt64();
        stack.Register(IpProtocol.Udp, this);
    }

    public PortAllocator Ports { get; }

    public UdpCounters Ipv4Counters { get; } = new();

    public UdpCounters Ipv6Counters { get; } = new();

    /// <summary>Endpoints that have a port, in no order (/proc/net/udp).</summary>
    public IEnumerable<UdpEndpoint> Endpoints
    {
        get
        {
            foreach (UdpEndpoint? first in _table)
            {
                for (UdpEndpoint? endpoint = first; endpoint is not null; endpoint = endpoint.NextInTable)
                {
                    yield return endpoint;
                }
            }
        }
    }

    /// <inheritdoc/>
    public long NextDeadlineNs => long.MaxValue;

    /// <summary>Makes an endpoint. Who makes it closes it.</summary>
    public UdpEndpoint Create(bool isIpv6, IEndpointListener? listener) => new(this, _stack, isIpv6, listener);

    /// <inheritdoc/>
    public void Receive(in ReceivedPacket packet, long nowNs)
    {
        UdpCounters counters = CountersOf(packet.Destination.IsIpv4);
        PacketBuffer buffer = packet.Buffer;
        if (!UdpHeader.TryParse(buffer.Bytes, out UdpHeader header) || header.DestinationPort == 0)
        {
            counters.InErrors++;
            buffer.Release();
            return;
        }

        buffer.TrimEnd(header.Length);
        if (!IsSumRight(packet, header))
        {
            counters.InErrors++;
            counters.InCsumErrors++;
            buffer.Release();
            return;
        }

        if (packet.IsMulticast)
        {
            DeliverToAll(packet, header, counters, nowNs);
            return;
        }

        if (Find(packet, header) is { } endpoint)
        {
            Deliver(endpoint, packet, header, buffer, counters, nowNs);
            return;
        }

        counters.NoPorts++;
        _stack.SendPortUnreachable(packet, nowNs);
        buffer.Release();
    }

    /// <inheritdoc/>
    public void ReceiveError(in IcmpError error, long nowNs)
    {
        if (error.Quoted.Length < UdpHeader.Size)
        {
            return;
        }

        // The datagram is cut: what its header says of its length is not looked at.
        ushort sourcePort = BinaryPrimitives.ReadUInt16BigEndian(error.Quoted);
        ushort destinationPort = BinaryPrimitives.ReadUInt16BigEndian(error.Quoted[2..]);
        UdpHeader header = new() { SourcePort = sourcePort, DestinationPort = destinationPort };
        UdpEndpoint? best = null;
        for (UdpEndpoint? endpoint = _table[sourcePort % TableSize]; endpoint is not null; endpoint = endpoint.NextInTable)
        {
            if (endpoint.HasSent(error, header) && (best is null || (endpoint.IsConnected && !best.IsConnected)))
            {
                best = endpoint;
            }
        }

        if (best is null)
        {
            return;
        }

        if (error.Mtu != 0 && best.PathMtuDiscovery is PathMtuDiscovery.Wanted or PathMtuDiscovery.Always)
        {
            _stack.LowerPathMtu(error.Destination, error.Mtu, nowNs);
        }

        best.TakeComplaint(error, destinationPort);
    }

    /// <inheritdoc/>
    public void Poll(long nowNs)
    {
    }

    /// <inheritdoc/>
    public bool IsPortFree(ushort port, in PortRequest request)
    {
        for (UdpEndpoint? endpoint = _table[port % TableSize]; endpoint is not null; endpoint = endpoint.NextInTable)
        {
            if (endpoint.LocalPort == port && endpoint.Binding.ConflictsWith(request.Binding))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Chooses a port where none is named; else looks whether it may be had.</summary>
    internal bool TryChoosePort(UdpEndpoint endpoint, ref ushort port)
    {
        if (port != 0)
        {
            return IsPortFree(port, new PortRequest { Binding = endpoint.Binding });
        }

        // A port that nobody has asked for by its number is shared with nobody.
        PortBinding alone = endpoint.Binding with { ReuseAddress = false, ReusePort = false };
        return Ports.TryChoose(this, new PortRequest { Binding = alone }, out port);
    }

    internal void Add(UdpEndpoint endpoint)
    {
        ref UdpEndpoint? first = ref _table[endpoint.LocalPort % TableSize];
        endpoint.NextInTable = first;
        first = endpoint;
    }

    internal void Remove(UdpEndpoint endpoint)
    {
        ref UdpEndpoint? first = ref _table[endpoint.LocalPort % TableSize];
        if (first == endpoint)
        {
            first = endpoint.NextInTable;
        }
        else
        {
            UdpEndpoint previous = first!;
            while (previous.NextInTable != endpoint)
            {
                previous = previous.NextInTable!;
            }

            previous.NextInTable = endpoint.NextInTable;
        }

        endpoint.NextInTable = null;
    }

    internal void CountSent(bool isIpv4, NetworkError error)
    {
        UdpCounters counters = CountersOf(isIpv4);
        if (error == NetworkError.None)
        {
            counters.OutDatagrams++;
        }
        else if (error == NetworkError.NoBuffers)
        {
            counters.SndbufErrors++;
        }
    }

    private UdpCounters CountersOf(bool isIpv4) => isIpv4 ? Ipv4Counters : Ipv6Counters;

    private UdpEndpoint? Find(in ReceivedPacket packet, in UdpHeader header)
    {
        UdpEndpoint? best = null;
        int bestScore = -1;
        int sharing = 0;
        for (UdpEndpoint? endpoint = _table[header.DestinationPort % TableSize]; endpoint is not null; endpoint = endpoint.NextInTable)
        {
            int score = endpoint.Score(packet, header);
            if (score > bestScore)
            {
                (best, bestScore) = (endpoint, score);
                sharing = 1;
            }
            else if (score == bestScore && score >= 0 && best!.ReusePort && endpoint.ReusePort)
            {
                sharing++;
            }
        }

        return sharing > 1 && best!.ReusePort ? FindSharing(packet, header, bestScore, sharing) : best;
    }

    /// <summary>Of several that share the port one sender has always the same.</summary>
    private UdpEndpoint? FindSharing(in ReceivedPacket packet, in UdpHeader header, int score, int count)
    {
        uint ports = (uint)header.SourcePort << 16 | header.DestinationPort;
        int chosen = (int)(SeededHash.Of(_balanceKey, packet.Source, packet.Destination, ports) % (uint)count);
        UdpEndpoint? found = null;
        for (UdpEndpoint? endpoint = _table[header.DestinationPort % TableSize]; endpoint is not null; endpoint = endpoint.NextInTable)
        {
            if (endpoint.ReusePort && endpoint.Score(packet, header) == score)
            {
                found = endpoint;
                if (chosen-- == 0)
                {
                    break;
                }
            }
        }

        return found;
    }

    private void DeliverToAll(in ReceivedPacket packet, in UdpHeader header, UdpCounters counters, long nowNs)
    {
        UdpEndpoint? last = null;
        for (UdpEndpoint? endpoint = _table[header.DestinationPort % TableSize]; endpoint is not null; endpoint = endpoint.NextInTable)
        {
            if (!endpoint.HearsGroup(packet, header))
            {
                continue;
            }

            if (last is not null)
            {
                if (_stack.Pools.TryCopy(0, packet.Buffer.Bytes, default, default, out PacketBuffer? copy))
                {
                    Deliver(last, packet, header, copy, counters, nowNs);
                }
                else
                {
                    counters.InErrors++;
                }
            }

            last = endpoint;
        }

        if (last is null)
        {
            packet.Buffer.Release();
            return;
        }

        Deliver(last, packet, header, packet.Buffer, counters, nowNs);
    }

    private static void Deliver(
        UdpEndpoint endpoint,
        in ReceivedPacket packet,
        in UdpHeader header,
        PacketBuffer buffer,
        UdpCounters counters,
        long nowNs)
    {
        buffer.TrimStart(UdpHeader.Size);
        ReceivedDatagram datagram = new()
        {
            Buffer = buffer,
            Source = packet.Source,
            SourcePort = header.SourcePort,
            Destination = packet.Destination,
            DestinationPort = header.DestinationPort,
            InterfaceIndex = packet.InterfaceIndex,
            HopLimit = packet.HopLimit,
            TrafficClass = packet.TrafficClass,
            ReceivedNs = nowNs,
        };
        if (endpoint.Enqueue(datagram))
        {
            counters.InDatagrams++;
            return;
        }

        counters.InErrors++;
        counters.RcvbufErrors++;
        buffer.Release();
    }

    private static bool IsSumRight(in ReceivedPacket packet, in UdpHeader header)
    {
        if (packet.Buffer.IsChecksumVerified)
        {
            return true;
        }

        if (header.Checksum == 0)
        {
            // None was made, which IPv6 does not allow (RFC 8200, 8.1).
            return packet.Destination.IsIpv4;
        }

        InternetChecksum checksum = default;
        checksum.AddPseudoHeader(packet.Source, packet.Destination, IpProtocol.Udp, header.Length);
        checksum.Add(packet.Buffer.Bytes);
        return checksum.Value == 0;
    }
}
