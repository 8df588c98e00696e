using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>The checksum of a segment, summed in the plainest way.</summary>
internal static class Checksum
{
    public static ushort Compute(IpAddress source, IpAddress destination, ReadOnlySpan<byte> segment)
    {
        Span<byte> pseudo = stackalloc byte[40];
        source.WriteIpv6(pseudo);
        destination.WriteIpv6(pseudo[16..]);
        ulong sum = (ulong)segment.Length + 6;
        if (source.IsIpv4)
        {
            sum += (source.Ipv4 >> 16) + (source.Ipv4 & 0xFFFF) + (destination.Ipv4 >> 16) + (destination.Ipv4 & 0xFFFF);
        }
        else
        {
            sum += Sum(pseudo);
        }

        sum += Sum(segment);
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (ulong)bytes[i] << 8 : bytes[i];
        }

        return sum;
    }
}
