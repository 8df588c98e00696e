using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The header of a TCP segment (RFC 9293, 3.1).</summary>
public readonly ref struct TcpHeader
{
    /// <summary>Bytes without options.</summary>
    public const int Size = 20;

    /// <summary>Bytes of the longest one: the data offset has four bits.</summary>
    public const int MaximumSize = 60;

    /// <summary>Where the checksum is.</summary>
    public const int ChecksumOffset = 16;

    private const int WordSize = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private TcpHeader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes;
    }

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(_bytes);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(_bytes[2..]);

    public uint Sequence => BinaryPrimitives.ReadUInt32BigEndian(_bytes[4..]);

    public uint Acknowledgment => BinaryPrimitives.ReadUInt32BigEndian(_bytes[8..]);

    public TcpFlags Flags => (TcpFlags)_bytes[13];

    /// <summary>The window as it stands there, not scaled.</summary>
    public ushort Window => BinaryPrimitives.ReadUInt16BigEndian(_bytes[14..]);

    public ushort UrgentPointer => BinaryPrimitives.ReadUInt16BigEndian(_bytes[18..]);

    public ReadOnlySpan<byte> Options => _bytes[Size..];

    /// <summary>Bytes, options included.</summary>
    public int Length => _bytes.Length;

    /// <summary>Takes the header from a packet's front.</summary>
    /// <returns>False where the bytes are too few for it, or it says that it is shorter than it can be.</returns>
    public static bool TryParse(ReadOnlySpan<byte> packet, out TcpHeader header)
    {
        header = default;
        if (packet.Length < Size)
        {
            return false;
        }

        int length = (packet[12] >> 4) * WordSize;
        if (length < Size || length > packet.Length)
        {
            return false;
        }

        header = new TcpHeader(packet[..length]);
        return true;
    }

    /// <summary>Writes all but options and checksum.</summary>
    /// <param name="destination">The header's bytes: a multiple of four, options included.</param>
    public static void Write(
        Span<byte> destination,
        ushort sourcePort,
        ushort destinationPort,
        uint sequence,
        uint acknowledgment,
        TcpFlags flags,
        ushort window,
        ushort urgentPointer)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], acknowledgment);
        destination[12] = (byte)(destination.Length / WordSize << 4);
        destination[13] = (byte)flags;
        BinaryPrimitives.WriteUInt16BigEndian(destination[14..], window);
        BinaryPrimitives.WriteUInt16BigEndian(destination[ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(destination[18..], urgentPointer);
    }
}
