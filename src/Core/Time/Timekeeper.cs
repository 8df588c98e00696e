using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The clocks of the system: the machine's monotonic clock, and the time of day set on top of it.</summary>
public sealed class Timekeeper
{
    public const long NsPerSecond = 1_000_000_000;

    private readonly IClock _clock;
    private IAwaitedTime? _awaited;

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

    /// <summary>Whether somebody who knows the time of day better has been asked and has not answered yet.</summary>
    public bool IsAwaited => _awaited is not null;

    /// <summary>Who is to hear of changes.</summary>
    public IClockListener? Listener { get; set; }

    /// <summary>
    /// Reads the time of day for a program. The first that asks waits until those who know it have said it well enough, for a bounded time;
    /// the boot and the file systems do not.
    /// </summary>
    public long ReadRealtime()
    {
        _awaited?.WaitBriefly();
        StopAwaiting();
        return RealtimeNs;
    }

    /// <summary>Sets the time of day, for a program.</summary>
    public void SetRealtime(long realtimeNs)
    {
        StopAwaiting();
        IsSetByProgram = true;
        Step(realtimeNs - RealtimeNs);
    }

    /// <summary>Takes note that an answer is on its way.</summary>
    internal void Await(IAwaitedTime awaited)
    {
        _awaited = awaited;
        Listener?.OnRealtimeSet(0);
    }

    /// <summary>Takes note that the answer is there, or will not be waited for.</summary>
    internal void StopAwaiting()
    {
        if (_awaited is not null)
        {
            _awaited = null;
            Listener?.OnRealtimeSet(0);
        }
    }

    /// <summary>Sets the time of day forwards, or backwards.</summary>
    internal void Step(long forwardNs)
    {
        RealtimeOffsetNs += forwardNs;
        Listener?.OnRealtimeSet(forwardNs);
    }
}
