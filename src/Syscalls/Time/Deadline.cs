using Semitone.Core;

namespace Semitone.Syscalls;

/// <summary>Turns what programs say about time into deadlines on the monotonic clock; <see cref="long.MaxValue"/> is never.</summary>
public static class Deadline
{
    /// <summary>A duration from now on.</summary>
    public static long FromNow(Timekeeper clock, long durationNs)
    {
        long nowNs = clock.MonotonicNs;
        return durationNs >= long.MaxValue - nowNs ? long.MaxValue : nowNs + durationNs;
    }

    /// <summary>A point in time. One of the real-time clock has to be armed as such, so that it moves when that clock is set.</summary>
    public static long FromAbsolute(Timekeeper clock, long timeNs, bool isRealtime) =>
        isRealtime && timeNs != long.MaxValue ? timeNs - clock.RealtimeOffsetNs : timeNs;
}
