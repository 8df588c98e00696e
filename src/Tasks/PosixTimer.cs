using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A timer of timer_create(2).</summary>
/// <remarks>All that it will need is reserved when it is made: its place among the timers, and that of its signal.</remarks>
public sealed class PosixTimer : KernelTimer
{
    private readonly Process _process;
    private readonly GuestThread? _target;
    private readonly SigEvent? _wanted;
    private SigInfo _signal;
    private bool _hasSignal;
    private long _overrun;

    /// <param name="notification">What to do at the deadline; SIGALRM with the timer's number when there is none.</param>
    /// <param name="target">The thread that gets the signal; null for the process.</param>
    internal PosixTimer(Process process, ClockId clock, SigEvent? notification, GuestThread? target)
    {
        _process = process;
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
    public long RemainingNs => IsArmed ? Math.Max(1, DeadlineNs - _process.System.Clock.MonotonicNs) : 0;

    private PendingSignals Pending => _target?.Pending ?? _process.Pending;

    /// <summary>Arms the timer.</summary>
    /// <param name="deadlineNs">On the monotonic clock.</param>
    /// <param name="intervalNs">Time between two expirations; 0 for one only.</param>
    /// <param name="followsRealtime">Whether the deadline is a time of day, and moves when that is set.</param>
    public void Set(long deadlineNs, long intervalNs, bool followsRealtime)
    {
        Stop();
        IntervalNs = intervalNs;
        _overrun = 0;
        LastOverrun = 0;
        _process.System.Executor.Timers.Arm(this, deadlineNs, followsRealtime);
    }

    public void Stop()
    {
        if (IsArmed)
        {
            _process.System.Executor.Timers.Cancel(this);
        }
    }

    /// <summary>Reserves the places of the timer and of its signal.</summary>
    /// <returns>False when the kernel's heap has no room for them.</returns>
    internal bool TryPrepare()
    {
        if (!TryReserve(_process.System.Executor.Timers))
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
        if (_hasSignal)
        {
            _hasSignal = false;
            Pending.GiveBack(this);
        }
    }

    internal int TakeOverrun()
    {
        LastOverrun = (int)Math.Min(_overrun, int.MaxValue);
        _overrun = 0;
        return LastOverrun;
    }

    /// <inheritdoc/>
    protected override void OnExpired()
    {
        long missed = 0;
        if (IntervalNs > 0)
        {
            _process.System.Executor.Timers.Arm(
                this, GetNextDeadline(IntervalNs, _process.System.Clock.MonotonicNs, out missed), FollowsRealtime);
        }

        if (!_hasSignal)
        {
            return;
        }

        // One signal per timer is pending at most; what it misses is counted.
        _overrun += missed;
        if (Pending.Contains(this))
        {
            _overrun++;
            return;
        }

        if (_target is null)
        {
            _process.SendFromTimer(in _signal, this);
        }
        else if (!_target.HasEnded)
        {
            _target.SendFromTimer(in _signal, this);
        }
    }
}
