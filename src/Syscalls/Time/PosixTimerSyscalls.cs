using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of timer_create(2).</summary>
public static class PosixTimerSyscalls
{
    [Syscall(222, "timer_create")]
    public static SysResult Create(SyscallContext context, ClockId clock, UserPtr<SigEvent> notification, [Out] UserPtr<int> id)
    {
        Errno refusal = FindClock(context, clock, out TimerClock? timerClock);
        if (refusal != Errno.None)
        {
            return refusal;
        }

        SigEvent? wanted = null;
        GuestThread? target = null;
        if (!notification.IsNull)
        {
            if (!context.Memory.TryRead(notification, out SigEvent value))
            {
                return Errno.EFAULT;
            }

            Errno error = Check(context, value, out target);
            if (error != Errno.None)
            {
                return error;
            }

            wanted = value;
        }

        if (!context.Process.TryCreateTimer(clock, timerClock!, wanted, target, out int number))
        {
            return Errno.EAGAIN;
        }

        if (context.Memory.TryWrite(id, number))
        {
            return SysResult.Success;
        }

        if (context.Process.TryGetTimer(number, out PosixTimer? timer))
        {
            context.Process.DeleteTimer(timer);
        }

        return Errno.EFAULT;
    }

    [Syscall(223, "timer_settime")]
    public static SysResult Set(SyscallContext context, int id, TimerFlags flags, UserPtr<Itimerspec> value, [Out] UserPtr<Itimerspec> old)
    {
        if (value.IsNull)
        {
            return Errno.EINVAL;
        }

        if (!context.Memory.TryRead(value, out Itimerspec wanted))
        {
            return Errno.EFAULT;
        }

        if (!wanted.it_value.IsValid || !wanted.it_interval.IsValid || !context.Process.TryGetTimer(id, out PosixTimer? timer))
        {
            return Errno.EINVAL;
        }

        if (timer.TimerClock.HasStopped)
        {
            return Errno.ESRCH;
        }

        Itimerspec previous = Describe(timer);
        long firstNs = wanted.it_value.ToNsSaturating();
        if (firstNs == 0)
        {
            timer.Stop();
        }
        else
        {
            bool isAbsolute = (flags & TimerFlags.TIMER_ABSTIME) != 0;
            bool isRealtime = timer.Clock is ClockId.CLOCK_REALTIME or ClockId.CLOCK_TAI;
            long deadlineNs = isAbsolute
                ? Deadline.FromAbsolute(context.System.Clock, firstNs, isRealtime)
                : timer.TimerClock.GetDeadline(firstNs);
            timer.Set(deadlineNs, wanted.it_interval.ToNsSaturating(), isAbsolute && isRealtime);
        }

        return old.IsNull || context.Memory.TryWriteFrom(old, in previous) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(224, "timer_gettime")]
    public static SysResult Get(SyscallContext context, int id, [Out] UserPtr<Itimerspec> value)
    {
        if (!context.Process.TryGetTimer(id, out PosixTimer? timer))
        {
            return Errno.EINVAL;
        }

        Itimerspec current = Describe(timer);
        return context.Memory.TryWriteFrom(value, in current) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(225, "timer_getoverrun", Returns = Returns.Value)]
    public static SysResult GetOverrun(SyscallContext context, int id) =>
        context.Process.TryGetTimer(id, out PosixTimer? timer) ? timer.LastOverrun : Errno.EINVAL;

    [Syscall(226, "timer_delete")]
    public static SysResult Delete(SyscallContext context, int id)
    {
        if (!context.Process.TryGetTimer(id, out PosixTimer? timer))
        {
            return Errno.EINVAL;
        }

        context.Process.DeleteTimer(timer);
        return SysResult.Success;
    }

    /// <summary>Finds what a timer of a clock runs by.</summary>
    /// <returns>None; EOPNOTSUPP for a clock without timers, EINVAL for one that does not exist, EAGAIN.</returns>
    private static Errno FindClock(SyscallContext context, ClockId clock, out TimerClock? found)
    {
        found = null;
        switch (clock)
        {
            case ClockId.CLOCK_REALTIME or ClockId.CLOCK_MONOTONIC or ClockId.CLOCK_BOOTTIME or ClockId.CLOCK_TAI:
                found = context.System.TimerClock;
                return Errno.None;
            case ClockId.CLOCK_MONOTONIC_RAW or ClockId.CLOCK_REALTIME_COARSE or ClockId.CLOCK_MONOTONIC_COARSE:
            case ClockId.CLOCK_REALTIME_ALARM or ClockId.CLOCK_BOOTTIME_ALARM:
                // Linux has no timers on raw and coarse clocks, nor on those that wake a machine without such a device.
                return Errno.EOPNOTSUPP;
            default:
                CpuClockOwner owner = default;
                Errno error = CpuClockOwner.IsDescriptor(clock) ? Errno.EOPNOTSUPP : CpuClockOwner.Find(context, clock, out owner);
                if (error != Errno.None)
                {
                    return error;
                }

                found = owner.GetClock();
                return found is null ? Errno.EAGAIN : Errno.None;
        }
    }

    private static Errno Check(SyscallContext context, SigEvent wanted, out GuestThread? target)
    {
        target = null;
        switch (wanted.sigev_notify)
        {
            case SigEventNotify.SIGEV_NONE:
                return Errno.None;
            case SigEventNotify.SIGEV_SIGNAL:
            case SigEventNotify.SIGEV_THREAD:
                break;
            case SigEventNotify.SIGEV_THREAD_ID:
                if (!context.System.Threads.TryGet(wanted.sigev_notify_thread_id, out target) || target.Process != context.Process)
                {
                    return Errno.EINVAL;
                }

                break;
            default:
                return Errno.EINVAL;
        }

        return SignalHandlers.IsValid(wanted.sigev_signo) ? Errno.None : Errno.EINVAL;
    }

    private static Itimerspec Describe(PosixTimer timer) => new()
    {
        it_value = Timespec.FromNs(timer.RemainingNs),
        it_interval = Timespec.FromNs(timer.IntervalNs),
    };
}
