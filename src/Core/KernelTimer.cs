namespace Semitone.Core;

/// <summary>Something to be done at a time; in one <see cref="TimerQueue"/> at most.</summary>
public abstract class KernelTimer
{
    internal const int NotQueued = -1;

    /// <summary>Where it stands in the heap.</summary>
    internal int HeapIndex { get; set; } = NotQueued;

    /// <summary>When, on the monotonic clock.</summary>
    public long DeadlineNs { get; internal set; }

    public bool IsArmed => HeapIndex != NotQueued;

    /// <summary>Gets the next deadline of a timer that repeats.</summary>
    /// <param name="intervalNs">More than 0.</param>
    /// <param name="nowNs">The time.</param>
    /// <param name="missed">Deadlines that have passed since the last one.</param>
    protected long GetNextDeadline(long intervalNs, long nowNs, out long missed)
    {
        missed = Math.Max(0, nowNs - DeadlineNs) / intervalNs;
        long last = DeadlineNs + (missed * intervalNs);
        return intervalNs > long.MaxValue - last ? long.MaxValue : last + intervalNs;
    }

    /// <summary>Does what was to be done. The timer is out of the queue by now and may be armed again.</summary>
    /// <remarks>Runs on the executor's thread between guests: it wakes, posts or marks, and returns.</remarks>
    protected internal abstract void OnExpired();
}
