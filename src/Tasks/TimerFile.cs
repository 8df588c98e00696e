using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A timer that is read as a file (timerfd_create(2)).</summary>
/// <remarks>
/// It is due once and then rests until somebody looks: an interval goes on from there, and what was missed is counted. So a timer
/// that nobody reads costs nothing, however short its interval is.
/// </remarks>
public sealed class TimerFile : OpenFile
{
    private readonly SystemState _system;
    private readonly Deadline _deadline;
    private readonly WaitQueue _expirations = new();
    private ulong _ticks;
    private long _intervalNs;
    private TimerfdSetFlags _flags;
    private bool _hasExpired;

    /// <summary>Whether the time of day was set since somebody asked to hear of that.</summary>
    private bool _isCancelled;

    private TimerFile(AnonymousFileSystem fileSystem, SystemState system, ClockId clock, OpenFlags flags)
        : base(fileSystem.CreateInode("anon_inode:[timerfd]"), flags | OpenFlags.O_RDWR)
    {
        _system = system;
        _deadline = new Deadline(this);
        Clock = clock;
    }

    /// <summary>The clock that it was made for.</summary>
    public ClockId Clock { get; }

    /// <summary>Whether it runs by a clock that wakes a sleeping machine: only those with CAP_WAKE_ALARM may set it.</summary>
    public bool IsAlarm => Clock is ClockId.CLOCK_REALTIME_ALARM or ClockId.CLOCK_BOOTTIME_ALARM;

    /// <summary>Its neighbours among those that are told when the time of day is set.</summary>
    internal TimerFile? NextCancellable { get; set; }

    internal TimerFile? PreviousCancellable { get; set; }

    internal bool IsCancellable { get; set; }

    private bool IsRealtime => Clock is ClockId.CLOCK_REALTIME or ClockId.CLOCK_REALTIME_ALARM;

    private long RemainingNs => _system.TimerClock.GetRemaining(_deadline);

    /// <summary>Makes a timer that is not armed.</summary>
    /// <returns>False when the kernel's heap has no room for its place among the timers.</returns>
    public static bool TryCreate(AnonymousFileSystem fileSystem, SystemState system, ClockId clock, OpenFlags flags, out TimerFile? file)
    {
        TimerFile created = new(fileSystem, system, clock, flags);
        file = system.TimerClock.TryReserve(created._deadline) ? created : null;
        return file is not null;
    }

    /// <summary>Arms the timer, or stops it (timerfd_settime(2)).</summary>
    /// <param name="value">Times that are valid.</param>
    /// <param name="flags">Known ones.</param>
    /// <param name="old">How it was set.</param>
    /// <returns>None; ECANCELED when the time of day had been set before, and the timer is armed nevertheless.</returns>
    public Errno Set(in Itimerspec value, TimerfdSetFlags flags, out Itimerspec old)
    {
        const TimerfdSetFlags Cancelling = TimerfdSetFlags.TFD_TIMER_ABSTIME | TimerfdSetFlags.TFD_TIMER_CANCEL_ON_SET;
        _system.CancellableTimers.Set(this, IsRealtime && (flags & Cancelling) == Cancelling);
        Resume(out _);
        old = Describe();
        _system.TimerClock.Cancel(_deadline);
        _hasExpired = false;
        _ticks = 0;
        _intervalNs = value.it_interval.ToNsSaturating();
        long firstNs = value.it_value.ToNsSaturating();
        if (firstNs != 0)
        {
            bool isTimeOfDay = IsRealtime && (flags & TimerfdSetFlags.TFD_TIMER_ABSTIME) != 0;
            long deadlineNs = (flags & TimerfdSetFlags.TFD_TIMER_ABSTIME) == 0 ? _system.TimerClock.GetDeadline(firstNs)
                : isTimeOfDay && firstNs != long.MaxValue ? firstNs - _system.Clock.RealtimeOffsetNs : firstNs;
            _system.TimerClock.Arm(_deadline, deadlineNs, isTimeOfDay);
            if (TakeCancellation())
            {
                return Errno.ECANCELED;
            }
        }

        _flags = flags;
        return Errno.None;
    }

    /// <summary>Tells how it is set (timerfd_gettime(2)).</summary>
    public Itimerspec Get()
    {
        Resume(out ulong missed);
        _ticks += missed;
        return Describe();
    }

    /// <inheritdoc/>
    public override IoResult Read(ref IoCursor destination)
    {
        if (destination.Remaining < sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        if (_ticks == 0)
        {
            return Errno.EAGAIN;
        }

        if (TakeCancellation())
        {
            _ticks = 0;
            return Errno.ECANCELED;
        }

        Resume(out ulong missed);
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, _ticks + missed);
        _hasExpired = false;
        _ticks = 0;
        return destination.Write(bytes) == bytes.Length ? sizeof(ulong) : Errno.EFAULT;
    }

