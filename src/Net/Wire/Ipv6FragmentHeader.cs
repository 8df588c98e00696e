using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The extension header of a part of a packet (RFC 8200, 4.5).</summary>
public readonly record struct Ipv6FragmentHeader
{
    /// <summary>Bytes.</summary>
    public const int Size = 8;

    public IpProtocol NextHeader { get; init; }

    /// <summary>Bytes: a multiple of 8.</summary>
    public int FragmentOffset { get; init; }

    public bool MoreFragments { get; init; }

    public uint Identification { get; init; }

    public static bool TryParse(ReadOnlySpan<byte> bytes, out Ipv6FragmentHeader header)
    {
        header = default;
        if (bytes.Length < Size)
        {
            return false;
        }

        ushort offset = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        header = new Ipv6FragmentHeader
        {
            NextHeader = (IpProtocol)bytes[0],
            FragmentOffset = offset & 0xFFF8,
            MoreFragments = (offset & 1) != 0,
            Identification = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
        };
        return true;
    }

    public void Write(Span<byte> bytes)
    {
        bytes[0] = (byte)NextHeader;
        bytes[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)(FragmentOffset | (MoreFragments ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Identification);
    }
}
