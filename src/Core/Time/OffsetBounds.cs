using Semitone.Machine;

namespace Semitone.Core;

/// <summary>
/// What is known of the time of day: bounds of what has to be added to the monotonic clock, made narrower by each look at a clock outside.
/// </summary>
/// <remarks>
/// A look that took long says little, and nothing wrong: the outside time belongs to some moment between its beginning and its end. Where
/// looks contradict each other the newest counts.
/// </remarks>
public struct OffsetBounds
{
    private long _updatedNs;

    public long LowNs { get; private set; }

    public long HighNs { get; private set; }

    /// <summary>Whether there was a look at all.</summary>
    public bool IsKnown { get; private set; }

    public readonly long WidthNs => IsKnown ? HighNs - LowNs : long.MaxValue;

    public readonly long MiddleNs => LowNs + ((HighNs - LowNs) / 2);

    public readonly bool Contains(long offsetNs) => offsetNs >= LowNs && offsetNs <= HighNs;

    /// <summary>Learns from a look.</summary>
    /// <param name="reading">A sane one.</param>
    /// <param name="driftPpm">How much the two clocks may have drifted apart since the last look, in parts per million.</param>
    public void Add(in WallReading reading, long driftPpm)
    {
        long low = reading.LeastNs - reading.AfterNs;
        long high = reading.MostNs - reading.BeforeNs;
        if (IsKnown)
        {
            long driftNs = Math.Max(0, reading.AfterNs - _updatedNs) / 1_000_000 * driftPpm;
            long narrowLow = Math.Max(low, LowNs - driftNs);
            long narrowHigh = Math.Min(high, HighNs + driftNs);
            if (narrowLow <= narrowHigh)
            {
                low = narrowLow;
                high = narrowHigh;
            }
        }

        LowNs = low;
        HighNs = high;
        IsKnown = true;
        _updatedNs = reading.AfterNs;
    }

    /// <summary>Takes note that the monotonic clock has been made to gain so much on the time of day.</summary>
    public void Shift(long gainNs)
    {
        LowNs -= gainNs;
        HighNs -= gainNs;
    }
}
