namespace Semitone.Machine;

/// <summary>
/// An interrupt of a device's. It ends <see cref="ICpu.Idle"/> and <see cref="ICpu.Run"/>, and waits here to be looked at.
/// </summary>
public interface IInterruptLine
{
    /// <summary>Tells whether the line was raised since it was asked the last time.</summary>
    [NonAllocating]
    bool TryTake();
}
