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

        long ns = clock is ClockId.CLOCK_REALTIME_COARSE or ClockId.CLOCK_MONOTONIC_COARSE ? CoarseNs : 1;
        return resolution.IsNull || context.Memory.TryWrite(resolution, Timespec.FromNs(ns)) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(227, "clock_settime")]
    public static SysResult ClockSetTime(SyscallContext context, ClockId clock, UserPtr<Timespec> time)
    {
        if (clock != ClockId.CLOCK_REALTIME)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(time, out Timespec wanted))
        {
            return Errno.EFAULT;
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

    [Syscall(230, "clock_nanosleep", Missing = "CPU-time clocks")]
    public static ValueTask<SysResult> ClockNanosleep(
        SyscallContext context, ClockId clock, TimerFlags flags, UserPtr<Timespec> duration, [Out] UserPtr<Timespec> remaining)
    {
        bool isRealtime = clock is ClockId.CLOCK_REALTIME or ClockId.CLOCK_TAI or ClockId.CLOCK_REALTIME_ALARM;
        if (!isRealtime && clock is not (ClockId.CLOCK_MONOTONIC or ClockId.CLOCK_BOOTTIME or ClockId.CLOCK_BOOTTIME_ALARM))
        {
            bool exists = clock is ClockId.CLOCK_MONOTONIC_RAW or ClockId.CLOCK_REALTIME_COARSE or ClockId.CLOCK_MONOTONIC_COARSE
                or ClockId.CLOCK_PROCESS_CPUTIME_ID;
            return new ValueTask<SysResult>(exists ? Errno.EOPNOTSUPP : Errno.EINVAL);
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
            case ClockId.CLOCK_PROCESS_CPUTIME_ID:
                ns = context.Process.CpuTimeNs;
                return Errno.None;
            case ClockId.CLOCK_THREAD_CPUTIME_ID:
                ns = context.Thread.CpuTimeNs;
                return Errno.None;
            default:
                return ReadDynamic(context, (int)clock, out ns);
        }
    }

    /// <summary>
    /// Reads the CPU-time clock of a given process or thread (clock_getcpuclockid(3)): ~id in the upper bits, the kind in the lower three.
    /// </summary>
    internal static Errno ReadDynamic(SyscallContext context, int clock, out long ns)
    {
        const int ThreadClock = 4;
        const int KindMask = 3;
        const int FileDescriptorClock = 3;
        ns = 0;
        if (clock >= 0 || (clock & KindMask) == FileDescriptorClock)
        {
            return Errno.EINVAL;
        }

        int id = ~(clock >> 3);
        if ((clock & ThreadClock) != 0)
        {
            GuestThread? thread = context.Thread;
            if (id != 0 && (!context.System.Threads.TryGet(id, out thread) || thread.Process != context.Process))
            {
                return Errno.EINVAL;
            }

            ns = thread.CpuTimeNs;
            return Errno.None;
        }

        Process? process = context.Process;
        if (id != 0 && !context.System.TryGetProcess(id, out process))
        {
            return Errno.EINVAL;
        }

        ns = process.CpuTimeNs;
        return Errno.None;
    }

    private static SysResult SetTime(SyscallContext context, long realtimeNs)
    {
        if (!context.Process.Credentials.Has(Capability.CAP_SYS_TIME))
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

    private static async ValueTask<SysResult> SleepUntilAsync(SyscallContext context, long deadlineNs, bool followsRealtime) =>
        await context.Thread.Waiter.WaitAsync(deadlineNs, followsRealtime: followsRealtime) == WaitResult.Interrupted
            ? RestartErrno.ERESTARTNOHAND
            : SysResult.Success;
}
