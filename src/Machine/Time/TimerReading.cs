namespace Semitone.Machine;

/// <summary>The count of a timer of known rate, read at some moment between two readings of the time-stamp counter.</summary>
/// <param name="Count">Counts upwards, modulo the timer's period.</param>
/// <param name="Before">The time-stamp counter just before. However long the reader was held up, the truth lies between the two.</param>
/// <param name="After">The time-stamp counter just after.</param>
[method: NonAllocating]
public readonly record struct TimerReading(ulong Count, ulong Before, ulong After)
{
    /// <summary>How much is unknown about the moment, in ticks.</summary>
    public ulong Width => After - Before;
}
