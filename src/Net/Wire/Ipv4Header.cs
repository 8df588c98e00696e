using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The header of an IPv4 packet (RFC 791, 3.1).</summary>
public readonly record struct Ipv4Header
{
    /// <summary>Bytes, without options.</summary>
    public const int Size = 20;

    /// <summary>Bytes, with the most options.</summary>
    public const int LargestSize = 60;

    /// <summary>Where the checksum is.</summary>
    public const int ChecksumOffset = 10;

    /// <summary>Bytes of the Router Alert option (RFC 2113).</summary>
    public const int RouterAlertSize = 4;

    private const ushort DontFragmentBit = 0x4000;
    private const ushort MoreFragmentsBit = 0x2000;
    private const ushort OffsetMask = 0x1FFF;
    private const byte LooseSourceRoute = 131;
    private const byte StrictSourceRoute = 137;

    /// <summary>Bytes of the header, options included: 20 to 60.</summary>
    public int HeaderLength { get; init; }

    /// <summary>Bytes of the packet: at least the header's.</summary>
    public int TotalLength { get; init; }

    /// <summary>TOS, with the ECN bits.</summary>
    public byte TrafficClass { get; init; }

    public ushort Identification { get; init; }

    public bool DontFragment { get; init; }

    public bool MoreFragments { get; init; }

    /// <summary>Bytes: a multiple of 8.</summary>
    public int FragmentOffset { get; init; }

    public byte Ttl { get; init; }

    public IpProtocol Protocol { get; init; }

    public IpAddress Source { get; init; }

    public IpAddress Destination { get; init; }

    public bool IsFragment => MoreFragments || FragmentOffset != 0;

    /// <summary>Reads a header whose checksum is right and whose packet is all there.</summary>
    /// <param name="packet">The packet, perhaps with padding behind it.</param>
    /// <param name="header">The header.</param>
    public static bool TryParse(ReadOnlySpan<byte> packet, out Ipv4Header header) =>
        TryParseQuoted(packet, out header)
        && header.TotalLength <= packet.Length
        && InternetChecksum.Of(packet[..header.HeaderLength]) == 0;

    /// <summary>Reads a header that an ICMP message quotes: the packet is cut, and routers have changed the header's checksum.</summary>
    public static bool TryParseQuoted(ReadOnlySpan<byte> packet, out Ipv4Header header)
    {
        header = default;
        if (packet.Length < Size || packet[0] >> 4 != 4)
        {
            return false;
        }

        int headerLength = (packet[0] & 0xF) * sizeof(uint);
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (headerLength < Size || headerLength > totalLength || headerLength > packet.Length)
        {
            return false;
        }

        ushort fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
        header = new Ipv4Header
        {
            HeaderLength = headerLength,
            TotalLength = totalLength,
            TrafficClass = packet[1],
            Identification = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]),
            DontFragment = (fragment & DontFragmentBit) != 0,
            MoreFragments = (fragment & MoreFragmentsBit) != 0,
            FragmentOffset = (fragment & OffsetMask) * 8,
            Ttl = packet[8],
            Protocol = (IpProtocol)packet[9],
            Source = IpAddress.ReadIpv4(packet[12..]),
            Destination = IpAddress.ReadIpv4(packet[16..]),
        };
        return true;
    }

    /// <summary>Whether the sender has chosen the packet's way: such packets are not taken (RFC 7126, 4.3 and 4.4), nor those with options that cannot be read.</summary>
    public static bool HasSourceRoute(ReadOnlySpan<byte> options)
    {
        while (!options.IsEmpty && options[0] != 0)
        {
            if (options[0] == 1)
            {
                options = options[1..];
                continue;
            }

            if (options[0] is LooseSourceRoute or StrictSourceRoute
                || options.Length < 2
                || options[1] < 2
                || options[1] > options.Length)
            {
                return true;
            }

            options = options[options[1]..];
        }

        return false;
    }

    /// <summary>Writes the header and its checksum. What is longer than 20 bytes has the Router Alert option, padded.</summary>
    public void Write(Span<byte> packet)
    {
        packet[0] = (byte)(0x40 | HeaderLength / sizeof(uint));
        packet[1] = TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)TotalLength);
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], Identification);
        int fragment = FragmentOffset / 8 | (DontFragment ? DontFragmentBit : 0) | (MoreFragments ? MoreFragmentsBit : 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], (ushort)fragment);
        packet[8] = Ttl;
        packet[9] = (byte)Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(packet[ChecksumOffset..], 0);
        Source.Write(packet[12..]);
        Destination.Write(packet[16..]);
        if (HeaderLength > Size)
        {
            packet[Size..HeaderLength].Clear();
            packet[Size] = 148;
            packet[Size + 1] = RouterAlertSize;
        }

        BinaryPrimitives.WriteUInt16BigEndian(packet[ChecksumOffset..], InternetChecksum.Of(packet[..HeaderLength]));
    }
}
