using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The loop of one CPU: runs what is runnable, and sleeps when nothing is.</summary>
/// <remarks>
/// Runs on one .NET thread. Everything that happens in the kernel happens in an item's <see cref="Runnable.Run"/>, in a timer or
/// in an interrupt handler, one after the other; nothing is preempted but guest code. Other CPUs may only post.
/// </remarks>
public sealed class Executor
{
    /// <summary>Time between two ticks, while more than one item is runnable.</summary>
    public const long TickNs = 3_000_000;

    /// <summary>
    /// The least time that a guest gets between two alarms, in nanoseconds: less than the slack that Linux gives timers (prctl(2),
    /// PR_SET_TIMERSLACK).
    /// </summary>
    /// <remarks>A timer that repeats faster than an interrupt is served would leave the guest no time at all.</remarks>
    public const long MinimumRunNs = 20_000;

    private readonly ICpu _cpu;
    private readonly IClock _clock;
    private KernelLock _queueLock = new(LockRank.RunQueue);
    private Runnable? _head;
    private Runnable? _tail;
    private IInterruptHandler[] _interruptHandlers = [];
    private long _alarmNs = long.MaxValue;
    private long _tickNs = long.MaxValue;
    private bool _isStopping;

    public Executor(ICpu cpu, IClock clock)
    {
        _cpu = cpu;
        _clock = clock;
        Timers = new TimerQueue(this);
    }

    public TimerQueue Timers { get; }

    public ICpu Cpu => _cpu;

    public IClock Clock
    {
        [NonAllocating]
        get => _clock;
    }

    /// <summary>
    /// True when a guest thread must not simply go on: something else became runnable, the alarm must be set anew, or the
    /// executor is to stop. A guest's loop reads it before it enters ring 3, and then calls <see cref="PrepareToRunGuest"/>.
    /// </summary>
    /// <remarks>A field, because the loop of every system call reads it.</remarks>
#pragma warning disable CA1051, SA1401
    public bool NeedsAttention;
#pragma warning restore CA1051, SA1401

    public bool HasRunnable => _head is not null;

    /// <summary>Ticks so far. A guest thread that has seen two since it got the CPU leaves it to the others.</summary>
    public int TickCount { get; private set; }

    public bool IsStopping => _isStopping;

    /// <summary>When the CPU last changed hands: from a thread or from idleness.</summary>
    public long SwitchTimeNs { get; set; }

    /// <summary>Adds a driver to those that are asked after every interrupt.</summary>
    public void AddInterruptHandler(IInterruptHandler handler) => _interruptHandlers = [.. _interruptHandlers, handler];

    /// <summary>Puts an item at the end of the run queue; does nothing when it is queued already.</summary>
    [NonAllocating]
    public void Post(Runnable item)
    {
        using (_queueLock.Enter())
        {
            if (!item.IsQueued)
            {
                item.IsQueued = true;
                if (_tail is null)
                {
                    _head = item;
                }
                else
                {
                    _tail.Next = item;
                }

                _tail = item;
                NeedsAttention = true;
            }
        }
    }

    /// <summary>Makes <see cref="Run"/> return after the item that runs now.</summary>
    public void Stop()
    {
        _isStopping = true;
        NeedsAttention = true;
    }

    /// <summary>Runs until <see cref="Stop"/> is called.</summary>
    public void Run()
    {
        SwitchTimeNs = _clock.MonotonicNs;
        while (!_isStopping)
        {
            RunNext(Timers.NextDeadlineNs);
        }
    }

    /// <summary>Runs until a task is over: for what must be done before there is a program.</summary>
    /// <param name="deadlineNs">When to give up, on the monotonic clock.</param>
    /// <returns>False when it was not over by then.</returns>
    public bool RunUntil(Task task, long deadlineNs)
    {
        while (!task.IsCompleted && RunOnce(deadlineNs))
        {
        }

        return task.IsCompleted;
    }

    /// <summary>Runs the next item, or sleeps until there is something to do: for what must be done before there is a program.</summary>
    /// <param name="deadlineNs">When to give up, on the monotonic clock.</param>
    /// <returns>False, and nothing was run, when that time has come.</returns>
    public bool RunOnce(long deadlineNs)
    {
        if (_clock.MonotonicNs >= deadlineNs)
        {
            return false;
        }

        RunNext(Math.Min(Timers.NextDeadlineNs, deadlineNs));
        return true;
    }

    /// <summary>Runs the next item, or sleeps until an interrupt has come.</summary>
    private void RunNext(long alarmNs)
    {
        Runnable? item = Take();
        if (item is not null)
        {
            item.Run();
            return;
        }

        SetAlarm(alarmNs);
        _cpu.Idle();
        HandleInterrupt();
        SwitchTimeNs = _clock.MonotonicNs;
    }

    /// <summary>Runs one item if there is one.</summary>
    /// <returns>False when nothing is runnable.</returns>
    public bool RunOne()
    {
        Runnable? item = Take();
        item?.Run();
        return item is not null;
    }

    /// <summary>
    /// Sets the alarm that a guest is to run with: for the first timer, and for the tick when something else is runnable.
    /// </summary>
    /// <remarks>
    /// An alarm that is set and goes off too early does no harm and is left alone: setting it is dear, and in most VMs an exit.
    /// </remarks>
    public void PrepareToRunGuest()
    {
        NeedsAttention = _isStopping;
        if (_head is not null && _tickNs == long.MaxValue)
        {
            _tickNs = _clock.MonotonicNs + TickNs;
        }

        long alarmNs = Math.Min(Timers.NextDeadlineNs, _tickNs);
        if (alarmNs < _alarmNs)
        {
            SetAlarm(Math.Max(alarmNs, _clock.MonotonicNs + MinimumRunNs));
        }
    }

    /// <summary>Sets the alarm anew before it is needed next: the clock that it was set by goes on at another rate.</summary>
    [NonAllocating]
    public void ForgetAlarm()
    {
        _alarmNs = long.MaxValue;
        NeedsAttention = true;
    }

    /// <summary>
    /// Serves an interrupt that ended <see cref="ICpu.Run"/> or <see cref="ICpu.Idle"/>: timers that are due, devices that have something.
    /// </summary>
    [NonAllocating]
    public void HandleInterrupt()
    {
        long nowNs = _clock.MonotonicNs;
        // The alarm may be what woke the CPU, and its clock may be a little off ours: whoever goes on sets it anew.
        _alarmNs = long.MaxValue;
        NeedsAttention = true;
        if (_tickNs <= nowNs)
        {
            _tickNs = long.MaxValue;
            TickCount++;
        }

        Timers.Expire(nowNs);
        foreach (IInterruptHandler handler in _interruptHandlers)
        {
            handler.OnInterrupt();
        }
    }

    private Runnable? Take()
    {
        if (_head is null)
        {
            return null;
        }

        using (_queueLock.Enter())
        {
            Runnable item = _head;
            _head = item.Next;
            if (_head is null)
            {
                _tail = null;
            }

            item.Next = null;
            item.IsQueued = false;
            return item;
        }
    }

    private void SetAlarm(long monotonicNs)
    {
        if (monotonicNs < _alarmNs)
        {
            _alarmNs = monotonicNs;
            _cpu.SetAlarm(monotonicNs);
        }
    }
}
