using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The sum that IP, ICMP, UDP and TCP guard their bytes with (RFC 1071), over bytes in pieces.</summary>
/// <remarks>
/// Words are added in the processor's own order, eight bytes a step: a ones' complement sum is the same in either order but for a swap at
/// the end (RFC 1071, 2.B). A piece that begins at an odd place is summed as if it began at an even one and swapped before it is added.
/// </remarks>
public struct InternetChecksum
{
    private ulong _sum;
    private bool _isOdd;

    /// <summary>Adds bytes that follow those that were added before.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        ulong sum = Sum(bytes);
        if (_isOdd)
        {
            sum = BinaryPrimitives.ReverseEndianness(FoldWords(sum));
        }

        _sum = AddCarrying(_sum, sum);
        _isOdd ^= (bytes.Length & 1) != 0;
    }

    /// <summary>Adds the header that TCP, UDP and ICMPv6 imagine in front of theirs (RFC 9293, 3.1; RFC 8200, 8.1).</summary>
    /// <param name="source">The sender.</param>
    /// <param name="destination">The receiver, of the same version.</param>
    /// <param name="protocol">The transport.</param>
    /// <param name="length">Bytes of the transport's header and payload.</param>
    public void AddPseudoHeader(IpAddress source, IpAddress destination, IpProtocol protocol, int length)
    {
        ulong sum = (ulong)length + (byte)protocol;
        if (source.IsIpv4)
        {
            sum += (ulong)source.Ipv4 + destination.Ipv4;
        }
        else
        {
            sum += (source.High >> 32) + (uint)source.High + (source.Low >> 32) + (uint)source.Low;
            sum += (destination.High >> 32) + (uint)destination.High + (destination.Low >> 32) + (uint)destination.Low;
        }

        _sum = AddCarrying(_sum, BinaryPrimitives.ReverseEndianness(FoldWords(sum)));
    }

    /// <summary>The folded sum, not inverted: what a device is given to go on from.</summary>
    public readonly ushort Folded => BinaryPrimitives.ReverseEndianness(FoldWords(_sum));

    /// <summary>The checksum; over bytes that hold a right one, 0.</summary>
    public readonly ushort Value => (ushort)~Folded;

    /// <summary>Gets the checksum of bytes.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes) => (ushort)~BinaryPrimitives.ReverseEndianness(FoldWords(Sum(bytes)));

    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        while (bytes.Length >= 4 * sizeof(ulong))
        {
            // The four halves and the carries of each step fit into two registers: no carry is waited for.
            ulong a = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            ulong b = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
            ulong c = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
            ulong d = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
            ulong part = (a >> 32) + (uint)a + (b >> 32) + (uint)b + (c >> 32) + (uint)c + (d >> 32) + (uint)d;
            sum += part;
            bytes = bytes[32..];
        }

        while (bytes.Length >= sizeof(ulong))
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            sum += (word >> 32) + (uint)word;
            bytes = bytes[sizeof(ulong)..];
        }

        if (bytes.Length >= sizeof(uint))
        {
            sum += BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            bytes = bytes[sizeof(uint)..];
        }

        if (bytes.Length >= sizeof(ushort))
        {
            sum += BinaryPrimitives.ReadUInt16LittleEndian(bytes);
            bytes = bytes[sizeof(ushort)..];
        }

        return bytes.IsEmpty ? sum : sum + bytes[0];
    }

    private static ulong AddCarrying(ulong left, ulong right)
    {
        ulong sum = left + right;
        return sum < left ? sum + 1 : sum;
    }

    private static ushort FoldWords(ulong sum)
    {
        sum = (sum >> 32) + (uint)sum;
        sum = (sum >> 32) + (uint)sum;
        sum = (sum >> 16) + (ushort)sum;
        sum = (sum >> 16) + (ushort)sum;
        sum = (sum >> 16) + (ushort)sum;
        return (ushort)sum;
    }
}
