using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>A call of semop(2) that waits until all of its operations can be done at once.</summary>
public sealed class SemaphoreWait : SingleWait
{
    private readonly SemaphoreArray _array;

    public SemaphoreWait(SemaphoreArray array, GuestThread thread, Sembuf[] operations, SemaphoreUndo? undo)
        : base(thread.Waiter)
    {
        _array = array;
        Thread = thread;
        Operations = operations;
        Undo = undo;
    }

    public GuestThread Thread { get; }

    public Sembuf[] Operations { get; }

    public SemaphoreUndo? Undo { get; }

    /// <summary>Which of the operations cannot be done.</summary>
    public int Blocking { get; set; }

    /// <summary>Whether it stands in the array's queue: nobody has decided yet.</summary>
    public bool IsQueued { get; set; }

    /// <summary>What the call answers, once it is decided.</summary>
    public Errno Result { get; set; }

    public SemaphoreWait? Next { get; set; }

    public SemaphoreWait? Previous { get; set; }

    /// <summary>Waits until somebody has done the operations. A signal ends it, and it is never made anew (signal(7)).</summary>
    public ValueTask<SysResult> WaitAsync(long deadlineNs)
    {
        _array.Enqueue(this);
        return StartAsync(deadlineNs);
    }

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        if (!IsQueued)
        {
            return Result;
        }

        _array.Dequeue(this);
        return result == WaitResult.TimedOut ? Errno.EAGAIN : Errno.EINTR;
    }
}
