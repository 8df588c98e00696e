namespace Semitone.Net;

/// <summary>Something that occupies a pair of ends: a connection, one half open, or one that waits for old segments to die.</summary>
public abstract class TcpRecord
{
    internal const long Never = long.MaxValue;

    private protected TcpRecord()
    {
    }

    public ConnectionKey Key { get; internal set; }

    /// <summary>The interface that it is bound to, or came by; 0 for any.</summary>
    public int InterfaceIndex { get; internal set; }

    public abstract TcpState State { get; }

    /// <summary>The next one in its bucket (<see cref="ConnectionTable"/>).</summary>
    internal TcpRecord? NextInBucket { get; set; }

    internal bool IsInTable { get; set; }

    /// <summary>When it wants to be called; <see cref="Never"/>.</summary>
    internal abstract long DeadlineNs { get; }

    /// <summary>The time by which it stands in the queue (<see cref="TimerHeap"/>): not later than its deadline.</summary>
    internal long QueuedNs { get; set; } = Never;

    /// <summary>Its place in the queue; -1 for none.</summary>
    internal int QueueIndex { get; set; } = -1;

    /// <summary>Does what is due.</summary>
    internal abstract void OnTimer(long nowNs);
}
