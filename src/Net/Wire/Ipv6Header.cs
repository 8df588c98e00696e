using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The fixed header of an IPv6 packet (RFC 8200, 3).</summary>
public readonly record struct Ipv6Header
{
    /// <summary>Bytes.</summary>
    public const int Size = 40;

    public byte TrafficClass { get; init; }

    /// <summary>20 bits.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>Bytes behind this header.</summary>
    public int PayloadLength { get; init; }

    public IpProtocol NextHeader { get; init; }

    public byte HopLimit { get; init; }

    public IpAddress Source { get; init; }

    public IpAddress Destination { get; init; }

    /// <summary>Reads a header whose packet is all there.</summary>
    /// <param name="packet">The packet, perhaps with padding behind it.</param>
    /// <param name="header">The header.</param>
    public static bool TryParse(ReadOnlySpan<byte> packet, out Ipv6Header header) =>
        TryParseQuoted(packet, out header) && header.PayloadLength <= packet.Length - Size;

    /// <summary>Reads a header that an ICMPv6 message quotes: the packet is cut.</summary>
    public static bool TryParseQuoted(ReadOnlySpan<byte> packet, out Ipv6Header header)
    {
        header = default;
        if (packet.Length < Size || packet[0] >> 4 != 6)
        {
            return false;
        }

        uint first = BinaryPrimitives.ReadUInt32BigEndian(packet);
        header = new Ipv6Header
        {
            TrafficClass = (byte)(first >> 20),
            FlowLabel = first & 0xF_FFFF,
            PayloadLength = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]),
            NextHeader = (IpProtocol)packet[6],
            HopLimit = packet[7],
            Source = IpAddress.ReadIpv6(packet[8..]),
            Destination = IpAddress.ReadIpv6(packet[24..]),
        };

        // A mapped address has no place on a wire (RFC 4291, 2.5.5.2; draft-itojun-v6ops-v4mapped-harmful): it would be taken for IPv4's.
        return !header.Source.IsIpv4 && !header.Destination.IsIpv4;
    }

    public void Write(Span<byte> packet)
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet, 6u << 28 | (uint)TrafficClass << 20 | FlowLabel & 0xF_FFFF);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)PayloadLength);
        packet[6] = (byte)NextHeader;
        packet[7] = HopLimit;
        Source.WriteIpv6(packet[8..]);
        Destination.WriteIpv6(packet[24..]);
    }
}
