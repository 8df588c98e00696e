using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>Everybody who waits in futex(2), hashed by the word they wait at.</summary>
/// <remarks>
/// Who waits enters the list first and reads the word then; who wakes has written the word before. So either the waiter sees the
/// new value or the waker sees the waiter, and no lock is held while guest memory is touched.
/// </remarks>
public sealed class FutexTable
{
    private const int BucketCountLog2 = 6;

    private readonly FutexBucket?[] _buckets = new FutexBucket?[1 << BucketCountLog2];

    /// <summary>Threads that wait, for tests.</summary>
    public int WaiterCount
    {
        get
        {
            int count = 0;
            foreach (FutexBucket? bucket in _buckets)
            {
                for (FutexWaiter? waiter = bucket?.First; waiter is not null; waiter = waiter.Next)
                {
                    count++;
                }
            }

            return count;
        }
    }

    /// <summary>Tells whether somebody may wait at a word of one process; false is certain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MayHaveWaiters(ulong offset) => _buckets[GetIndex(offset)]?.First is not null;

    /// <summary>Wakes those that have waited longest at a word.</summary>
    /// <param name="bitSet">Only those whose bits have one in common with these.</param>
    /// <returns>How many were woken.</returns>
    public int Wake(FutexKey key, int count, uint bitSet = FutexWord.FUTEX_BITSET_MATCH_ANY)
    {
        FutexBucket? bucket = _buckets[GetIndex(key.Offset)];
        if (bucket?.First is null || count <= 0)
        {
            return 0;
        }

        int woken = 0;
        using (bucket.Lock.Enter())
        {
            FutexWaiter? next;
            for (FutexWaiter? waiter = bucket.First; waiter is not null && woken < count; waiter = next)
            {
                next = waiter.Next;
                if (IsSame(waiter.Key, key) && (waiter.BitSet & bitSet) != 0)
                {
                    bucket.Remove(waiter);
                    if (waiter.Waiter.TryWake())
                    {
                        woken++;
                    }
                }
            }
        }

        return woken;
    }

    /// <summary>Wakes some at a word and lets others go on waiting at another one.</summary>
    /// <returns>How many were woken, and how many moved.</returns>
    public (int Woken, int Moved) Requeue(FutexKey from, FutexKey to, int wakeCount, int moveCount)
    {
        int woken = Wake(from, wakeCount);
        int moved = 0;
        FutexBucket source = GetBucket(from);
        FutexBucket target = GetBucket(to);
        if (IsSame(from, to))
        {
            return (woken, 0);
        }

        // Two buckets have the same rank, so a waiter is in neither for a moment. Nobody can miss it: it was told to wait on, and
        // a wake at the new word comes from a thread that runs after this call.
        while (moved < moveCount)
        {
            FutexWaiter? waiter;
            using (source.Lock.Enter())
            {
                waiter = source.First;
                while (waiter is not null && !IsSame(waiter.Key, from))
                {
                    waiter = waiter.Next;
                }

                if (waiter is not null)
                {
                    source.Remove(waiter);
                }
            }

            if (waiter is null)
            {
                break;
            }

            waiter.Key = to;
            using (target.Lock.Enter())
            {
                target.Add(waiter);
            }

            moved++;
        }

        return (woken, moved);
    }

    /// <summary>Enters a thread into the list of a word. It reads the word next, and then waits or <see cref="Leave"/>s.</summary>
    public void Enter(GuestThread thread, FutexKey key, uint bitSet) => Enter(thread.FutexWaiter, key, bitSet);

    /// <inheritdoc cref="Enter(GuestThread, FutexKey, uint)"/>
    internal void Enter(FutexWaiter waiter, FutexKey key, uint bitSet)
    {
        FutexBucket bucket = GetBucket(key);
        waiter.Waiter.Begin();
        waiter.Key = key;
        waiter.BitSet = bitSet;
        using (bucket.Lock.Enter())
        {
            bucket.Add(waiter);
        }
    }

    /// <summary>Waits until a wake, a deadline or a signal, after <see cref="Enter"/>.</summary>
    public static ValueTask<SysResult> WaitAsync(GuestThread thread, in RestartBlock restart) => thread.FutexWaiter.StartAsync(in restart);

    /// <summary>Takes a thread out of the list.</summary>
    /// <returns>False when a wake has taken it out already.</returns>
    public bool Leave(GuestThread thread) => thread.ExistingFutexWaiter is { } waiter && Leave(waiter);

    /// <inheritdoc cref="Leave(GuestThread)"/>
    internal bool Leave(FutexWaiter waiter)
    {
        FutexBucket? bucket = waiter.Bucket;
        if (bucket is null)
        {
            return false;
        }

        using (bucket.Lock.Enter())
        {
            if (waiter.Bucket != bucket)
            {
                return false;
            }

            bucket.Remove(waiter);
            return true;
        }
    }

    private static bool IsSame(FutexKey left, FutexKey right) => left.Offset == right.Offset && ReferenceEquals(left.Owner, right.Owner);

    private static int GetIndex(ulong offset) => (int)(((offset >> 2) * 0x9E37_79B9_7F4A_7C15UL) >> (64 - BucketCountLog2));

    private FutexBucket GetBucket(FutexKey key) => _buckets[GetIndex(key.Offset)] ??= new FutexBucket();
}
