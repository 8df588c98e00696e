namespace Semitone.Machine;

/// <summary>A physical page of 4096 bytes that the machine gave out, by its number (physical address / 4096).</summary>
/// <remarks>
/// Only a machine makes one, and a machine looks each one up that it is handed: what a frame is and who uses it stands in the machine's own
/// table, so that a value which was kept too long, or made of other bytes, is refused or means another untyped frame. The default value is
/// no frame.
/// </remarks>
public readonly record struct Frame
{
    internal Frame(uint number) => Number = number;

    public uint Number { get; }

    /// <summary>Whether this is the default value.</summary>
    public bool IsNone => Number == 0;
}
