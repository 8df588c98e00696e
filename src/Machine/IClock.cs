namespace Semitone.Machine;

/// <summary>The machine's clocks.</summary>
public interface IClock
{
    /// <summary>Nanoseconds since the machine booted; never goes back.</summary>
    [NonAllocating]
    long MonotonicNs { get; }

    /// <summary>Nanoseconds to add to the monotonic clock to get the time since 1970-01-01 UTC, as well as it was known at boot.</summary>
    long BootRealtimeNs { get; }

    /// <summary>Whether <see cref="BootRealtimeNs"/> is right to some microseconds, and not to the second only.</summary>
    bool IsBootTimePrecise { get; }

    /// <summary>What a vDSO needs to read the monotonic clock without a system call; null when the counter cannot be relied on.</summary>
    TscScale? TscScale { get; }

    /// <summary>The time-stamp counter.</summary>
    [NonAllocating]
    ulong Ticks { get; }

    /// <summary>How fast the counter runs, as far as the machine's own timers tell.</summary>
    RateEstimator Rate { get; }

    /// <summary>Whether <see cref="Rate"/> was told by the processor or the hypervisor, so that there is nothing to measure.</summary>
    bool IsRateGiven { get; }

    /// <summary>Reads the timer that <see cref="Rate"/> is measured by, for <see cref="RateEstimator.Add"/>.</summary>
    /// <returns>False when there is none.</returns>
    bool TryReadTimer(out TimerReading reading);

    /// <summary>Asks the machine for the time of day.</summary>
    /// <param name="isPrecise">Whether it is known to some microseconds, and not to the second only.</param>
    /// <returns>False when nobody knows it.</returns>
    bool TryReadWallClock(out WallReading reading, out bool isPrecise);

    /// <summary>Lets the monotonic clock go on, from where it is, as if the counter ran at this rate.</summary>
    /// <param name="hertz">Between <see cref="RateEstimator.MinHertz"/> and <see cref="RateEstimator.MaxHertz"/>.</param>
    void SetRate(ulong hertz);
}
