using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with timers.</summary>
public sealed partial class Process
{
    private IdTable<PosixTimer>? _posixTimers;

    /// <summary>Its time on the CPU, as a clock with timers.</summary>
    public CpuClock CpuClock { get; }

    /// <summary>The timer of setitimer(2) and alarm(2) that runs in real time: ITIMER_REAL.</summary>
    public IntervalTimer RealTimer { get; }

    /// <summary>
    /// ITIMER_VIRTUAL, which counts the program's own time on the CPU. The kernel's is not measured apart, here as in getrusage(2): it
    /// counts as the program's.
    /// </summary>
    public IntervalTimer VirtualTimer { get; }

    /// <summary>ITIMER_PROF, which counts time on the CPU, the kernel's for it included.</summary>
    public IntervalTimer ProfilingTimer { get; }

    /// <summary>Makes a timer (timer_create(2)), not armed.</summary>
    /// <returns>False when there are too many, or the kernel's heap has no room for one more (EAGAIN).</returns>
    public bool TryCreateTimer(ClockId clock, TimerClock timerClock, SigEvent? notification, GuestThread? target, out int id)
    {
        const int MaximumTimers = 4096;
        id = -1;
        if (!KernelHeap.HasRoom())
        {
            return false;
        }

        _posixTimers ??= new IdTable<PosixTimer>(MaximumTimers);
        PosixTimer timer = new(this, clock, timerClock, notification, target);
        if (!timer.TryPrepare())
        {
            return false;
        }

        if (!_posixTimers.TryAdd(timer, out int number))
        {
            timer.Delete();
            return false;
        }

        // Numbers of timers begin with 0 (timer_create(2)), and a signal without a value of its own carries the number.
        id = number - 1;
        timer.SetUp(id);
        return true;
    }

    public bool TryGetTimer(int id, [NotNullWhen(true)] out PosixTimer? timer)
    {
        timer = null;
        return id != int.MaxValue && _posixTimers is not null && _posixTimers.TryGet(id + 1, out timer);
    }

    public void DeleteTimer(PosixTimer timer)
    {
        timer.Delete();
        _posixTimers!.Remove(timer.Id + 1);
    }

    private void StopTimers()
    {
        RealTimer.Release();
        DeletePosixTimers();
        CpuClock.CancelAll();
    }

    private void DeletePosixTimers()
    {
        if (_posixTimers is not null)
        {
            for (int id = 1; _posixTimers.TryGetNext(id, out id, out PosixTimer? timer); id++)
            {
                DeleteTimer(timer);
            }
        }
    }
}
