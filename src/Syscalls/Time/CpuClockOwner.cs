using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Whose time on the CPU a clock counts: a process's, or one thread's.</summary>
internal readonly struct CpuClockOwner
{
    private const int ThreadClock = 4;
    private const int KindMask = 3;
    private const int SchedulerClock = 2;
    private const int FileDescriptorClock = 3;

    private readonly Process _process;
    private readonly GuestThread? _thread;

    private CpuClockOwner(Process process, GuestThread? thread)
    {
        _process = process;
        _thread = thread;
    }

    public long CpuTimeNs => _thread?.CpuTimeNs ?? _process.CpuTimeNs;

    /// <summary>
    /// Tells whether a clock of a process or thread is one of the two kinds that Linux counts in ticks (those of ITIMER_PROF,
    /// ITIMER_VIRTUAL).
    /// </summary>
    public static bool IsTickClock(ClockId clock) => clock < 0 && ((int)clock & KindMask) < SchedulerClock;

    /// <summary>Tells whether it is the clock of this thread.</summary>
    public bool IsThread(GuestThread thread) => _thread == thread;

    /// <summary>Tells whether a clock's number stands for a device that is open.</summary>
    public static bool IsDescriptor(ClockId clock) => clock < 0 && ((int)clock & (ThreadClock | KindMask)) == FileDescriptorClock;

    /// <summary>
    /// Finds the owner of CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, or of what clock_getcpuclockid(3) and
    /// pthread_getcpuclockid(3) make: ~id in the upper bits, the kind in the lower three.
    /// </summary>
    /// <returns>None, or EINVAL.</returns>
    public static Errno Find(SyscallContext context, ClockId clock, out CpuClockOwner owner)
    {
        Process? process = context.Process;
        GuestThread? thread = null;
        bool isThere = true;
        if (clock == ClockId.CLOCK_THREAD_CPUTIME_ID)
        {
            thread = context.Thread;
        }
        else if (clock < 0 && ((int)clock & KindMask) != KindMask)
        {
            int id = ~((int)clock >> 3);
            if (((int)clock & ThreadClock) != 0)
            {
                thread = context.Thread;
                isThere = id == 0 || (context.System.Threads.TryGet(id, out thread) && thread.Process == process && !thread.HasEnded);
            }
            else
            {
                isThere = id == 0 || context.System.TryGetProcess(id, out process);
            }
        }
        else
        {
            isThere = clock == ClockId.CLOCK_PROCESS_CPUTIME_ID;
        }

        owner = isThere ? new CpuClockOwner(process!, thread) : default;
        return isThere ? Errno.None : Errno.EINVAL;
    }

    /// <summary>Gets the clock that timers run by.</summary>
    /// <returns>Null when the kernel's heap has no room for it.</returns>
    public CpuClock? GetClock() => _thread is null ? _process.CpuClock : _thread.GetCpuClock();
}
