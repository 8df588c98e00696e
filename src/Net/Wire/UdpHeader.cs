using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The header of a UDP datagram (RFC 768).</summary>
public readonly record struct UdpHeader
{
    /// <summary>Bytes.</summary>
    public const int Size = 8;

    /// <summary>Where the checksum is.</summary>
    public const int ChecksumOffset = 6;

    /// <summary>Bytes of the largest payload of IPv4: what 16 bits of length leave.</summary>
    public const int LargestPayload = 65535 - Ipv4Header.Size - Size;

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }

    /// <summary>Bytes of header and payload: 8 to what there is.</summary>
    public int Length { get; init; }

    /// <summary>As it came; 0 for none.</summary>
    public ushort Checksum { get; init; }

    /// <summary>Reads a header whose datagram is all there.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out UdpHeader header)
    {
        header = default;
        if (bytes.Length < Size)
        {
            return false;
        }

        header = new UdpHeader
        {
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes),
            DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            Length = BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            Checksum = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]),
        };
        return header.Length >= Size && header.Length <= bytes.Length;
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], Checksum);
    }
}
