using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>The moment at which timers on CPU time are due if the thread that has the CPU keeps it.</summary>
/// <remarks>It is not taken back when the thread leaves the CPU: an alarm that comes too early finds nothing due.</remarks>
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

    /// <inheritdoc/>
    protected override void OnExpired() => _thread?.ExpireCpuTimers();
}
