using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>Seconds and nanoseconds (timespec(3type)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Timespec
{
    public long tv_sec;
    public long tv_nsec;

    /// <summary>Whether the nanoseconds lie in a second and the seconds are not negative.</summary>
    public readonly bool IsValid => tv_sec >= 0 && (ulong)tv_nsec < TimeUnits.NsPerSecond;

    /// <summary>Splits a count of nanoseconds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Timespec FromNs(long ns)
    {
        long seconds = ns / TimeUnits.NsPerSecond;
        long rest = ns - (seconds * TimeUnits.NsPerSecond);
        if (rest < 0)
        {
            seconds--;
            rest += TimeUnits.NsPerSecond;
        }

        return new Timespec { tv_sec = seconds, tv_nsec = rest };
    }

    /// <summary>The whole as nanoseconds, held at the greatest number where it does not fit, as Linux holds it.</summary>
    /// <remarks>Precondition: <see cref="IsValid"/>.</remarks>
    public readonly long ToNsSaturating() =>
        tv_sec >= (long.MaxValue / TimeUnits.NsPerSecond) ? long.MaxValue : (tv_sec * TimeUnits.NsPerSecond) + tv_nsec;
}

/// <summary>Seconds and microseconds (timeval(3type)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Timeval
{
    public long tv_sec;
    public long tv_usec;

    /// <summary>Splits a count of nanoseconds that is not negative.</summary>
    public static Timeval FromNs(long ns)
    {
        (long seconds, long rest) = Math.DivRem(ns, TimeUnits.NsPerSecond);
        return new Timeval { tv_sec = seconds, tv_usec = rest / TimeUnits.NsPerMicrosecond };
    }
}

/// <summary>What gettimeofday(2) has in place of a time zone.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Timezone
{
    public int tz_minuteswest;
    public int tz_dsttime;
}

/// <summary>An interval timer in nanoseconds (timer_settime(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Itimerspec
{
    public Timespec it_interval;
    public Timespec it_value;
}

/// <summary>An interval timer in microseconds (setitimer(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Itimerval
{
    public Timeval it_interval;
    public Timeval it_value;
}

/// <summary>Processor times in ticks (times(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Tms
{
    public long tms_utime;
    public long tms_stime;
    public long tms_cutime;
    public long tms_cstime;
}

/// <summary>Access and modification time (utime(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct Utimbuf
{
    public long actime;
    public long modtime;
}
