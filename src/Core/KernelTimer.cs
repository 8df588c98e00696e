namespace Semitone.Core;

/// <summary>Something to be done at a time; in one <see cref="TimerQueue"/> at most.</summary>
/// <remarks>
/// Whoever makes a timer reserves its place in the queue (<see cref="TryReserve"/>) while there is an errno to answer, so that
/// arming it cannot fail, neither in the middle of a wait nor when an interval begins anew in interrupt context.
/// </remarks>
public abstract class KernelTimer
{
    internal const int NotQueued = -1;

    /// <summary>Where it stands in the heap.</summary>
    internal int HeapIndex { get; set; } = NotQueued;

    /// <summary>Where it has a place; null before <see cref="TryReserve"/> and after <see cref="Release"/>.</summary>
    internal TimerQueue? Queue { get; private set; }

    /// <summary>When, on the monotonic clock.</summary>
    public long DeadlineNs { get; internal set; }

    /// <summary>Whether it is due at a time of day: it moves when that is set (clock_settime(2)).</summary>
    public bool FollowsRealtime { get; internal set; }

    public bool IsArmed => HeapIndex != NotQueued;

    /// <summary>Reserves the timer's place in a queue.</summary>
    /// <returns>False when the kernel's heap has no room for it (EAGAIN or ENOMEM).</returns>
    public bool TryReserve(TimerQueue queue)
    {
        if (Queue is not null)
        {
            throw new InvalidOperationException("The timer has a place already.");
        }

        if (!queue.TryReserve())
        {
            return false;
        }

        Queue = queue;
        return true;
    }

    /// <summary>Stops the timer for good and gives its place to others.</summary>
    public void Release()
    {
        if (Queue is { } queue)
        {
            queue.Cancel(this);
            Queue = null;
            queue.GiveBack();
        }
    }

    /// <summary>Gets the next deadline of a timer that repeats.</summary>
    /// <param name="intervalNs">More than 0.</param>
    /// <param name="nowNs">The time.</param>
    /// <param name="missed">Deadlines that have passed since the last one.</param>
    [NonAllocating]
    protected long GetNextDeadline(long intervalNs, long nowNs, out long missed)
    {
        missed = Math.Max(0, nowNs - DeadlineNs) / intervalNs;
        long last = DeadlineNs + (missed * intervalNs);
        return intervalNs > long.MaxValue - last ? long.MaxValue : last + intervalNs;
    }

    /// <summary>Does what was to be done. The timer is out of the queue by now and may be armed again.</summary>
    /// <remarks>Runs on the executor's thread between guests: it wakes, posts or marks, and returns.</remarks>
    [NonAllocating]
    protected internal abstract void OnExpired();
}
