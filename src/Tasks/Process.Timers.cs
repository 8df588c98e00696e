using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The part of a process that has to do with timers.</summary>
public sealed partial class Process
{
    private IntervalTimer? _realTimer;
    private IdTable<PosixTimer>? _posixTimers;

    /// <summary>The timer of setitimer(2) and alarm(2) that runs in real time.</summary>
    public IntervalTimer RealTimer => _realTimer ??= new IntervalTimer(this);

    /// <summary>Makes a timer (timer_create(2)), not armed.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryCreateTimer(ClockId clock, SigEvent? notification, GuestThread? target, out int id)
    {
        const int MaximumTimers = 4096;
        _posixTimers ??= new IdTable<PosixTimer>(MaximumTimers);
        PosixTimer timer = new(this, clock, target);
        bool isAdded = _posixTimers.TryAdd(timer, out int number);

        // Numbers of timers begin with 0 (timer_create(2)), and a signal without a value of its own carries the number.
        id = number - 1;
        timer.SetUp(id, notification ?? new SigEvent { sigev_signo = Signal.SIGALRM, sigev_value = (ulong)id });
        return isAdded;
    }

    public bool TryGetTimer(int id, [NotNullWhen(true)] out PosixTimer? timer)
    {
        timer = null;
        return id != int.MaxValue && _posixTimers is not null && _posixTimers.TryGet(id + 1, out timer);
    }

    public void DeleteTimer(PosixTimer timer)
    {
        timer.Stop();
        _posixTimers!.Remove(timer.Id + 1);
    }

    /// <summary>Adds to the signal of a timer how often the timer expired since it was sent.</summary>
    internal void OnTimerSignalTaken(ref SigInfo info)
    {
        if (TryGetTimer(info.si_timerid, out PosixTimer? timer))
        {
            info.si_overrun = timer.TakeOverrun();
        }
    }

    private void StopTimers()
    {
        _realTimer?.Stop();
        DeletePosixTimers();
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
