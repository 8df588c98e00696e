using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The clocks of the system: the machine's monotonic clock, and the time of day set on top of it.</summary>
public sealed class Timekeeper
{
    public const long NsPerSecond = 1_000_000_000;

    private readonly IClock _clock;

    public Timekeeper(IClock clock)
    {
        _clock = clock;
        RealtimeOffsetNs = clock.BootRealtimeNs;
    }

    /// <summary>Nanoseconds since boot.</summary>
    [NonAllocating]
    public long MonotonicNs => _clock.MonotonicNs;

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public long RealtimeNs => _clock.MonotonicNs + RealtimeOffsetNs;

    /// <summary>Nanoseconds to add to the monotonic clock to get the time of day.</summary>
    public long RealtimeOffsetNs { get; private set; }

    /// <summary>Whether the machine itself told the time of day at boot to some microseconds, and not to the second only.</summary>
    public bool IsBootTimePrecise => _clock.IsBootTimePrecise;

    /// <summary>Whether a program has set the time of day: from then on it is left alone.</summary>
    public bool IsSetByProgram { get; private set; }

    /// <summary>Who is to hear of changes.</summary>
    public IClockListener? Listener { get; set; }

    /// <summary>Sets the time of day, for a program.</summary>
    public void SetRealtime(long realtimeNs)
    {
        IsSetByProgram = true;
        Step(realtimeNs - RealtimeNs);
    }

    /// <summary>Sets the time of day forwards, or backwards.</summary>
    internal void Step(long forwardNs)
    {
        RealtimeOffsetNs += forwardNs;
        Listener?.OnRealtimeSet(forwardNs);
    }
}
