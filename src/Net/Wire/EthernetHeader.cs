using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>The header of an Ethernet frame (IEEE 802.3, 3.1.1), without a VLAN's tag.</summary>
public readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, EtherType Type)
{
    /// <summary>Bytes.</summary>
    public const int Size = 14;

    /// <summary>Bytes of the shortest frame, without its checksum.</summary>
    public const int ShortestFrame = 60;

    public static bool TryParse(ReadOnlySpan<byte> frame, out EthernetHeader header)
    {
        header = default;
        if (frame.Length < Size)
        {
            return false;
        }

        header = new EthernetHeader(
            MacAddress.Read(frame),
            MacAddress.Read(frame[MacAddress.Size..]),
            (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[12..]));
        return true;
    }

    public void Write(Span<byte> frame)
    {
        Destination.Write(frame);
        Source.Write(frame[MacAddress.Size..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], (ushort)Type);
    }
}
