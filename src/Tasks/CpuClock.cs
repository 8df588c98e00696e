using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>
/// The CPU-time clock of a process or of one of its threads (clock_getres(2), "CLOCK_PROCESS_CPUTIME_ID"), as timers see it.
/// </summary>
/// <remarks>
/// It goes on only while a thread of it has the CPU. A thread that gets the CPU sets one timer of the executor's, the
/// <see cref="CpuAlarm"/>, to the moment at which the first of these would be due if it kept it; so nothing is counted tick by tick, and a
/// program without such timers pays for none.
/// </remarks>
public abstract class CpuClock() : TimerClock(new TimerQueue())
{
    /// <summary>
    /// Time that has to be used until the first timer is due; 0 when it is late, <see cref="long.MaxValue"/> when there is none.
    /// </summary>
    [NonAllocating]
    internal long GetTimeToNext()
    {
        long nextNs = Timers.NextDeadlineNs;
        return nextNs == long.MaxValue ? long.MaxValue : Math.Max(0, nextNs - NowNs);
    }

    /// <summary>Runs the timers that are due.</summary>
    [NonAllocating]
    internal void Expire() => Timers.Expire(NowNs);

    /// <summary>Cancels every timer: the clock has stopped for good.</summary>
    internal void CancelAll() => Timers.CancelAll();
}

/// <summary>The clock of a process: what all its threads use.</summary>
internal sealed class ProcessCpuClock(Process process) : CpuClock
{
    /// <inheritdoc/>
    public override bool HasStopped => process.HasEnded;

    /// <inheritdoc/>
    public override long NowNs => process.CpuTimeNs;

    /// <inheritdoc/>
    protected override void OnArmed()
    {
        for (int i = 0; i < process.Threads.Count; i++)
        {
            process.Threads[i].NoteCpuTimer();
        }
    }
}

/// <summary>The clock of a thread.</summary>
internal sealed class ThreadCpuClock(GuestThread thread) : CpuClock
{
    /// <inheritdoc/>
    public override bool HasStopped => thread.HasEnded;

    /// <inheritdoc/>
    public override long NowNs => thread.CpuTimeNs;

    /// <inheritdoc/>
    protected override void OnArmed() => thread.NoteCpuTimer();
}
