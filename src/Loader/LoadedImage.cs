using System.Globalization;
using System.Text;

namespace Semitone.Loader;

/// <summary>Where an ELF file has been mapped.</summary>
/// <param name="Path">The file's path, as it was looked up.</param>
/// <param name="Start">First address, page-aligned.</param>
/// <param name="End">First address after it, page-aligned.</param>
/// <param name="Bias">What was added to the addresses in the file; wraps for a file linked at a high address.</param>
/// <param name="Entry">Address of its first instruction.</param>
public sealed record LoadedImage(byte[] Path, ulong Start, ulong End, ulong Bias, ulong Entry)
{
    /// <summary>The line that debugger scripts look for.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Encoding.UTF8.GetString(Path)}: ELF program loaded to 0x{Start:x}-0x{End:x} ({End - Start} B), entry at 0x{Entry:x}");
}
