using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The locks with priority inheritance that somebody waits for (futex(2), "Priority-inheritance futexes").</summary>
/// <remarks>
/// The word of such a lock holds the number of the thread that has it, so that the kernel is asked only where two meet. A lock that is let
/// go is handed to the thread that has waited longest, whose number the kernel writes into the word: nobody can take it in between.
/// Threads here all have the same real-time priority, none, and Linux lets such threads inherit nothing either.
/// </remarks>
public sealed class PriorityFutexTable
{
    /// <summary>Locks in a row that each wait for the next: beyond them nobody looks for a circle.</summary>
    private const int MaximumDepth = 1024;

    private readonly List<PriorityFutex> _locks = [];

    /// <summary>Locks that somebody waits for.</summary>
    public int Count => _locks.Count;

    /// <summary>Takes a lock if it is free (FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI).</summary>
    /// <param name="mustWait">Whether somebody else has it, who is known to be there: the word says then that somebody waits.</param>
    /// <returns>None, with the lock taken unless <paramref name="mustWait"/>; EDEADLK, ESRCH, EFAULT.</returns>
    public Errno TryLock(GuestThread thread, ulong address, FutexKey key, out bool mustWait)
    {
        mustWait = false;
        UserMemory memory = thread.Process.AddressSpace.Memory;
        while (true)
        {
            if (!memory.TryLoad(address, out uint word))
            {
                return Errno.EFAULT;
            }

            uint owner = word & FutexWord.FUTEX_TID_MASK;
            if (owner == (uint)thread.Tid)
            {
                return Errno.EDEADLK;
            }

            bool isWaitedFor = TryFind(key, out PriorityFutex? found);
            bool isFree = owner == 0 && !isWaitedFor;
            uint desired = isFree
                ? (word & FutexWord.FUTEX_OWNER_DIED) | (uint)thread.Tid
                : word | FutexWord.FUTEX_WAITERS;
            if (!isFree && !isWaitedFor && !IsThere(thread, owner))
            {
                return Errno.ESRCH;
            }

            if (!isFree && isWaitedFor && found!.Owner.Tid != (int)owner)
            {
                // The program has written something else into the word of a lock that others wait for.
                return Errno.EINVAL;
            }

            if (!memory.TryCompareExchange(address, word, desired, out uint observed))
            {
                return Errno.EFAULT;
            }

            if (observed == word)
            {
                mustWait = !isFree;
                return Errno.None;
            }
        }
    }

    /// <summary>Waits until the lock is handed over, after <see cref="TryLock"/>.</summary>
    public ValueTask<SysResult> WaitAsync(GuestThread thread, ulong address, FutexKey key, long deadlineNs, bool followsRealtime)
    {
        UserMemory memory = thread.Process.AddressSpace.Memory;
        if (!memory.TryLoad(address, out uint word))
        {
            return new(Errno.EFAULT);
        }

        if (!KernelHeap.HasRoom())
        {
            return new(Errno.ENOMEM);
        }

        bool isNew = !TryFind(key, out PriorityFutex? found);
        if (isNew)
        {
            if (!thread.Process.System.Threads.TryGet((int)(word & FutexWord.FUTEX_TID_MASK), out GuestThread? owner))
            {
                return new(Errno.ESRCH);
            }

            if (!KernelHeap.TryReserve(_locks, IntPtr.Size))
            {
                return new(Errno.ENOMEM);
            }

            found = new PriorityFutex(key, owner);
        }

        // All that it takes is there before anybody can see it: a lock in the table has somebody who waits.
        PriorityFutexWait wait = new(this, found!, thread, address);
        if (IsCircle(found!, thread))
        {
            return new(Errno.EDEADLK);
        }

        if (!KernelHeap.TryReserve(found!.Waiting, IntPtr.Size))
        {
            return new(Errno.ENOMEM);
        }

        if (isNew)
        {
            _locks.Add(found);
        }

        found.Waiting.Add(wait);
        thread.AwaitedLock = found;
        return wait.WaitAsync(deadlineNs, followsRealtime);
    }

