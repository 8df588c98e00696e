using Semitone.Machine;

namespace Semitone.Unit.Drivers;

/// <summary>A clock that goes on with each look at it, so that whoever waits by it comes to an end.</summary>
internal sealed class RunningClock : IClock
{
    private long _ns;

    public long StepNs { get; init; } = 1_000_000;

    /// <summary>What happens meanwhile.</summary>
    public Action? OnRead { get; init; }

    public long MonotonicNs
    {
        get
        {
            OnRead?.Invoke();
            return _ns += StepNs;
        }
    }

    public long BootRealtimeNs => 0;

    public bool IsBootTimePrecise => false;

    public TscScale? TscScale => null;

    public ulong Ticks => (ulong)_ns;

    public RateEstimator Rate { get; } = new(1_193_182, 65536);

    public bool IsRateGiven => false;

    public bool TryReadTimer(out TimerReading reading)
    {
        reading = default;
        return false;
    }

    public bool TryReadWallClock(out WallReading reading, out bool isPrecise)
    {
        reading = default;
        isPrecise = false;
        return false;
    }

    public void SetRate(ulong hertz)
    {
    }
}
