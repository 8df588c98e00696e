using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>A 48-bit address of a link layer (IEEE 802).</summary>
/// <param name="Value">The six bytes, the first one highest.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Bytes.</summary>
    public const int Size = 6;

    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    /// <summary>Whether it names a group: broadcast is one.</summary>
    public bool IsMulticast => (Value & 0x0100_0000_0000) != 0;

    public static MacAddress Read(ReadOnlySpan<byte> source) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(source) << 32) | BinaryPrimitives.ReadUInt32BigEndian(source[sizeof(ushort)..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[sizeof(ushort)..], (uint)Value);
    }

    public override string ToString() =>
        $"{(byte)(Value >> 40):x2}:{(byte)(Value >> 32):x2}:{(byte)(Value >> 24):x2}:{(byte)(Value >> 16):x2}:{(byte)(Value >> 8):x2}:{(byte)Value:x2}";
}
