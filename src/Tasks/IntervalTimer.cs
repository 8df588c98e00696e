using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>ITIMER_REAL of a process (setitimer(2)): sends SIGALRM, again and again when it has an interval.</summary>
public sealed class IntervalTimer : KernelTimer
{
    private readonly Process _process;

    internal IntervalTimer(Process process)
    {
        _process = process;
    }

    /// <summary>Time between two expirations; 0 for one only.</summary>
    public long IntervalNs { get; private set; }

    /// <summary>Time to the next expiration; 0 when it is not armed.</summary>
    public long RemainingNs => IsArmed ? Math.Max(1, DeadlineNs - _process.System.Clock.MonotonicNs) : 0;

    /// <summary>Arms the timer; a first time of 0 stops it.</summary>
    public void Set(long firstNs, long intervalNs)
    {
        Stop();
        IntervalNs = intervalNs;
        if (firstNs > 0)
        {
            long nowNs = _process.System.Clock.MonotonicNs;
            _process.System.Executor.Timers.Arm(this, firstNs > long.MaxValue - nowNs ? long.MaxValue : nowNs + firstNs);
        }
    }

    public void Stop()
    {
        if (IsArmed)
        {
            _process.System.Executor.Timers.Cancel(this);
        }
    }

    /// <inheritdoc/>
    protected override void OnExpired()
    {
        if (IntervalNs > 0)
        {
            // What was missed is not made up for: SIGALRM is pending once only.
            long nextNs = GetNextDeadline(IntervalNs, _process.System.Clock.MonotonicNs, out _);
            _process.System.Executor.Timers.Arm(this, nextNs);
        }

        _process.SendFromKernel(Signal.SIGALRM);
    }
}
