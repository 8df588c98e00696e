using System.Buffers.Binary;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>
/// The capabilities of a file, as the attribute that holds them (capabilities(7), "File capability extended attribute versioning").
/// </summary>
public static class FileCapabilities
{
    private const uint Revision2 = 0x0200_0000;
    private const uint Revision3 = 0x0300_0000;
    private const uint EffectiveFlag = 1;

    /// <summary>Two sets of 64 bits behind the word that says which revision it is.</summary>
    private const int Length2 = 20;

    /// <summary>With the user ID that is the superuser of the name space in which they hold.</summary>
    private const int Length3 = 24;

    /// <summary>The longest value.</summary>
    public const int MaxLength = Length3;

    public static ReadOnlySpan<byte> AttributeName => "security.capability"u8;

    /// <summary>Tells whether a value is of a revision that Linux still takes.</summary>
    public static bool IsValid(ReadOnlySpan<byte> value)
    {
        uint word = value.Length is Length2 or Length3 ? BinaryPrimitives.ReadUInt32LittleEndian(value) : 0;
        return (word & ~EffectiveFlag) == (value.Length == Length2 ? Revision2 : Revision3);
    }

    /// <summary>Gives a value the form in which the superuser's name space sees it: revision 2 when it is that one's own.</summary>
    /// <param name="value">One that is valid.</param>
    /// <param name="buffer">24 bytes, for the form.</param>
    public static ReadOnlySpan<byte> Describe(ReadOnlySpan<byte> value, Span<byte> buffer)
    {
        if (value.Length == Length2 || BinaryPrimitives.ReadUInt32LittleEndian(value[Length2..]) != 0)
        {
            return value;
        }

        value[..Length2].CopyTo(buffer);
        BinaryPrimitives.WriteUInt32LittleEndian(buffer, Revision2 | (BinaryPrimitives.ReadUInt32LittleEndian(value) & EffectiveFlag));
        return buffer[..Length2];
    }

    /// <summary>Reads what a program with this value may have.</summary>
    /// <param name="value">The attribute's value.</param>
    /// <param name="permitted">What it gets whoever executes it.</param>
    /// <param name="inheritable">What it gets of what its caller may hand on.</param>
    /// <param name="isEffective">Whether it has all of that at once, as it does not know about capabilities.</param>
    /// <returns>False for a value that says nothing here: one that is not valid, or another name space's.</returns>
    public static bool TryRead(
        ReadOnlySpan<byte> value, out CapabilitySet permitted, out CapabilitySet inheritable, out bool isEffective)
    {
        permitted = default;
        inheritable = default;
        isEffective = false;
        if (!IsValid(value) || (value.Length == Length3 && BinaryPrimitives.ReadUInt32LittleEndian(value[Length2..]) != 0))
        {
            return false;
        }

        isEffective = (BinaryPrimitives.ReadUInt32LittleEndian(value) & EffectiveFlag) != 0;
        permitted = ReadSet(value[4..], value[12..]);
        inheritable = ReadSet(value[8..], value[16..]);
        return true;
    }

    private static CapabilitySet ReadSet(ReadOnlySpan<byte> low, ReadOnlySpan<byte> high) =>
        new CapabilitySet(
            BinaryPrimitives.ReadUInt32LittleEndian(low) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(high) << 32))
        & CapabilitySet.All;

    /// <summary>Takes a file's capabilities away, because its contents or its owner change; nobody may keep them.</summary>
    public static void Drop(Inode inode) => inode.Attributes?.Remove(AttributeName);
}
