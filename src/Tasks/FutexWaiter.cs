using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>The place of one thread in the <see cref="FutexTable"/>, and its wait there.</summary>
internal sealed class FutexWaiter : SingleWait
{
    private readonly GuestThread _thread;
    private RestartBlock _restart;

    public FutexWaiter(GuestThread thread)
        : base(thread.Waiter)
    {
        _thread = thread;
    }

    public FutexKey Key { get; set; }

    /// <summary>The bits that a wake must share one of.</summary>
    public uint BitSet { get; set; }

    /// <summary>The list that it is in; null when in none.</summary>
    public FutexBucket? Bucket { get; set; }

    public FutexWaiter? Next { get; set; }

    public FutexWaiter? Previous { get; set; }

    /// <summary>Waits for a wake, having entered the table.</summary>
    /// <param name="restart">How the wait goes on after an interruption; its deadline is that of the wait.</param>
    public ValueTask<SysResult> StartAsync(in RestartBlock restart)
    {
        _restart = restart;
        return StartAsync(restart.DeadlineNs, restart.FollowsRealtime);
    }

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        if (result == WaitResult.Woken)
        {
            return SysResult.Success;
        }

        _thread.Process.System.Futexes.Leave(_thread);
        if (result == WaitResult.TimedOut)
        {
            return Errno.ETIMEDOUT;
        }

        if (_restart.DeadlineNs == long.MaxValue)
        {
            return RestartErrno.ERESTARTSYS;
        }

        // A time of day that was set meanwhile has moved it.
        _thread.RestartBlock = _restart with { DeadlineNs = Waiter.DeadlineNs };
        return RestartErrno.ERESTART_RESTARTBLOCK;
    }
}
