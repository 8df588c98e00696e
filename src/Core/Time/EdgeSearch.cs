using Semitone.Machine;

namespace Semitone.Core;

/// <summary>Finds out the time of day from a clock that shows whole seconds, by looking at it at the right moments.</summary>
/// <remarks>
/// The first look leaves a second's doubt. Looking at it 32 times while its next change is due leaves a 32nd of that, and the same once
/// more, at a later change, a millisecond. Nobody waits: between looks the machine does what it likes, and a look that comes too late only
/// says less.
/// </remarks>
public sealed class EdgeSearch
{
    /// <summary>What is close enough.</summary>
    public const long GoalNs = 2_000_000;

    private const long NsPerSecond = 1_000_000_000;
    private const long Looks = 32;
    private const long LeastStepNs = GoalNs / 4;

    private OffsetBounds _bounds;
    private long _stepNs = NsPerSecond / Looks;

    public OffsetBounds Bounds => _bounds;

    public bool IsDone => _bounds.WidthNs <= GoalNs;

    /// <summary>Learns from a look at the clock.</summary>
    /// <returns>Whether it was the one that ends a round: the bounds are worth something new.</returns>
    public bool Add(in WallReading reading)
    {
        _bounds.Add(reading, driftPpm: 0);
        if (_bounds.WidthNs > _stepNs + (_stepNs / 2))
        {
            return false;
        }

        _stepNs = Math.Max(LeastStepNs, _bounds.WidthNs / Looks);
        return true;
    }

    /// <summary>When to look next, on the monotonic clock.</summary>
    public long GetNextLookNs(long nowNs)
    {
        if (!_bounds.IsKnown)
        {
            return nowNs;
        }

        // The clock changes when monotonic time and offset make a whole second: the first change that may still be to come.
        long second = ((nowNs + _bounds.LowNs) / NsPerSecond) + 1;
        long earliestNs = (second * NsPerSecond) - _bounds.HighNs;
        return Math.Max(nowNs, earliestNs) + _stepNs;
    }
}
