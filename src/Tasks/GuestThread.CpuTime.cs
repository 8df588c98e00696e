using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The part of a thread that has to do with its time on the CPU.</summary>
public sealed partial class GuestThread
{
    /// <summary>Timers on CPU time go off this much late at most: a tick of 250 Hz.</summary>
    private const long CpuTickNs = 4_000_000;

    private long _switchedInNs;
    private long _cpuTimeNs;
    private CpuClock? _cpuClock;

    /// <summary>Whether there may be timers on its clock or its process's: it is to set the alarm when it gets the CPU.</summary>
    private bool _hasCpuTimers;

    /// <summary>Time on the CPU, the kernel's work for the thread included, up to now.</summary>
    public long CpuTimeNs => _cpuTimeNs + CurrentRunNs;

    /// <summary>The part of it that the process has not been told yet: since the thread got the CPU.</summary>
    internal long CurrentRunNs => _isRunning ? _executor.Clock.MonotonicNs - _switchedInNs : 0;

    /// <summary>Gets its time on the CPU as a clock with timers, which is made at the first use.</summary>
    /// <returns>Null when the kernel's heap has no room for it.</returns>
    public CpuClock? GetCpuClock() => _cpuClock ??= KernelHeap.HasRoom() ? new ThreadCpuClock(this) : null;

    /// <summary>Takes note that a timer was armed on its clock or its process's.</summary>
    internal void NoteCpuTimer()
    {
        _hasCpuTimers = true;
        if (_isRunning)
        {
            SetCpuAlarm();
        }
    }

    /// <summary>Runs the timers on its clocks that are due.</summary>
    [NonAllocating]
    internal void ExpireCpuTimers()
    {
        Process.CpuClock.Expire();
        _cpuClock?.Expire();
        if (_isRunning)
        {
            SetCpuAlarm();
        }
    }

    /// <summary>Sets the alarm to when the first timer is due if this thread keeps the CPU.</summary>
    [NonAllocating]
    private void SetCpuAlarm()
    {
        long restNs = Process.CpuClock.GetTimeToNext();
        if (_cpuClock is not null)
        {
            restNs = Math.Min(restNs, _cpuClock.GetTimeToNext());
        }

        _hasCpuTimers = restNs != long.MaxValue;
        if (_hasCpuTimers)
        {
            // Linux looks at these timers once in a tick. Looking at once again at one that is late already would leave a program with many
            // no time.
            long nowNs = _executor.Clock.MonotonicNs;
            restNs = Math.Max(restNs, CpuTickNs);
            Process.System.CpuAlarm.Set(this, restNs >= long.MaxValue - nowNs ? long.MaxValue : nowNs + restNs);
        }
    }

    /// <summary>Counts the time since the thread got the CPU, or since this was called last.</summary>
    private void CountCpuTime(long nowNs)
    {
        long ns = nowNs - _switchedInNs;
        _switchedInNs = nowNs;
        _cpuTimeNs += ns;
        Process.AddCpuTime(ns);
    }
}
