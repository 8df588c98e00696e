using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>Puts packets together of their parts (RFC 791, 3.2; RFC 8200, 4.5).</summary>
/// <remarks>
/// Bounded in all and for each source, and what comes first goes first. Parts that overlap end their packet, and what else comes of it is
/// dropped until its time is over (RFC 5722; for IPv4 the same), but a part that comes twice with the same bytes is taken for a duplicate.
/// </remarks>
internal sealed class Reassembler(NetworkStack stack, IMemoryBudget? memory)
{
    /// <summary>Packets in the making.</summary>
    public const int Limit = 32;

    private const int PerSource = 8;
    private const int LargestIp = 65535;

    /// <summary>Linux's time for IPv4, net.ipv4.ipfrag_time; RFC 8200 has 60 s, and less harms nobody.</summary>
    private const long TimeoutNs = 30_000_000_000;

    private readonly PacketPool _pool = new(PacketPools.LargeCapacity, Limit, memory);
    private readonly List<PartialPacket> _packets = new(Limit);
    private readonly Stack<PartialPacket> _free = new(Limit);

    public long NextDeadlineNs { get; private set; } = long.MaxValue;

    /// <summary>Packets in the making.</summary>
    public int Count => _packets.Count;

    /// <summary>Adds a part of IPv4. Its buffer stays the caller's.</summary>
    /// <returns>The packet, when it is whole, in another buffer that is the caller's; else null.</returns>
    public PacketBuffer? Add(in Ipv4Header header, PacketBuffer buffer, NetworkInterface networkInterface, long nowNs)
    {
        Key key = new(header.Source, header.Destination, header.Identification, header.Protocol, networkInterface.Index);
        Part part = new()
        {
            Header = buffer.Bytes[..header.HeaderLength],
            Data = buffer.Bytes[header.HeaderLength..],
            Offset = header.FragmentOffset,
            HasMore = header.MoreFragments,
            MostBytes = LargestIp - header.HeaderLength,
            IsMulticast = header.Destination.IsMulticast || networkInterface.IsBroadcast(header.Destination),
        };
        if (Add(key, part, nowNs) is not { } whole)
        {
            return null;
        }

        PacketBuffer? made = Make(whole, Ipv4Header.TryParseQuoted(whole.Header, out Ipv4Header first), out Span<byte> ip);
        if (made is not null)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)made.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[6..], 0);
            BinaryPrimitives.WriteUInt16BigEndian(ip[Ipv4Header.ChecksumOffset..], 0);
            BinaryPrimitives.WriteUInt16BigEndian(ip[Ipv4Header.ChecksumOffset..], InternetChecksum.Of(ip[..first.HeaderLength]));
        }

        Remove(whole);
        return made;
    }

    /// <summary>Adds a part of IPv6. Its buffer stays the caller's.</summary>
    public PacketBuffer? Add(
        in Ipv6Header header,
        in Ipv6FragmentHeader fragment,
        int fragmentOffset,
        PacketBuffer buffer,
        NetworkInterface networkInterface,
        long nowNs)
    {
        Key key = new(header.Source, header.Destination, fragment.Identification, IpProtocol.Ipv6Fragment, networkInterface.Index);
        Span<byte> first = stackalloc byte[Ipv6Header.Size];
        (header with { NextHeader = fragment.NextHeader }).Write(first);
        Part part = new()
        {
            Header = first,
            Data = buffer.Bytes[(fragmentOffset + Ipv6FragmentHeader.Size)..],
            Offset = fragment.FragmentOffset,
            HasMore = fragment.MoreFragments,
            MostBytes = LargestIp,
            IsMulticast = header.Destination.IsMulticast,
        };
        if (part.Offset == 0 && !part.HasMore)
        {
            // An atomic fragment is a packet, whatever else has its number (RFC 6946).
            stack.Ipv6Counters.ReasmReqds++;
            stack.Ipv6Counters.ReasmOks++;
            BinaryPrimitives.WriteUInt16BigEndian(first[4..], (ushort)part.Data.Length);
            stack.Pools.TryCopy(0, first, part.Data, default, out PacketBuffer? atomic);
            return atomic;
        }

        if (Add(key, part, nowNs) is not { } whole)
        {
            return null;
        }

        PacketBuffer? made = Make(whole, isHeaderGood: true, out Span<byte> ip);
        if (made is not null)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(made.Length - Ipv6Header.Size));
        }

        Remove(whole);
        return made;
    }

    /// <summary>Gives up what is too old, and says so to its sender when the beginning is there (RFC 1122, 3.3.2).</summary>
    public void Poll(long nowNs)
    {
        if (nowNs < NextDeadlineNs)
        {
            return;
        }

        Span<byte> quoted = stackalloc byte[Ipv4Header.LargestSize + IcmpMessage.Size];
        NextDeadlineNs = long.MaxValue;
        for (int i = _packets.Count - 1; i >= 0; i--)
        {
            PartialPacket packet = _packets[i];
            if (packet.DeadlineNs > nowNs)
            {
                NextDeadlineNs = Math.Min(NextDeadlineNs, packet.DeadlineNs);
                continue;
            }

            if (packet.Buffer is not null)
            {
                IpCounters counters = stack.CountersOf(packet.Key.Source.IsIpv4);
                counters.ReasmTimeout++;
                counters.ReasmFails++;
                if (packet.HasFirst)
                {
                    int length = packet.CopyBeginning(quoted);
                    IcmpErrorSender.Addresses addresses =
                        new(packet.Key.Source, packet.Key.Destination, packet.Key.InterfaceIndex, packet.IsMulticast);
                    stack.IcmpErrors.SendReassemblyTimeExceeded(addresses, quoted[..length], nowNs);
                }
            }

            Remove(packet);
        }
    }

    /// <summary>Adds a part.</summary>
    /// <returns>The packet, when it is whole.</returns>
    private PartialPacket? Add(in Key key, in Part part, long nowNs)
    {
        IpCounters counters = stack.CountersOf(key.Source.IsIpv4);
        counters.ReasmReqds++;
        if (part.Data.IsEmpty
            || part.Offset + part.Data.Length > part.MostBytes
            || (part.HasMore && part.Data.Length % 8 != 0))
        {
            counters.ReasmFails++;
            return null;
        }

        if (FindOrMake(key, nowNs) is not { } packet)
        {
            counters.ReasmFails++;
            return null;
        }

        if (packet.Buffer is null)
        {
            return null;
        }

        if (!packet.TryAdd(part))
        {
            // What is left of it keeps its place, without bytes, so that its other parts begin nothing new.
            counters.ReasmFails++;
            packet.Drop();
            return null;
        }

        if (!packet.IsWhole)
        {
            return null;
        }

        counters.ReasmOks++;
        return packet;
    }

    private PartialPacket? FindOrMake(in Key key, long nowNs)
    {
        PartialPacket? oldestOfSource = null;
        int ofSource = 0;
        foreach (PartialPacket packet in _packets)
        {
            if (packet.Key == key)
            {
                return packet;
            }

            if (packet.Key.Source == key.Source)
            {
                ofSource++;
                oldestOfSource ??= packet;
            }
        }

        // The list is in the order of coming, so the first is the oldest.
        if (ofSource >= PerSource)
        {
            GiveUp(oldestOfSource!);
        }
        else if (_packets.Count >= Limit)
        {
            GiveUp(_packets[0]);
        }

        if (!_pool.TryTake(out PacketBuffer? buffer))
        {
            return null;
        }

        PartialPacket made = _free.TryPop(out PartialPacket? free) ? free : new PartialPacket();
        made.Begin(key, buffer, nowNs + TimeoutNs);
        _packets.Add(made);
        NextDeadlineNs = Math.Min(NextDeadlineNs, made.DeadlineNs);
        return made;
    }

    private void GiveUp(PartialPacket packet)
    {
        stack.CountersOf(packet.Key.Source.IsIpv4).ReasmFails++;
        Remove(packet);
    }

    private PacketBuffer? Make(PartialPacket packet, bool isHeaderGood, out Span<byte> ip)
    {
        ip = default;
        if (!isHeaderGood || !stack.Pools.TryCopy(0, packet.Header, packet.Data, default, out PacketBuffer? buffer))
        {
            stack.CountersOf(packet.Key.Source.IsIpv4).InDiscards++;
            return null;
        }

        ip = buffer.Bytes;
        return buffer;
    }

    private void Remove(PartialPacket packet)
    {
        packet.Drop();
        _packets.Remove(packet);
        _free.Push(packet);
    }

    /// <summary>What makes parts be of one packet.</summary>
    internal readonly record struct Key(
        IpAddress Source,
        IpAddress Destination,
        uint Identification,
        IpProtocol Protocol,
        int InterfaceIndex);

    /// <summary>A part.</summary>
    internal readonly ref struct Part
    {
        /// <summary>What the whole packet's header is made of, when this is its beginning.</summary>
        public required ReadOnlySpan<byte> Header { get; init; }

        public required ReadOnlySpan<byte> Data { get; init; }

        public required int Offset { get; init; }

        public required bool HasMore { get; init; }

        /// <summary>Bytes that the whole packet's data may have.</summary>
        public required int MostBytes { get; init; }

        public required bool IsMulticast { get; init; }
    }
}
