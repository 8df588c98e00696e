using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>Waiters whose keys have the same hash, in the order they came.</summary>
internal sealed class FutexBucket
{
#pragma warning disable SA1401 // A lock is a struct that must be used in place.
    public KernelLock Lock = new(LockRank.FutexBucket);
#pragma warning restore SA1401

    public FutexWaiter? First { get; private set; }

    public FutexWaiter? Last { get; private set; }

    public void Add(FutexWaiter waiter)
    {
        waiter.Bucket = this;
        waiter.Previous = Last;
        waiter.Next = null;
        if (Last is null)
        {
            First = waiter;
        }
        else
        {
            Last.Next = waiter;
        }

        Last = waiter;
    }

    public void Remove(FutexWaiter waiter)
    {
        if (waiter.Previous is null)
        {
            First = waiter.Next;
        }
        else
        {
            waiter.Previous.Next = waiter.Next;
        }

        if (waiter.Next is null)
        {
            Last = waiter.Previous;
        }
        else
        {
            waiter.Next.Previous = waiter.Previous;
        }

        waiter.Next = null;
        waiter.Previous = null;
        waiter.Bucket = null;
    }
}
