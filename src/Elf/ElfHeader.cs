using System.Buffers.Binary;

namespace Semitone.Elf;

/// <summary>The start of an ELF64 file (Elf64_Ehdr; elf(5)), as far as loading needs it.</summary>
/// <param name="IsClass64">EI_CLASS says 64 bits. Linux does not ask; a dynamic linker does.</param>
/// <param name="Entry">Virtual address of the first instruction.</param>
/// <param name="ProgramHeaderOffset">Where in the file the program headers are, as the file says it: not checked.</param>
public readonly record struct ElfHeader(
    bool IsClass64,
    ElfFileType Type,
    ElfMachine Machine,
    ulong Entry,
    ulong ProgramHeaderOffset,
    ushort ProgramHeaderSize,
    ushort ProgramHeaderCount)
{
    /// <summary>Bytes of the header in the file.</summary>
    public const int Size = 64;

    private const byte Class64 = 2;

    /// <summary>The first four bytes of every ELF file.</summary>
    public static ReadOnlySpan<byte> Magic => "\u007FELF"u8;

    /// <summary>Takes the fields out of the first <see cref="Size"/> bytes.</summary>
    /// <returns>False when the magic is not there.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out ElfHeader header)
    {
        if (bytes.Length < Size || !bytes.StartsWith(Magic))
        {
            header = default;
            return false;
        }

        header = new ElfHeader(
            bytes[4] == Class64,
            (ElfFileType)BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]),
            (ElfMachine)BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[54..]),
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[56..]));
        return true;
    }
}
