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

    /// <summary>Wakes those that have waited longest at a word.</summary>
    /// <param name="bitSet">Only those whose bits have one in common with these.</param>
    /// <returns>How many were woken.</returns>
    public int Wake(FutexKey key, int count, uint bitSet = FutexWord.FUTEX_BITSET_MATCH_ANY)
    {
        FutexBucket? bucket = _buckets[GetIndex(key)];
        if (bucket?.First is null || count <= 0)
        {
            return 0;
        }

        int woken = 0;
        bucket.Lock.Enter(LockRank.FutexBucket);
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

        bucket.Lock.Exit(LockRank.FutexBucket);
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
            source.Lock.Enter(LockRank.FutexBucket);
            FutexWaiter? waiter = source.First;
            while (waiter is not null && !IsSame(waiter.Key, from))
            {
                waiter = waiter.Next;
            }

            if (waiter is not null)
            {
                source.Remove(waiter);
            }

            source.Lock.Exit(LockRank.FutexBucket);
            if (waiter is null)
            {
                break;
            }

            waiter.Key = to;
            target.Lock.Enter(LockRank.FutexBucket);
            target.Add(waiter);
            target.Lock.Exit(LockRank.FutexBucket);
            moved++;
        }

        return (woken, moved);
    }

    /// <summary>Enters a thread into the list of a word. It reads the word next, and then waits or <see cref="Leave"/>s.</summary>
    public void Enter(GuestThread thread, FutexKey key, uint bitSet)
    {
        FutexWaiter waiter = thread.FutexWaiter;
        FutexBucket bucket = GetBucket(key);
        waiter.Waiter.Begin();
        waiter.Key = key;
        waiter.BitSet = bitSet;
        bucket.Lock.Enter(LockRank.FutexBucket);
        bucket.Add(waiter);
        bucket.Lock.Exit(LockRank.FutexBucket);
    }

    /// <summary>Waits until a wake, a deadline or a signal, after <see cref="Enter"/>.</summary>
    public static ValueTask<SysResult> WaitAsync(GuestThread thread, in RestartBlock restart) => thread.FutexWaiter.StartAsync(in restart);

    /// <summary>Takes a thread out of the list.</summary>
    /// <returns>False when a wake has taken it out already.</returns>
    public bool Leave(GuestThread thread)
    {
        FutexWaiter waiter = thread.FutexWaiter;
        FutexBucket? bucket = waiter.Bucket;
        if (bucket is null)
        {
            return false;
        }

        bucket.Lock.Enter(LockRank.FutexBucket);
        bool wasThere = waiter.Bucket == bucket;
        if (wasThere)
        {
            bucket.Remove(waiter);
        }

        bucket.Lock.Exit(LockRank.FutexBucket);
        return wasThere;
    }

    private static bool IsSame(FutexKey left, FutexKey right) => left.Offset == right.Offset && ReferenceEquals(left.Owner, right.Owner);

    private static int GetIndex(FutexKey key) =>
        (int)(((key.Offset >> 2) * 0x9E37_79B9_7F4A_7C15UL) >> (64 - BucketCountLog2));

    private FutexBucket GetBucket(FutexKey key) => _buckets[GetIndex(key)] ??= new FutexBucket();
}
