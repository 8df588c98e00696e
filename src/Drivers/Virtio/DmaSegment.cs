using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>Bytes of a page that are offered to a device.</summary>
/// <param name="Page">The page.</param>
/// <param name="Offset">Of the first byte in the page.</param>
/// <param name="Length">Bytes, 1 to what is left of the page.</param>
/// <param name="IsForDevice">The device writes them; else it reads them.</param>
public readonly record struct DmaSegment(IDmaPage Page, int Offset, int Length, bool IsForDevice)
{
    /// <summary>Whether the bytes lie in the page: a device that is told of others would write to memory that is not its own.</summary>
    internal bool IsInPage => Length > 0 && (uint)Length <= IDmaPage.Size && (uint)Offset <= (uint)(IDmaPage.Size - Length);
}
