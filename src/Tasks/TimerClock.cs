using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A clock that timers run by.</summary>
/// <param name="timers">Those that run by it.</param>
public abstract class TimerClock(TimerQueue timers)
{
    /// <summary>What the clock shows, in nanoseconds.</summary>
    public abstract long NowNs { [NonAllocating] get; }

    /// <summary>Whether it will never go on: what it belongs to has ended.</summary>
    public virtual bool HasStopped { [NonAllocating] get => false; }

    protected TimerQueue Timers => timers;

    /// <summary>The point in time that is a duration from now; <see cref="long.MaxValue"/> is never.</summary>
    public long GetDeadline(long durationNs)
    {
        long nowNs = NowNs;
        return durationNs >= long.MaxValue - nowNs ? long.MaxValue : nowNs + durationNs;
    }

    /// <summary>Time until a timer of this clock is due; 0 when it is not armed.</summary>
    public long GetRemaining(KernelTimer timer) => timer.IsArmed ? Math.Max(1, timer.DeadlineNs - NowNs) : 0;

    /// <summary>Gives a timer its place.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public bool TryReserve(KernelTimer timer) => timer.TryReserve(timers);

    /// <summary>Arms a timer that has its place here.</summary>
    [NonAllocating]
    public void Arm(KernelTimer timer, long deadlineNs, bool followsRealtime = false)
    {
        timers.Arm(timer, deadlineNs, followsRealtime);
        OnArmed();
    }

    /// <summary>Arms a timer that has just expired for the next time.</summary>
    [NonAllocating]
    public void ArmAgain(KernelTimer timer, long deadlineNs) => timers.Arm(timer, deadlineNs, timer.FollowsRealtime);

    public void Cancel(KernelTimer timer) => timers.Cancel(timer);

    /// <summary>Sees to it that somebody looks at the timers in time.</summary>
    [NonAllocating]
    protected virtual void OnArmed()
    {
    }
}

/// <summary>The monotonic clock, whose timers the executor looks after.</summary>
internal sealed class MonotonicTimerClock(Executor executor, Timekeeper clock) : TimerClock(executor.Timers)
{
    /// <inheritdoc/>
    public override long NowNs => clock.MonotonicNs;
}
