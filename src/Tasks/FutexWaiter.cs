using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The place of one thread in the <see cref="FutexTable"/>.</summary>
internal sealed class FutexWaiter
{
    public FutexWaiter(Waiter waiter)
    {
        Waiter = waiter;
    }

    public Waiter Waiter { get; }

    public FutexKey Key { get; set; }

    /// <summary>The bits that a wake must share one of.</summary>
    public uint BitSet { get; set; }

    /// <summary>The list that it is in; null when in none.</summary>
    public FutexBucket? Bucket { get; set; }

    public FutexWaiter? Next { get; set; }

    public FutexWaiter? Previous { get; set; }
}
