using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

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

    /// <summary>The records of the kernel's log, taken by itself.</summary>
    Log = 100,
}

/// <summary>A spinning lock that protects data against other CPUs for the length of a few lines.</summary>
/// <remarks>
/// There is no preemption inside the kernel, so a holder is always running and is soon done. Never held across an
/// await (the state machine would leave the CPU), a run of a guest, or a call into another subsystem.
/// <code>
/// using (_lock.Enter())
/// {
///     ...                // allocates nothing and throws nothing: an analyzer sees to it
/// }
/// </code>
/// A mutable struct: keep it in a field that is not readonly.
/// </remarks>
/// <param name="rank">Its place in the order of locks, which is checked in debug builds.</param>
public struct KernelLock(LockRank rank)
{
    private readonly LockRank _rank = rank;
    private int _isHeld;

    /// <summary>Whether this CPU holds any lock, for tests; false in release builds.</summary>
    public static bool IsAnyHeld => HeldLocks.IsAny;

    /// <summary>
    /// Takes the lock, until the scope that is returned ends: by an exception, too, which is a bug then, but must not hang the machine.
    /// </summary>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Scope Enter()
    {
        HeldLocks.Push(_rank);
        if (Interlocked.Exchange(ref _isHeld, 1) != 0)
        {
            Spin();
        }

        return new Scope(ref this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Spin()
    {
        while (Interlocked.Exchange(ref _isHeld, 1) != 0)
        {
            Thread.SpinWait(1);
        }
    }

    /// <summary>The lines that a lock is held for.</summary>
    public readonly ref struct Scope
    {
        private readonly ref KernelLock _lock;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Scope(ref KernelLock taken)
        {
            _lock = ref taken;
        }

        /// <summary>Lets the lock go.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Dispose()
        {
            Volatile.Write(ref _lock._isHeld, 0);
            HeldLocks.Pop(_lock._rank);
        }
    }

    /// <summary>The ranks that this CPU holds, one bit each, in debug builds.</summary>
    private static class HeldLocks
    {
        [ThreadStatic]
        private static UInt128 t_held;

        public static bool IsAny => t_held != 0;

        [Conditional("DEBUG")]
        public static void Push(LockRank rank)
        {
            Debug.Assert(rank != default, "A lock was made without a rank.");
            UInt128 bit = UInt128.One << (int)rank;
            Debug.Assert(t_held < bit, "A lock of a higher or the same rank is held.");
            t_held |= bit;
        }

        [Conditional("DEBUG")]
        public static void Pop(LockRank rank) => t_held &= ~(UInt128.One << (int)rank);
    }
}
