using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The moment at which timers on CPU time are due if the thread that has the CPU keeps it.</summary>
internal sealed class CpuAlarm : KernelTimer
{
    private readonly TimerQueue _timers;
    private GuestThread? _thread;

    public CpuAlarm(TimerQueue timers)
    {
        _timers = timers;
        if (!TryReserve(timers))
        {
            throw new InvalidOperationException("A queue without timers has room for one.");
        }
    }

    [NonAllocating]
    public void Set(GuestThread thread, long deadlineNs)
    {
        _thread = thread;
        _timers.Arm(this, deadlineNs);
    }

    /// <summary>Takes it back: the thread leaves the CPU.</summary>
    [NonAllocating]
    public void Clear()
    {
        _thread = null;
        _timers.Cancel(this);
    }

    /// <inheritdoc/>
    protected override void OnExpired() => _thread?.ExpireCpuTimers();
}
