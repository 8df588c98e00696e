using System.Buffers.Binary;

namespace Semitone.Elf;

/// <summary>A program header (Elf64_Phdr; elf(5)), as the file says it: nothing in it is checked.</summary>
/// <param name="Offset">Where in the file it starts.</param>
/// <param name="VirtualAddress">Where in memory it starts, before the load bias.</param>
/// <param name="FileSize">Bytes in the file.</param>
/// <param name="MemorySize">Bytes in memory; those beyond <paramref name="FileSize"/> are zero.</param>
public readonly record struct ElfSegment(
    ElfSegmentType Type,
    ElfSegmentFlags Flags,
    ulong Offset,
    ulong VirtualAddress,
    ulong FileSize,
    ulong MemorySize,
    ulong Alignment)
{
    /// <summary>Bytes of a program header in the file.</summary>
    public const int Size = 56;

    /// <summary>Takes the fields out of <see cref="Size"/> bytes.</summary>
    public static ElfSegment Parse(ReadOnlySpan<byte> bytes) => new(
        (ElfSegmentType)BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        (ElfSegmentFlags)BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]));
}
