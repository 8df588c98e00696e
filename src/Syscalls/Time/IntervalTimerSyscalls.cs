using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>alarm(2) and setitimer(2).</summary>
public static class IntervalTimerSyscalls
{
    private const long MicrosecondsPerSecond = 1_000_000;

    [Syscall(37, "alarm", Returns = Returns.Value)]
    public static SysResult Alarm(SyscallContext context, uint seconds)
    {
        IntervalTimer timer = context.Process.RealTimer;
        long remainingNs = timer.RemainingNs;
        timer.Set(seconds * TimeUnits.NsPerSecond, 0);

        // Rounded, but never to 0 while one was armed.
        long remaining = (remainingNs + (TimeUnits.NsPerSecond / 2)) / TimeUnits.NsPerSecond;
        return remainingNs > 0 ? Math.Max(1, remaining) : 0;
    }

    [Syscall(36, "getitimer")]
    public static SysResult GetTimer(SyscallContext context, ItimerWhich which, [Out] UserPtr<Itimerval> value)
    {
        if (Find(context.Process, which) is not { } timer)
        {
            return Errno.EINVAL;
        }

        Itimerval current = Describe(timer);
        return context.Memory.TryWriteFrom(value, in current) ? SysResult.Success : Errno.EFAULT;
    }

    [Syscall(38, "setitimer")]
    public static SysResult SetTimer(SyscallContext context, ItimerWhich which, UserPtr<Itimerval> value, [Out] UserPtr<Itimerval> old)
    {
        Itimerval wanted = default;
        if (!value.IsNull && !context.Memory.TryRead(value, out wanted))
        {
            return Errno.EFAULT;
        }

        if (!TryGetNs(wanted.it_value, out long firstNs) || !TryGetNs(wanted.it_interval, out long intervalNs)
            || Find(context.Process, which) is not { } timer)
        {
            return Errno.EINVAL;
        }

        Itimerval previous = Describe(timer);
        timer.Set(firstNs, intervalNs);
        return old.IsNull || context.Memory.TryWriteFrom(old, in previous) ? SysResult.Success : Errno.EFAULT;
    }

    private static IntervalTimer? Find(Process process, ItimerWhich which) => which switch
    {
        ItimerWhich.ITIMER_REAL => process.RealTimer,
        ItimerWhich.ITIMER_VIRTUAL => process.VirtualTimer,
        ItimerWhich.ITIMER_PROF => process.ProfilingTimer,
        _ => null,
    };

    private static Itimerval Describe(IntervalTimer timer) => new()
    {
        it_value = Timeval.FromNs(timer.RemainingNs + (timer.IsArmed ? TimeUnits.NsPerMicrosecond - 1 : 0)),
        it_interval = Timeval.FromNs(timer.IntervalNs),
    };

    private static bool TryGetNs(Timeval time, out long ns)
    {
        bool isValid = time.tv_sec >= 0 && (ulong)time.tv_usec < MicrosecondsPerSecond;
        ns = time.tv_sec >= long.MaxValue / TimeUnits.NsPerSecond
            ? long.MaxValue
            : unchecked((time.tv_sec * TimeUnits.NsPerSecond) + (time.tv_usec * TimeUnits.NsPerMicrosecond));
        return isValid;
    }
}
