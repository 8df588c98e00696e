using Semitone.Abi;
using Semitone.Files;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The family of timerfd_create(2).</summary>
public static class TimerFileSyscalls
{
    private const TimerfdSetFlags KnownFlags = TimerfdSetFlags.TFD_TIMER_ABSTIME | TimerfdSetFlags.TFD_TIMER_CANCEL_ON_SET;

    [Syscall(283, "timerfd_create", Returns = Returns.Fd)]
    public static SysResult Create(SyscallContext context, ClockId clock, TimerfdFlags flags)
    {
        bool isKnown = clock is ClockId.CLOCK_REALTIME or ClockId.CLOCK_MONOTONIC or ClockId.CLOCK_BOOTTIME
            or ClockId.CLOCK_REALTIME_ALARM or ClockId.CLOCK_BOOTTIME_ALARM;
        if (!isKnown || (flags & ~(TimerfdFlags.TFD_NONBLOCK | TimerfdFlags.TFD_CLOEXEC)) != 0)
        {
            return Errno.EINVAL;
        }

        bool isAlarm = clock is ClockId.CLOCK_REALTIME_ALARM or ClockId.CLOCK_BOOTTIME_ALARM;
        if (isAlarm && !context.Thread.Credentials.Has(Capability.CAP_WAKE_ALARM))
        {
            return Errno.EPERM;
        }

        return TimerFile.TryCreate(
            context.FileSystem.Mounts.Anonymous, context.System, clock, (OpenFlags)(flags & TimerfdFlags.TFD_NONBLOCK), out TimerFile? file)
            ? OpenSyscalls.Install(context, file!, (OpenFlags)flags)
            : Errno.ENOMEM;
    }

    [Syscall(286, "timerfd_settime")]
    public static SysResult Set(
        SyscallContext context, Fd fd, TimerfdSetFlags flags, UserPtr<Itimerspec> value, [Out] UserPtr<Itimerspec> old)
    {
        if (!context.Memory.TryRead(value, out Itimerspec wanted))
        {
            return Errno.EFAULT;
        }

        if ((flags & ~KnownFlags) != 0 || !wanted.it_value.IsValid || !wanted.it_interval.IsValid)
        {
            return Errno.EINVAL;
        }

        Errno error = Find(context, fd, out TimerFile? timer);
        if (error != Errno.None)
        {
            return error;
        }

        if (timer!.IsAlarm && !context.Thread.Credentials.Has(Capability.CAP_WAKE_ALARM))
        {
            return Errno.EPERM;
        }

        error = timer.Set(in wanted, flags, out Itimerspec previous);
        if (error != Errno.None)
        {
            return error;
        }

        return old.IsNull || context.Memory.TryWriteFrom(old, in previous) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(287, "timerfd_gettime")]
    public static SysResult Get(SyscallContext context, Fd fd, [Out] UserPtr<Itimerspec> value)
    {
        Errno error = Find(context, fd, out TimerFile? timer);
        if (error != Errno.None)
        {
            return error;
        }

        Itimerspec current = timer!.Get();
        return context.Memory.TryWriteFrom(value, in current) ? SysResult.Success : Errno.EFAULT;
    }

    private static Errno Find(SyscallContext context, Fd fd, out TimerFile? timer)
    {
        timer = null;
        if (!context.Files.TryGet(fd, out OpenFile? file, out Errno error))
        {
            return error;
        }

        timer = file as TimerFile;
        return timer is null ? Errno.EINVAL : Errno.None;
    }
}
