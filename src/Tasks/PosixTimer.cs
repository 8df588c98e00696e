using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A timer of timer_create(2).</summary>
public sealed class PosixTimer : KernelTimer
{
    private readonly Process _process;
    private readonly GuestThread? _target;
    private SigEvent _notification;
    private long _overrun;

    internal PosixTimer(Process process, ClockId clock, GuestThread? target)
    {
        _process = process;
        _target = target;
        Clock = clock;
    }

    public int Id { get; private set; }

    public ClockId Clock { get; }

    /// <summary>Time between two expirations; 0 for one only.</summary>
    public long IntervalNs { get; private set; }

    /// <summary>How many expirations the last delivered signal stood for besides its own (timer_getoverrun(2)).</summary>
    public int LastOverrun { get; private set; }

    /// <summary>Time to the next expiration; 0 when it is not armed.</summary>
    public long RemainingNs => IsArmed ? Math.Max(1, DeadlineNs - _process.System.Clock.MonotonicNs) : 0;

    private TimerQueue Queue => _process.System.Executor.Timers;

    /// <summary>Arms the timer.</summary>
    /// <param name="deadlineNs">On the monotonic clock.</param>
    public void Set(long deadlineNs, long intervalNs)
    {
        Stop();
        IntervalNs = intervalNs;
        _overrun = 0;
        LastOverrun = 0;
        Queue.Arm(this, deadlineNs);
    }

    public void Stop()
    {
        if (IsArmed)
        {
            Queue.Cancel(this);
        }
    }

    internal void SetUp(int id, SigEvent notification)
    {
        Id = id;
        _notification = notification;
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
            Queue.Arm(this, GetNextDeadline(IntervalNs, _process.System.Clock.MonotonicNs, out missed));
        }

        if (_notification.sigev_notify == SigEventNotify.SIGEV_NONE)
        {
            return;
        }

        // One signal per timer is pending at most; what it misses is counted.
        _overrun += missed;
        PendingSignals pending = _target?.Pending ?? _process.Pending;
        if (pending.ContainsTimer(Id))
        {
            _overrun++;
            return;
        }

        SigInfo info = SignalInfo.FromTimer(_notification.sigev_signo, Id, 0, _notification.sigev_value);
        if (_target is null)
        {
            _process.Send(in info);
        }
        else if (!_target.HasEnded)
        {
            _target.Send(in info);
        }
    }
}
