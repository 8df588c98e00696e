using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The first eight bytes of a message of ICMP or ICMPv6 (RFC 792, RFC 4443); the checksum is looked at apart.</summary>
public readonly record struct IcmpMessage
{
    /// <summary>Bytes.</summary>
    public const int Size = 8;

    /// <summary>Where the checksum is.</summary>
    public const int ChecksumOffset = 2;

    public byte Type { get; init; }

    public byte Code { get; init; }

    /// <summary>The four bytes behind the checksum, which each type has its own use for.</summary>
    public uint Rest { get; init; }

    /// <summary>Of an echo: whose it is.</summary>
    public ushort Identifier => (ushort)(Rest >> 16);

    public static bool TryParse(ReadOnlySpan<byte> bytes, out IcmpMessage message)
    {
        message = default;
        if (bytes.Length < Size)
        {
            return false;
        }

        message = new IcmpMessage { Type = bytes[0], Code = bytes[1], Rest = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) };
        return true;
    }

    /// <summary>Writes the message with 0 for its checksum.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes[0] = Type;
        bytes[1] = Code;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Rest);
    }
}
