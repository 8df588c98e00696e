using Semitone.Abi;

namespace Semitone.Elf;

/// <summary>The bytes of a file that may be an ELF file.</summary>
public interface IElfSource
{
    /// <summary>Reads at an offset. What happens beyond the end is not an error: fewer bytes come, or none.</summary>
    /// <returns>Bytes read, and the error that ended the transfer, if any (EIO, ENOMEM).</returns>
    IoResult ReadAt(long offset, Span<byte> destination);
}
