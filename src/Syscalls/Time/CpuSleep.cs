using Semitone.Abi;
using Semitone.Core;
using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>The timer of a thread that sleeps by a CPU-time clock (clock_nanosleep(2)).</summary>
internal sealed class CpuSleep : KernelTimer
{
    private readonly Waiter _waiter;

    private CpuSleep(Waiter waiter)
    {
        _waiter = waiter;
    }

    /// <summary>Sleeps until the clock shows a time.</summary>
    /// <returns>None, EINTR, or ENOMEM.</returns>
    public static async ValueTask<Errno> WaitUntilAsync(GuestThread thread, CpuClock clock, long deadlineNs)
    {
        if (deadlineNs <= clock.NowNs)
        {
            return Errno.None;
        }

        CpuSleep sleep = new(thread.Waiter);
        if (!clock.TryReserve(sleep))
        {
            return Errno.ENOMEM;
        }

        clock.Arm(sleep, deadlineNs);
        WaitResult result = WaitResult.Woken;
        while (sleep.IsArmed && result != WaitResult.Interrupted)
        {
            result = await thread.Waiter.WaitAsync();
        }

        bool isInterrupted = sleep.IsArmed;
        sleep.Release();
        return isInterrupted ? Errno.EINTR : Errno.None;
    }

    /// <inheritdoc/>
    protected override void OnExpired() => _waiter.TryWake();
}
