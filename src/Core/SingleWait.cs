using System.Threading.Tasks.Sources;
using Semitone.Abi;

namespace Semitone.Core;

/// <summary>
/// A system call that is over as soon as one wait of its thread is. It goes on by a method, not by an async one, and so allocates nothing.
/// </summary>
public abstract class SingleWait : IValueTaskSource<SysResult>
{
    protected SingleWait(Waiter waiter)
    {
        Waiter = waiter;
    }

    public Waiter Waiter { get; }

    ValueTaskSourceStatus IValueTaskSource<SysResult>.GetStatus(short token) => Waiter.GetStatus(token);

    SysResult IValueTaskSource<SysResult>.GetResult(short token) => Finish(Waiter.GetResult(token));

    void IValueTaskSource<SysResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        Waiter.OnCompleted(continuation, state, token, flags);

    /// <summary>Waits.</summary>
    /// <param name="deadlineNs">On the monotonic clock; <see cref="long.MaxValue"/> for none.</param>
    /// <param name="followsRealtime">Whether that is a time of day, and moves when that is set.</param>
    protected ValueTask<SysResult> StartAsync(long deadlineNs, bool followsRealtime = false)
    {
        ValueTask<WaitResult> wait = Waiter.WaitAsync(deadlineNs, followsRealtime: followsRealtime);
        return wait.IsCompleted ? new ValueTask<SysResult>(Finish(wait.Result)) : new ValueTask<SysResult>(this, Waiter.Token);
    }

    /// <summary>Makes the result of the call from that of the wait.</summary>
    protected abstract SysResult Finish(WaitResult result);
}
