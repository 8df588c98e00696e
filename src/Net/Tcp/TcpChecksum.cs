using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The checksum over a segment and the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1).</summary>
internal static class TcpChecksum
{
    public static bool IsRight(IpAddress source, IpAddress destination, ReadOnlySpan<byte> segment)
    {
        ulong sum = (ulong)IpProtocol.Tcp + (uint)segment.Length;
        sum += SumAddress(source) + SumAddress(destination);
        while (segment.Length >= sizeof(uint))
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(segment);
            segment = segment[sizeof(uint)..];
        }

        if (segment.Length >= sizeof(ushort))
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(segment);
            segment = segment[sizeof(ushort)..];
        }

        if (!segment.IsEmpty)
        {
            sum += (uint)segment[0] << 8;
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return sum == 0xFFFF;
    }

    private static ulong SumAddress(IpAddress address) => address.IsIpv4
        ? address.Ipv4
        : (address.High >> 32) + (uint)address.High + (address.Low >> 32) + (uint)address.Low;
}
