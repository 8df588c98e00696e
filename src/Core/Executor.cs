using Semitone.Machine;

namespace Semitone.Core;

/// <summary>The loop of one CPU: runs what is runnable, and sleeps when nothing is.</summary>
/// <remarks>
/// Runs on one .NET thread. Everything that happens in the kernel happens in an item's <see cref="Runnable.Run"/>, in a timer or
/// in an interrupt handler, one after the other; nothing is preempted but guest code. Other CPUs may only post.
/// </remarks>
public sealed class Executor
{
    /// <summary>How long a guest thread may run while another waits for the CPU.</summary>
    public const long TimeSliceNs = 4_000_000;

    private readonly ICpu _cpu;
    private readonly IClock _clock;
    private KernelLock _queueLock;
    private Runnable? _head;
    private Runnable? _tail;
    private IInterruptHandler[] _interruptHandlers = [];
    private long _alarmNs = long.MaxValue;
    private bool _isStopping;

    public Executor(ICpu cpu, IClock clock)
    {
        _cpu = cpu;
        _clock = clock;
        Timers = new TimerQueue(this);
    }

    public TimerQueue Timers { get; }

    public ICpu Cpu => _cpu;

    public IClock Clock => _clock;

    /// <summary>
    /// True when a guest thread must not simply go on: something else became runnable, the alarm must be set anew, or the
    /// executor is to stop. A guest's loop reads it before it enters ring 3, and then calls <see cref="PrepareToRunGuest"/>.
    /// </summary>
    /// <remarks>A field, because the loop of every system call reads it.</remarks>
#pragma warning disable CA1051, SA1401
    public bool NeedsAttention;
#pragma warning restore CA1051, SA1401

    public bool HasRunnable => _head is not null;

    public bool IsStopping => _isStopping;

    /// <summary>Adds a driver to those that are asked after every interrupt.</summary>
    public void AddInterruptHandler(IInterruptHandler handler) => _interruptHandlers = [.. _interruptHandlers, handler];

    /// <summary>Puts an item at the end of the run queue; does nothing when it is queued already.</summary>
    public void Post(Runnable item)
    {
        _queueLock.Enter(LockRank.RunQueue);
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

        _queueLock.Exit(LockRank.RunQueue);
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
        while (!_isStopping)
        {
            Runnable? item = Take();
            if (item is not null)
            {
                item.Run();
            }
            else
            {
                SetAlarm(Timers.NextDeadlineNs);
                _cpu.Idle();
                HandleInterrupt();
            }
        }
    }

    /// <summary>Runs one item if there is one.</summary>
    /// <returns>False when nothing is runnable.</returns>
    public bool RunOne()
    {
        Runnable? item = Take();
        item?.Run();
        return item is not null;
    }

    /// <summary>Sets the alarm that the guest that runs next wants: the first timer, or the end of the time slice when others wait.</summary>
    /// <param name="sliceEndNs">When the thread's time slice ends; 0 to start a new one.</param>
    public void PrepareToRunGuest(ref long sliceEndNs)
    {
        NeedsAttention = _isStopping;
        long alarmNs = Timers.NextDeadlineNs;
        if (_head is not null)
        {
            if (sliceEndNs == 0)
            {
                sliceEndNs = _clock.MonotonicNs + TimeSliceNs;
            }

            alarmNs = Math.Min(alarmNs, sliceEndNs);
        }
        else
        {
            sliceEndNs = 0;
        }

        SetAlarm(alarmNs);
    }

    /// <summary>Serves an interrupt that ended <see cref="ICpu.Run"/> or <see cref="ICpu.Idle"/>: timers that are due, devices that have something.</summary>
    /// <returns>The time.</returns>
    public long HandleInterrupt()
    {
        long nowNs = _clock.MonotonicNs;
        if (_alarmNs <= nowNs)
        {
            // The CPU has one alarm and it has gone off: whoever goes on sets the next.
            _alarmNs = long.MaxValue;
            NeedsAttention = true;
        }

        Timers.Expire(nowNs);
        foreach (IInterruptHandler handler in _interruptHandlers)
        {
            handler.OnInterrupt();
        }

        return nowNs;
    }

    private Runnable? Take()
    {
        if (_head is null)
        {
            return null;
        }

        _queueLock.Enter(LockRank.RunQueue);
        Runnable item = _head;
        _head = item.Next;
        if (_head is null)
        {
            _tail = null;
        }

        item.Next = null;
        item.IsQueued = false;
        _queueLock.Exit(LockRank.RunQueue);
        return item;
    }

    private void SetAlarm(long monotonicNs)
    {
        if (_alarmNs != monotonicNs)
        {
            _alarmNs = monotonicNs;
            _cpu.SetAlarm(monotonicNs);
        }
    }
}
