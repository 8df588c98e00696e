using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;
using Semitone.Metal.Runtime;
using Semitone.Metal.Time;

namespace Semitone.Metal.Threads;

/// <summary>Decides which kernel thread goes on when one waits.</summary>
// SAFETY: threads live in page frames that are never given back, so a pointer from the table stays valid.
internal static unsafe class Scheduler
{
    private const int MaximumThreads = 32;
    private const long Interrupted = -4;
    private const long TimedOut = -110;

    private static ThreadTable s_threads;
    private static int s_current;
    private static int s_nextId = 2;
    private static ulong s_pendingLines;

    internal static KernelThread* Current => Symbols.PerCpu()->Thread;

    /// <summary>Set by an interrupt that the kernel should look at, cleared when the executor has been told.</summary>
    internal static bool InterruptPending { get; set; }

    /// <summary>A bit for each line of <see cref="DriverAccess"/> that was raised; the kernel clears what it has seen.</summary>
    internal static ulong* PendingLines
    {
        get
        {
            // SAFETY: static data never moves.
            fixed (ulong* lines = &s_pendingLines)
            {
                return lines;
            }
        }
    }

    internal static void RaiseLine(uint line)
    {
        s_pendingLines |= 1UL << (int)line;
        InterruptPending = true;
    }

    /// <summary>
    /// When the executor wants to be woken, in TSC ticks; <see cref="ulong.MaxValue"/> for never, and once that has been.
    /// </summary>
    private static ulong AlarmTicks { get; set; } = ulong.MaxValue;

    internal static KernelThread* CreateFirst()
    {
        KernelThread* thread = Allocate();
        thread->Id = 1;
        return thread;
    }

    internal static KernelThread* Allocate()
    {
        for (int i = 0; i < MaximumThreads; i++)
        {
            KernelThread* thread = (KernelThread*)s_threads.Pointers[i];
            if (thread == null)
            {
                ulong frame = Frames.TakeZeroed();
                if (frame == 0)
                {
                    return null;
                }

                thread = (KernelThread*)Frames.ToPointer(frame);
                s_threads.Pointers[i] = (ulong)thread;
            }

            if (thread->State == ThreadState.Unused)
            {
                Instructions.ClearPage(thread);
                thread->State = ThreadState.Ready;
                thread->Id = s_nextId++;
                thread->Mxcsr = 0x1F80;
                thread->DeadlineTicks = ulong.MaxValue;
                return thread;
            }
        }

        return null;
    }

    internal static KernelThread* FindById(int id)
    {
        for (int i = 0; i < MaximumThreads; i++)
        {
            KernelThread* thread = (KernelThread*)s_threads.Pointers[i];
            if (thread != null && thread->State != ThreadState.Unused && thread->Id == id)
            {
                return thread;
            }
        }

        return null;
    }

    /// <summary>Chooses the thread to go on with, sleeping until there is one. Takes turns.</summary>
    internal static KernelThread* Next()
    {
        while (true)
        {
            ulong now = Instructions.ReadTsc();
            ulong earliest = ulong.MaxValue;
            for (int step = 1; step <= MaximumThreads; step++)
            {
                int i = (s_current + step) % MaximumThreads;
                KernelThread* thread = (KernelThread*)s_threads.Pointers[i];
                if (thread == null || thread->State == ThreadState.Unused)
                {
                    continue;
                }

                if (thread->State != ThreadState.Ready)
                {
                    Expire(thread, now);
                }

                if (thread->State == ThreadState.Ready)
                {
                    s_current = i;
                    Signals.DeliverPending(thread);
                    return thread;
                }

                ulong deadline = thread->State == ThreadState.Idle ? AlarmTicks : thread->DeadlineTicks;
                if (deadline < earliest)
                {
                    earliest = deadline;
                }
            }

            LocalApic.SetTimer(earliest);
            Instructions.WaitForInterrupt();
        }
    }

    /// <summary>Wakes threads that wait on a futex.</summary>
    /// <returns>How many were woken.</returns>
    internal static long WakeFutex(ulong address, int most)
    {
        long woken = 0;
        for (int i = 0; i < MaximumThreads && woken < most; i++)
        {
            KernelThread* thread = (KernelThread*)s_threads.Pointers[i];
            if (thread != null
                && thread->State == ThreadState.WaitingForFutex
                && thread->FutexAddress == address)
            {
                Wake(thread, 0);
                woken++;
            }
        }

        return woken;
    }

    internal static void Wake(KernelThread* thread, long result)
    {
        thread->State = ThreadState.Ready;
        thread->DeadlineTicks = ulong.MaxValue;
        thread->Registers.Rax = unchecked((ulong)result);
    }

    /// <summary>Ends a wait because a signal arrived.</summary>
    internal static void Interrupt(KernelThread* thread)
    {
        if (thread->State is ThreadState.WaitingForFutex or ThreadState.Sleeping or ThreadState.Idle)
        {
            Wake(thread, thread->State == ThreadState.Idle ? 0 : Interrupted);
        }
    }

    /// <summary>Programs the timer for the executor's alarm while a guest runs.</summary>
    internal static void SetAlarm(ulong ticks)
    {
        AlarmTicks = ticks;
        LocalApic.SetTimer(ticks);
    }

    /// <summary>
    /// Takes note that the timer has fired: for the alarm, which goes off once; or ahead of it, as it may count with another clock than the
    /// TSC.
    /// </summary>
    internal static void OnTimer()
    {
        if (AlarmTicks == ulong.MaxValue)
        {
            return;
        }

        if (Instructions.ReadTsc() < AlarmTicks)
        {
            LocalApic.SetTimer(AlarmTicks);
            return;
        }

        AlarmTicks = ulong.MaxValue;
        InterruptPending = true;
    }

    private static void Expire(KernelThread* thread, ulong now)
    {
        if (thread->State == ThreadState.Idle)
        {
            if (AlarmTicks <= now)
            {
                AlarmTicks = ulong.MaxValue;
                InterruptPending = true;
            }

            if (InterruptPending)
            {
                InterruptPending = false;
                Wake(thread, 0);
            }
        }
        else if (thread->DeadlineTicks <= now)
        {
            Wake(thread, thread->State == ThreadState.Sleeping ? 0 : TimedOut);
        }
    }

    private struct ThreadTable
    {
        internal fixed ulong Pointers[MaximumThreads];
    }
}
