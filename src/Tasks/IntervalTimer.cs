using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A timer of setitimer(2): sends its signal, again and again when it has an interval.</summary>
public sealed class IntervalTimer : KernelTimer
{
    private readonly Process _process;
    private readonly TimerClock _clock;
    private readonly Signal _signal;

    internal IntervalTimer(Process process, TimerClock clock, Signal signal)
    {
        _process = process;
        _clock = clock;
        _signal = signal;
    }

    /// <summary>Time between two expirations; 0 for one only.</summary>
    public long IntervalNs { get; private set; }

    /// <summary>Time to the next expiration; 0 when it is not armed.</summary>
    public long RemainingNs => _clock.GetRemaining(this);

    /// <summary>Arms the timer; a first time of 0 stops it.</summary>
    public void Set(long firstNs, long intervalNs)
    {
        _clock.Cancel(this);
        IntervalNs = intervalNs;
        if (firstNs > 0)
        {
            _clock.Arm(this, _clock.GetDeadline(firstNs));
        }
    }

    /// <summary>Reserves its place among the timers of its clock.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    internal bool TryReserve() => _clock.TryReserve(this);

    /// <inheritdoc/>
    protected override void OnExpired()
    {
        if (IntervalNs > 0)
        {
            // What was missed is not made up for: the signal is pending once only.
            _clock.ArmAgain(this, GetNextDeadline(IntervalNs, _clock.NowNs, out _));
        }

        _process.SendFromKernel(_signal);
    }
}
