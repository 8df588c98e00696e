namespace Semitone.Abi;

/// <summary>Clocks of clock_gettime(2).</summary>
public enum ClockId
{
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_PROCESS_CPUTIME_ID = 2,
    CLOCK_THREAD_CPUTIME_ID = 3,
    CLOCK_MONOTONIC_RAW = 4,
    CLOCK_REALTIME_COARSE = 5,
    CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7,
    CLOCK_REALTIME_ALARM = 8,
    CLOCK_BOOTTIME_ALARM = 9,
    CLOCK_TAI = 11,
}

/// <summary>Flags of clock_nanosleep(2) and timer_settime(2).</summary>
[Flags]
public enum TimerFlags : uint
{
    None = 0,
    TIMER_ABSTIME = 1,
}

/// <summary>Interval timers of setitimer(2).</summary>
public enum ItimerWhich : uint
{
    ITIMER_REAL = 0,
    ITIMER_VIRTUAL = 1,
    ITIMER_PROF = 2,
}

/// <summary>Flags of timerfd_create(2).</summary>
[Flags]
public enum TimerfdFlags : uint
{
    None = 0,
    TFD_NONBLOCK = 0x800,
    TFD_CLOEXEC = 0x8_0000,
}

/// <summary>Flags of timerfd_settime(2).</summary>
[Flags]
public enum TimerfdSetFlags : uint
{
    None = 0,
    TFD_TIMER_ABSTIME = 1,
    TFD_TIMER_CANCEL_ON_SET = 2,
}

/// <summary>Units of the kernel's clock.</summary>
public static class TimeUnits
{
    public const long NsPerSecond = 1_000_000_000;
    public const long NsPerMicrosecond = 1000;

    /// <summary>Ticks per second of times(2) (AT_CLKTCK).</summary>
    public const int USER_HZ = 100;
}
