using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Semitone.Cpio;

/// <summary>The numbers in a header: eight hexadecimal digits each, capital or small.</summary>
internal static class HexDigits
{
    /// <summary>Tells whether all bytes are digits.</summary>
    /// <param name="bytes">At least 16.</param>
    public static bool AreAll(ReadOnlySpan<byte> bytes)
    {
        Vector128<byte> areDigits = Vector128<byte>.AllBitsSet;
        int last = bytes.Length - Vector128<byte>.Count;
        for (int i = 0; i < last; i += Vector128<byte>.Count)
        {
            areDigits &= Classify(Vector128.Create(bytes[i..]));
        }
        return (areDigits & Classify(Vector128.Create(bytes[last..]))) == Vector128<byte>.AllBitsSet;
    }

    /// <summary>Parses one of the fields, whose bytes are known to be digits, all digits at once.</summary>
    public static uint Parse(ReadOnlySpan<byte> fields, int index)
    {
        ulong digits = BinaryPrimitives.ReadUInt64BigEndian(fields[(index * CpioFormat.FieldSize)..]);

        // '0'-'9' end in their value; 'A'-'F' and 'a'-'f' have bit 6 and end in their value less 9.
        ulong nibbles = (digits & 0x0F0F_0F0F_0F0F_0F0F) + (((digits >> 6) & 0x0101_0101_0101_0101) * 9);
        nibbles = (nibbles | (nibbles >> 4)) & 0x00FF_00FF_00FF_00FF;
        nibbles = (nibbles | (nibbles >> 8)) & 0x0000_FFFF_0000_FFFF;
        return (uint)(nibbles | (nibbles >> 16));
    }

    private static Vector128<byte> Classify(Vector128<byte> bytes)
    {
        Vector128<byte> numbers = bytes - Vector128.Create((byte)'0');
        Vector128<byte> letters = (bytes | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
        return Vector128.LessThan(numbers, Vector128.Create((byte)10)) | Vector128.LessThan(letters, Vector128.Create((byte)6));
    }
}
