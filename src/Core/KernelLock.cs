using System.Diagnostics;

namespace Semitone.Core;

/// <summary>The order in which locks may be taken: a CPU that holds one may only take those of a higher rank.</summary>
/// <remarks>Add a rank here, in its place, with every new kind of lock.</remarks>
public enum LockRank
{
    /// <summary>A bucket of the futex table.</summary>
    FutexBucket = 10,

    /// <summary>A list of waiters.</summary>
    WaitQueue = 20,

    /// <summary>The state of one wait.</summary>
    Waiter = 30,

    /// <summary>The timers of one CPU.</summary>
    TimerQueue = 40,

    /// <summary>The run queue of one CPU.</summary>
    RunQueue = 50,

    /// <summary>The kernel log: may be written to with any other lock held.</summary>
    Log = 100,
}

/// <summary>A spinning lock that protects data against other CPUs for the length of a few lines.</summary>
/// <remarks>
/// There is no preemption inside the kernel, so a holder is always running and is soon done. Never held across an
/// await (the state machine would leave the CPU), a run of a guest, or a call into another subsystem.
/// A mutable struct: keep it in a field that is not readonly.
/// </remarks>
public struct KernelLock
{
    private int _isHeld;

    /// <summary>Takes the lock; <paramref name="rank"/> is checked against the locks already held, in debug builds.</summary>
    public void Enter(LockRank rank)
    {
        HeldLocks.Push(rank);
        while (Interlocked.Exchange(ref _isHeld, 1) != 0)
        {
            Thread.SpinWait(1);
        }
    }

    public void Exit(LockRank rank)
    {
        Volatile.Write(ref _isHeld, 0);
        HeldLocks.Pop(rank);
    }

    /// <summary>The ranks that this CPU holds, one bit each, in debug builds.</summary>
    private static class HeldLocks
    {
        [ThreadStatic]
        private static UInt128 t_held;

        [Conditional("DEBUG")]
        public static void Push(LockRank rank)
        {
            UInt128 bit = UInt128.One << (int)rank;
            Debug.Assert(t_held < bit, "A lock of a higher or the same rank is held.");
            t_held |= bit;
        }

        [Conditional("DEBUG")]
        public static void Pop(LockRank rank) => t_held &= ~(UInt128.One << (int)rank);
    }
}