    /// <summary>Lets a lock go (FUTEX_UNLOCK_PI): to the thread that has waited longest.</summary>
    /// <returns>None; EPERM when the thread does not have it; EINVAL, EFAULT.</returns>
    public Errno Unlock(GuestThread thread, ulong address, FutexKey key)
    {
        UserMemory memory = thread.Process.AddressSpace.Memory;
        while (true)
        {
            if (!memory.TryLoad(address, out uint word))
            {
                return Errno.EFAULT;
            }

            if ((word & FutexWord.FUTEX_TID_MASK) != (uint)thread.Tid)
            {
                return Errno.EPERM;
            }

            bool isWaitedFor = TryFind(key, out PriorityFutex? found);
            if (isWaitedFor && found!.Owner != thread)
            {
                return Errno.EINVAL;
            }

            uint desired = isWaitedFor ? FutexWord.FUTEX_WAITERS | (uint)found!.Waiting[0].Thread.Tid : 0;
            if (!memory.TryCompareExchange(address, word, desired, out uint observed))
            {
                return Errno.EFAULT;
            }

            if (observed == word)
            {
                if (isWaitedFor)
                {
                    HandOver(found!);
                }

                return Errno.None;
            }
        }
    }

    /// <summary>Hands over the locks of a thread that ends, and says in their words that their owner died.</summary>
    public void OnThreadEnding(GuestThread thread)
    {
        for (int i = _locks.Count - 1; i >= 0; i--)
        {
            PriorityFutex found = _locks[i];
            if (found.Owner != thread)
            {
                continue;
            }

            PriorityFutexWait next = found.Waiting[0];
            UserMemory memory = next.Thread.Process.AddressSpace.Memory;
            uint desired = FutexWord.FUTEX_OWNER_DIED | FutexWord.FUTEX_WAITERS | (uint)next.Thread.Tid;
            bool isWritten = memory.TryLoad(next.Address, out uint word);
            while (isWritten && memory.TryCompareExchange(next.Address, word, desired, out uint observed) && observed != word)
            {
                word = observed;
            }

            HandOver(found);
        }
    }

    /// <summary>Takes note that a thread waits no longer.</summary>
    internal void GiveUp(PriorityFutex found, PriorityFutexWait wait)
    {
        wait.Thread.AwaitedLock = null;
        found.Waiting.Remove(wait);
        Forget(found);
    }

    private static bool IsThere(GuestThread thread, uint owner) =>
        thread.Process.System.Threads.TryGet((int)owner, out GuestThread? found) && !found.HasEnded;

    /// <summary>Tells whether a thread would wait for itself, by way of others.</summary>
    private static bool IsCircle(PriorityFutex wanted, GuestThread thread)
    {
        PriorityFutex? current = wanted;
        for (int depth = 0; depth < MaximumDepth && current is not null; depth++)
        {
            if (current.Owner == thread)
            {
                return true;
            }

            current = current.Owner.AwaitedLock;
        }

        return current is not null;
    }

    private void HandOver(PriorityFutex found)
    {
        PriorityFutexWait next = found.Waiting[0];
        found.Waiting.RemoveAt(0);
        found.Owner = next.Thread;
        next.IsQueued = false;
        next.Thread.AwaitedLock = null;
        next.Thread.Waiter.TryWake();
        Forget(found);
    }

    /// <summary>Forgets a lock that nobody waits for.</summary>
    private void Forget(PriorityFutex found)
    {
        if (found.Waiting.Count == 0)
        {
            _locks.Remove(found);
        }
    }

    private bool TryFind(FutexKey key, [NotNullWhen(true)] out PriorityFutex? found)
    {
        foreach (PriorityFutex entry in _locks)
        {
            if (entry.Key.Offset == key.Offset && ReferenceEquals(entry.Key.Owner, key.Owner))
            {
                found = entry;
                return true;
            }
        }

        found = null;
        return false;
    }
}
