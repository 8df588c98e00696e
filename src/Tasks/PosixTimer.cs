using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A timer of timer_create(2).</summary>
/// <remarks>All that it will need is reserved when it is made: its place among the timers, and that of its signal.</remarks>
public sealed class PosixTimer : KernelTimer
{
    private readonly Process _process;
    private readonly TimerClock _timerClock;
    private readonly GuestThread? _target;
    private readonly SigEvent? _wanted;
    private SigInfo _signal;
    private bool _hasSignal;
    private long _overrun;

    /// <summary>Whether it has expired and begins anew when its signal is delivered.</summary>
    private bool _waitsForDelivery;

    /// <summary>Whether deadlines that nobody would have noticed were left out before the one that it is armed for.</summary>
    private bool _hasLeftOut;

    /// <param name="clock">Its number, as the program has it.</param>
    /// <param name="timerClock">That clock, or the one that a deadline on it is turned into.</param>
    /// <param name="notification">What to do at the deadline; SIGALRM with the timer's number when there is none.</param>
    /// <param name="target">The thread that gets the signal; null for the process.</param>
    internal PosixTimer(Process process, ClockId clock, TimerClock timerClock, SigEvent? notification, GuestThread? target)
    {
        _process = process;
        _timerClock = timerClock;
        _target = target;
        _wanted = notification;
        Clock = clock;
    }

    /// <summary>The number that the program knows it by.</summary>
    public int Id { get; private set; }

    public ClockId Clock { get; }

    /// <summary>Time between two expirations; 0 for one only.</summary>
    public long IntervalNs { get; private set; }

    /// <summary>How many expirations the last delivered signal stood for besides its own (timer_getoverrun(2)).</summary>
    public int LastOverrun { get; private set; }

    /// <summary>Time to the next expiration; 0 when it is not armed.</summary>
    public long RemainingNs
    {
        get
        {
            if (_waitsForDelivery)
            {
                long nowNs = _timerClock.NowNs;
                return Math.Max(1, GetNextDeadline(IntervalNs, nowNs, out _) - nowNs);
            }

            long remainingNs = _timerClock.GetRemaining(this);
            return _hasLeftOut && remainingNs > 0 ? ((remainingNs - 1) % IntervalNs) + 1 : remainingNs;
        }
    }

    /// <summary>Whether its signal is among those that wait; what holds those says so.</summary>
    internal bool IsSignalPending { get; set; }

    /// <summary>The clock that its deadlines are on.</summary>
    public TimerClock TimerClock => _timerClock;

    private PendingSignals Pending => _target?.Pending ?? _process.Pending;

    /// <summary>Arms the timer.</summary>
    /// <param name="deadlineNs">On <see cref="TimerClock"/>.</param>
    /// <param name="intervalNs">Time between two expirations; 0 for one only.</param>
    /// <param name="followsRealtime">Whether the deadline is a time of day, and moves when that is set.</param>
    public void Set(long deadlineNs, long intervalNs, bool followsRealtime)
    {
        Stop();
        IntervalNs = intervalNs;
        _overrun = 0;
        LastOverrun = 0;
        _timerClock.Arm(this, deadlineNs, followsRealtime);
    }

    public void Stop()
    {
        _timerClock.Cancel(this);
        _waitsForDelivery = false;
        _hasLeftOut = false;
    }

    /// <summary>Reserves the places of the timer and of its signal.</summary>
    /// <returns>False when the kernel's heap has no room for them.</returns>
    internal bool TryPrepare()
    {
        if (!_timerClock.TryReserve(this))
        {
            return false;
        }

        bool sendsSignal = _wanted?.sigev_notify != SigEventNotify.SIGEV_NONE;
        _hasSignal = sendsSignal && Pending.TryReserve();
        if (sendsSignal && !_hasSignal)
        {
            Release();
            return false;
        }

        return true;
    }

    internal void SetUp(int id)
    {
        Id = id;
        SigEvent notification = _wanted ?? new SigEvent { sigev_signo = Signal.SIGALRM, sigev_value = (ulong)id };
        _signal = SignalInfo.FromTimer(notification.sigev_signo, id, 0, notification.sigev_value);
    }

    /// <summary>Stops the timer for good; a signal of it that waits is forgotten.</summary>
    internal void Delete()
    {
        Release();
        _waitsForDelivery = false;
        if (_hasSignal)
        {
            _hasSignal = false;
            Pending.GiveBack(this);
        }
    }

    /// <summary>Takes note that the signal is delivered; an interval goes on from here.</summary>
    /// <returns>How many expirations it stands for besides its own.</returns>
    internal int TakeOverrun()
    {
        bool goesOn = _waitsForDelivery;
        long nowNs = _timerClock.NowNs;
        long deadlineNs = 0;
        if (goesOn)
        {
            deadlineNs = GetNextDeadline(IntervalNs, nowNs, out long missed);
            _overrun += missed;
        }

        LastOverrun = (int)Math.Min(_overrun, int.MaxValue);
        _overrun = 0;
        if (goesOn)
        {
            _waitsForDelivery = false;
            if (_timerClock is CpuClock)
            {
                Rest(deadlineNs, nowNs, out deadlineNs);
            }

            Resume(deadlineNs);
        }

        return LastOverrun;
    }

    /// <summary>Takes note that the signal will not be delivered: it is ignored by now.</summary>
    internal void ForgetSignal()
    {
        if (_waitsForDelivery)
        {
            _waitsForDelivery = false;
            Resume(GetDeadlineAfterRest());
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// One signal per timer is pending at most. Until that is delivered nothing that the timer could do would be noticed, so an interval
    /// goes on only then, and what was missed is counted then: thousands of short intervals cost no more than the signals that a
    /// program takes.
    /// </remarks>
    protected override void OnExpired()
    {
        _hasLeftOut = false;
        if (_hasSignal && IsSignalPending)
        {
            // It was set anew since.
            _overrun++;
        }
        else if (_hasSignal)
        {
            Send();
        }

        if (IntervalNs == 0)
        {
            return;
        }

        _waitsForDelivery = IsSignalPending;
        if (!_waitsForDelivery)
        {
            _timerClock.ArmAgain(this, GetDeadlineAfterRest());
        }
    }

    private void Send()
    {
        if (_target is null)
        {
            _process.SendFromTimer(in _signal, this);
        }
        else if (!_target.HasEnded)
        {
            _target.SendFromTimer(in _signal, this);
        }
    }

    private void Resume(long deadlineNs)
    {
        if (!_timerClock.HasStopped)
        {
            _timerClock.Arm(this, deadlineNs, FollowsRealtime);
        }
    }

    private long GetDeadlineAfterRest()
    {
        long nowNs = _timerClock.NowNs;
        long deadlineNs = GetNextDeadline(IntervalNs, nowNs, out long missed);
        _overrun += missed;
        Rest(deadlineNs, nowNs, out deadlineNs);
        return deadlineNs;
    }

    /// <summary>
    /// Leaves out deadlines that come before a tick of Linux's is over, by which it looks at CPU clocks and at timers whose signal is
    /// ignored. They count as overruns.
    /// </summary>
    [NonAllocating]
    private void Rest(long nextNs, long nowNs, out long deadlineNs)
    {
        const long TickNs = 4_000_000;
        long leftOut = Math.Max(0, nowNs + TickNs - nextNs) / IntervalNs;
        _hasLeftOut = leftOut > 0;
        _overrun += leftOut;
        deadlineNs = nextNs + (leftOut * IntervalNs);
    }
}
