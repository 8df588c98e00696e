using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Clocks and sleeping.</summary>
public static class TimeSyscalls
{
    private const long MicrosecondsPerSecond = 1_000_000;

    /// <summary>The latest time of day that may be set: thirty years of running must not overflow it.</summary>
    private const long MaxSettableNs = long.MaxValue - (30L * 365 * 24 * 3600 * TimeUnits.NsPerSecond);

    /// <summary>The clocks that count from the start of the machine: nobody adjusts their rate or stops them, so they are one.</summary>
    private const uint MonotonicClocks =
        (1u << (int)ClockId.CLOCK_MONOTONIC) | (1u << (int)ClockId.CLOCK_MONOTONIC_RAW) | (1u << (int)ClockId.CLOCK_MONOTONIC_COARSE)
        | (1u << (int)ClockId.CLOCK_BOOTTIME) | (1u << (int)ClockId.CLOCK_BOOTTIME_ALARM);

    [Syscall(228, "clock_gettime")]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SysResult ClockGetTime(SyscallContext context, ClockId clock, [Out] UserPtr<Timespec> time)
    {
        Errno error = Read(context, clock, out long ns);
        if (error != Errno.None)
        {
            return error;
        }

        return context.Memory.TryWrite(time, Timespec.FromNs(ns)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(229, "clock_getres")]
    public static SysResult ClockGetResolution(SyscallContext context, ClockId clock, [Out] UserPtr<Timespec> resolution)
    {
        // The coarse clocks tick here as finely as the others; programs expect no more of them than Linux's 4 ms.
        const long CoarseNs = 4_000_000;
        Errno error = Read(context, clock, out _);
        if (error != Errno.None)
        {
            return error;
        }

        bool isCoarse = clock is ClockId.CLOCK_REALTIME_COARSE or ClockId.CLOCK_MONOTONIC_COARSE || CpuClockOwner.IsTickClock(clock);
        long ns = isCoarse ? CoarseNs : 1;
        return resolution.IsNull || context.Memory.TryWrite(resolution, Timespec.FromNs(ns)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(227, "clock_settime")]
    public static SysResult ClockSetTime(SyscallContext context, ClockId clock, UserPtr<Timespec> time)
    {
        // That of a given process or thread may be looked at only; the others cannot be set at all.
        bool isCpuClock = clock < 0 && CpuClockOwner.Find(context, clock, out _) == Errno.None;
        if (clock != ClockId.CLOCK_REALTIME && !isCpuClock)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(time, out Timespec wanted))
        {
            return Errno.EFAULT;
        }

        if (isCpuClock)
        {
            return Errno.EPERM;
        }

        return wanted.IsValid ? SetTime(context, wanted.ToNsSaturating()) : Errno.EINVAL;
    }

    [Syscall(96, "gettimeofday")]
    public static SysResult GetTimeOfDay(SyscallContext context, [Out] UserPtr<Timeval> time, [Out] UserPtr<Timezone> zone)
    {
        if (!time.IsNull && !context.Memory.TryWrite(time, Timeval.FromNs(context.System.Clock.ReadRealtime())))
        {
            return Errno.EFAULT;
        }

        return zone.IsNull || context.Memory.TryWrite(zone, default(Timezone)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(164, "settimeofday")]
    public static SysResult SetTimeOfDay(SyscallContext context, UserPtr<Timeval> time, UserPtr<Timezone> zone)
    {
        if (time.IsNull)
        {
            return SysResult.Success;
        }

        if (!context.Memory.TryRead(time, out Timeval wanted))
        {
            return Errno.EFAULT;
        }

        bool isValid = wanted.tv_sec is >= 0 and < long.MaxValue / TimeUnits.NsPerSecond && (ulong)wanted.tv_usec < MicrosecondsPerSecond;
        return isValid
            ? SetTime(context, (wanted.tv_sec * TimeUnits.NsPerSecond) + (wanted.tv_usec * TimeUnits.NsPerMicrosecond))
            : Errno.EINVAL;
    }

    [Syscall(201, "time", Returns = Returns.Value)]
    public static SysResult Time(SyscallContext context, [Out] UserPtr<long> time)
    {
        long seconds = context.System.Clock.ReadRealtime() / TimeUnits.NsPerSecond;
        return time.IsNull || context.Memory.TryWrite(time, seconds) ? seconds : Errno.EFAULT;
    }

    [Syscall(35, "nanosleep")]
    public static ValueTask<SysResult> Nanosleep(SyscallContext context, UserPtr<Timespec> duration, [Out] UserPtr<Timespec> remaining)
    {
        if (!context.Memory.TryRead(duration, out Timespec time))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        return time.IsValid
            ? SleepAsync(context, Deadline.FromNow(context.System.Clock, time.ToNsSaturating()), remaining)
            : new ValueTask<SysResult>(Errno.EINVAL);
    }

    [Syscall(230, "clock_nanosleep")]
    public static ValueTask<SysResult> ClockNanosleep(
        SyscallContext context, ClockId clock, TimerFlags flags, UserPtr<Timespec> duration, [Out] UserPtr<Timespec> remaining)
    {
        bool isRealtime = clock is ClockId.CLOCK_REALTIME or ClockId.CLOCK_TAI or ClockId.CLOCK_REALTIME_ALARM;
        if (!isRealtime && clock is not (ClockId.CLOCK_MONOTONIC or ClockId.CLOCK_BOOTTIME or ClockId.CLOCK_BOOTTIME_ALARM))
        {
            return SleepByCpuTime(context, clock, flags, duration, remaining);
        }

        if (!context.Memory.TryRead(duration, out Timespec time))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        if (!time.IsValid)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        return (flags & TimerFlags.TIMER_ABSTIME) != 0
            ? SleepUntilAsync(context, Deadline.FromAbsolute(context.System.Clock, time.ToNsSaturating(), isRealtime), isRealtime)
            : SleepAsync(context, Deadline.FromNow(context.System.Clock, time.ToNsSaturating()), remaining);
    }

    [Syscall(219, "restart_syscall")]
    public static ValueTask<SysResult> RestartSyscall(SyscallContext context)
    {
        RestartBlock block = context.Thread.RestartBlock;
        context.Thread.RestartBlock = default;
        return block.Kind switch
        {
            RestartKind.Nanosleep => SleepAsync(context, block.DeadlineNs, new UserPtr<Timespec>(block.Address)),
            RestartKind.Futex => FutexSyscalls.WaitAsync(
                context, block.Address, block.Value, block.BitSet, block.DeadlineNs, block.IsPrivate, block.FollowsRealtime),
            RestartKind.CpuNanosleep =>
                CpuClockOwner.Find(context, (ClockId)block.Value, out CpuClockOwner owner) == Errno.None && owner.GetClock() is { } clock
                    ? SleepAsync(context, clock, (ClockId)block.Value, block.DeadlineNs, new UserPtr<Timespec>(block.Address))
                    : new ValueTask<SysResult>(Errno.EINTR),
            _ => new ValueTask<SysResult>(Errno.EINTR),
        };
    }

    [Syscall(100, "times", Returns = Returns.Value)]
    public static SysResult Times(SyscallContext context, [Out] UserPtr<Tms> times)
    {
        const long NsPerTick = TimeUnits.NsPerSecond / TimeUnits.USER_HZ;
        if (!times.IsNull)
        {
            Tms value = new()
            {
                tms_utime = context.Process.CpuTimeNs / NsPerTick,
                tms_cutime = context.Process.ChildrenCpuTimeNs / NsPerTick,
            };
            if (!context.Memory.TryWriteFrom(times, in value))
            {
                return Errno.EFAULT;
            }
        }

        return context.System.Clock.MonotonicNs / NsPerTick;
    }

    /// <summary>Reads any clock that there is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Errno Read(SyscallContext context, ClockId clock, out long ns)
    {
        if (!IsOneOf(clock, MonotonicClocks))
        {
            return ReadOther(context, clock, out ns);
        }

        ns = context.System.Clock.MonotonicNs;
        return Errno.None;
    }

    /// <summary>Tells whether a set of clocks, one bit each, has a clock.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOneOf(ClockId clock, uint clocks) => (uint)clock < 32 && ((clocks >> (int)clock) & 1) != 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Errno ReadOther(SyscallContext context, ClockId clock, out long ns)
    {
        switch (clock)
        {
            case ClockId.CLOCK_REALTIME:
            case ClockId.CLOCK_REALTIME_COARSE:
            case ClockId.CLOCK_REALTIME_ALARM:
            case ClockId.CLOCK_TAI:
                ns = context.System.Clock.ReadRealtime();
                return Errno.None;
            default:
                Errno error = CpuClockOwner.Find(context, clock, out CpuClockOwner owner);
                ns = error == Errno.None ? owner.CpuTimeNs : 0;
                return error;
        }
    }

    private static SysResult SetTime(SyscallContext context, long realtimeNs)
    {
        if (!context.Thread.Credentials.Has(Capability.CAP_SYS_TIME))
        {
            return Errno.EPERM;
        }

        // clock_settime(2), EINVAL: not before the monotonic clock, and 30 years short of what 64 bits of nanoseconds hold.
        if (realtimeNs < context.System.Clock.MonotonicNs || realtimeNs > MaxSettableNs)
        {
            return Errno.EINVAL;
        }

        context.System.Clock.SetRealtime(realtimeNs);
        return SysResult.Success;
    }

    private static async ValueTask<SysResult> SleepAsync(SyscallContext context, long deadlineNs, UserPtr<Timespec> remaining)
    {
        if (await context.Thread.Waiter.WaitAsync(deadlineNs) != WaitResult.Interrupted)
        {
            return SysResult.Success;
        }

        long restNs = Math.Max(0, deadlineNs - context.System.Clock.MonotonicNs);
        if (restNs == 0)
        {
            return SysResult.Success;
        }

        if (!remaining.IsNull && !context.Memory.TryWrite(remaining, Timespec.FromNs(restNs)))
        {
            return Errno.EFAULT;
        }

        context.Thread.RestartBlock = new RestartBlock(RestartKind.Nanosleep, deadlineNs, remaining.Address);
        return RestartErrno.ERESTART_RESTARTBLOCK;
    }

    /// <summary>clock_nanosleep(2) on the clocks of the CPU's time; a thread cannot sleep by its own.</summary>
    private static ValueTask<SysResult> SleepByCpuTime(
        SyscallContext context, ClockId clock, TimerFlags flags, UserPtr<Timespec> duration, UserPtr<Timespec> remaining)
    {
        if (clock is ClockId.CLOCK_MONOTONIC_RAW or ClockId.CLOCK_REALTIME_COARSE or ClockId.CLOCK_MONOTONIC_COARSE
            or ClockId.CLOCK_THREAD_CPUTIME_ID
            || CpuClockOwner.IsDescriptor(clock))
        {
            return new ValueTask<SysResult>(Errno.EOPNOTSUPP);
        }

        if (clock >= 0 && clock != ClockId.CLOCK_PROCESS_CPUTIME_ID)
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        if (!context.Memory.TryRead(duration, out Timespec time))
        {
            return new ValueTask<SysResult>(Errno.EFAULT);
        }

        if (!time.IsValid || CpuClockOwner.Find(context, clock, out CpuClockOwner owner) != Errno.None || owner.IsThread(context.Thread))
        {
            return new ValueTask<SysResult>(Errno.EINVAL);
        }

        if (!KernelHeap.HasRoom() || owner.GetClock() is not { } cpuClock)
        {
            return new ValueTask<SysResult>(Errno.ENOMEM);
        }

        return (flags & TimerFlags.TIMER_ABSTIME) != 0
            ? SleepUntilAsync(context, cpuClock, time.ToNsSaturating())
            : SleepAsync(context, cpuClock, clock, cpuClock.GetDeadline(time.ToNsSaturating()), remaining);
    }

    private static async ValueTask<SysResult> SleepUntilAsync(SyscallContext context, CpuClock clock, long deadlineNs)
    {
        Errno error = await CpuSleep.WaitUntilAsync(context.Thread, clock, deadlineNs);
        return error == Errno.EINTR ? RestartErrno.ERESTARTNOHAND : (SysResult)error;
    }

    private static async ValueTask<SysResult> SleepAsync(
        SyscallContext context, CpuClock clock, ClockId id, long deadlineNs, UserPtr<Timespec> remaining)
    {
        Errno error = await CpuSleep.WaitUntilAsync(context.Thread, clock, deadlineNs);
        if (error != Errno.EINTR)
        {
            return error;
        }

        long restNs = Math.Max(0, deadlineNs - clock.NowNs);
        if (!remaining.IsNull && !context.Memory.TryWrite(remaining, Timespec.FromNs(restNs)))
        {
            return Errno.EFAULT;
        }

        context.Thread.RestartBlock = new RestartBlock(RestartKind.CpuNanosleep, deadlineNs, remaining.Address, (uint)id);
        return RestartErrno.ERESTART_RESTARTBLOCK;
    }

    private static async ValueTask<SysResult> SleepUntilAsync(SyscallContext context, long deadlineNs, bool followsRealtime) =>
        await context.Thread.Waiter.WaitAsync(deadlineNs, followsRealtime: followsRealtime) == WaitResult.Interrupted
            ? RestartErrno.ERESTARTNOHAND
            : SysResult.Success;
}
