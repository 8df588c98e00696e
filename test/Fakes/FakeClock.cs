using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A clock that stands still until a test moves it.</summary>
public sealed class FakeClock : IClock
{
    public long MonotonicNs { get; set; }

    /// <summary>2024-01-01 00:00:00 UTC.</summary>
    public long BootRealtimeNs { get; set; } = 1_704_067_200_000_000_000;

    public bool IsBootTimePrecise { get; set; } = true;

    public TscScale? TscScale { get; set; }

    /// <summary>A counter of 1 GHz, unless a test gives another.</summary>
    public Func<ulong>? OnTicks { get; set; }

    public ulong Ticks => OnTicks?.Invoke() ?? (ulong)MonotonicNs;

    public RateEstimator Rate { get; set; } = new(1_193_182, 65536);

    public bool IsRateGiven { get; set; }

    /// <summary>The timer to measure the counter by; by default there is none.</summary>
    public Func<TimerReading>? OnTimer { get; set; }

    /// <summary>The clock outside; by default nobody knows the time of day.</summary>
    public Func<WallReading>? OnWallClock { get; set; }

    /// <summary>What was asked for last; 0 for nothing.</summary>
    public ulong RateHertz { get; private set; }

    /// <summary>Called when the rate is set, after <see cref="RateHertz"/>.</summary>
    public Action? OnSetRate { get; set; }

    public bool TryReadTimer(out TimerReading reading)
    {
        reading = OnTimer?.Invoke() ?? default;
        return OnTimer is not null;
    }

    public bool TryReadWallClock(out WallReading reading, out bool isPrecise)
    {
        reading = OnWallClock?.Invoke() ?? default;
        isPrecise = IsBootTimePrecise;
        return OnWallClock is not null;
    }

    public void SetRate(ulong hertz)
    {
        RateHertz = hertz;
        OnSetRate?.Invoke();
    }

    public void Advance(long ns) => MonotonicNs += ns;
}