    /// <inheritdoc/>
    public override PollEvents Poll() => _ticks != 0 ? PollEvents.POLLIN : PollEvents.None;

    /// <inheritdoc/>
    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(_expirations);

    /// <inheritdoc/>
    /// <remarks>The offset stays where it is, and that is no error.</remarks>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (request != IoctlRequest.TFD_IOC_SET_TICKS)
        {
            return Errno.ENOTTY;
        }

        if (!memory.TryRead(new UserPtr<ulong>(argument), out ulong ticks))
        {
            return Errno.EFAULT;
        }

        if (ticks == 0)
        {
            return Errno.EINVAL;
        }

        if (TakeCancellation())
        {
            return Errno.ECANCELED;
        }

        _ticks = ticks;
        _expirations.WakeAll();
        return SysResult.Success;
    }

    /// <inheritdoc/>
    public override void Describe(TextBuilder text)
    {
        Itimerspec current = Describe();
        text.Append("clockid: "u8).Append((int)Clock).Append("\nticks: "u8).Append(_ticks)
            .Append(_flags == TimerfdSetFlags.None ? "\nsettime flags: 0"u8 : "\nsettime flags: "u8).AppendOctal((uint)_flags);
        Append("\nit_value: ("u8, current.it_value);
        Append("\nit_interval: ("u8, current.it_interval);
        text.Append('\n');

        void Append(ReadOnlySpan<byte> name, Timespec time) =>
            text.Append(name).Append(time.tv_sec).Append(", "u8).Append(time.tv_nsec).Append(')');
    }

    /// <summary>The time of day has been set.</summary>
    [NonAllocating]
    internal void OnClockSet()
    {
        _isCancelled = true;
        _ticks++;
        _expirations.WakeAll();
    }

    /// <inheritdoc/>
    protected override void OnClosed()
    {
        _deadline.Release();
        _system.CancellableTimers.Set(this, false);
    }

    private bool TakeCancellation()
    {
        bool isCancelled = IsCancellable && _isCancelled;
        _isCancelled &= !isCancelled;
        return isCancelled;
    }

    /// <summary>Lets an interval go on that rests since its timer was due.</summary>
    /// <param name="missed">Expirations since that one.</param>
    private void Resume(out ulong missed)
    {
        missed = 0;
        if (_hasExpired && _intervalNs != 0)
        {
            _hasExpired = false;
            long nextNs = _deadline.GetNext(_intervalNs, _system.TimerClock.NowNs, out long count);
            missed = (ulong)count;
            _system.TimerClock.Arm(_deadline, nextNs, _deadline.FollowsRealtime);
        }
    }

    private Itimerspec Describe() => new()
    {
        it_value = Timespec.FromNs(RemainingNs),
        it_interval = Timespec.FromNs(_intervalNs),
    };

    [NonAllocating]
    private void OnExpired()
    {
        _hasExpired = true;
        _ticks++;
        _expirations.WakeAll();
    }

    /// <summary>When it is due next.</summary>
    private sealed class Deadline(TimerFile file) : KernelTimer
    {
        public long GetNext(long intervalNs, long nowNs, out long missed) => GetNextDeadline(intervalNs, nowNs, out missed);

        /// <inheritdoc/>
        protected override void OnExpired() => file.OnExpired();
    }
}

/// <summary>Those timers that are given up when the time of day is set (TFD_TIMER_CANCEL_ON_SET).</summary>
internal sealed class TimerFileList
{
    private TimerFile? _first;

    /// <summary>Adds a timer or takes it out.</summary>
    public void Set(TimerFile file, bool isIn)
    {
        if (file.IsCancellable == isIn)
        {
            return;
        }

        file.IsCancellable = isIn;
        if (isIn)
        {
            file.NextCancellable = _first;
            if (_first is not null)
            {
                _first.PreviousCancellable = file;
            }

            _first = file;
            return;
        }

        if (file.PreviousCancellable is { } previous)
        {
            previous.NextCancellable = file.NextCancellable;
        }
        else
        {
            _first = file.NextCancellable;
        }

        if (file.NextCancellable is { } next)
        {
            next.PreviousCancellable = file.PreviousCancellable;
        }

        file.NextCancellable = null;
        file.PreviousCancellable = null;
    }

    [NonAllocating]
    public void OnClockSet()
    {
        for (TimerFile? file = _first; file is not null; file = file.NextCancellable)
        {
            file.OnClockSet();
        }
    }
}
