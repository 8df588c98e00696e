using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A lock with priority inheritance that somebody waits for (futex(2), "Priority-inheritance futexes").</summary>
internal sealed class PriorityFutex(FutexKey key, GuestThread owner)
{
    public FutexKey Key { get; } = key;

    /// <summary>Who has it.</summary>
    public GuestThread Owner { get; set; } = owner;

    /// <summary>Those that wait, in the order that they came: all threads have the same priority, however nice they are.</summary>
    public List<PriorityFutexWait> Waiting { get; } = [];
}

/// <summary>A thread that waits for a lock with priority inheritance.</summary>
internal sealed class PriorityFutexWait : SingleWait
{
    private readonly PriorityFutexTable _table;
    private readonly PriorityFutex _lock;

    public PriorityFutexWait(PriorityFutexTable table, PriorityFutex wanted, GuestThread thread, ulong address)
        : base(thread.Waiter)
    {
        _table = table;
        _lock = wanted;
        Thread = thread;
        Address = address;
    }

    public GuestThread Thread { get; }

    /// <summary>Where the lock's word is in the memory of the thread.</summary>
    public ulong Address { get; }

    /// <summary>Whether nobody has given it the lock yet.</summary>
    public bool IsQueued { get; set; } = true;

    public ValueTask<SysResult> WaitAsync(long deadlineNs, bool followsRealtime) => StartAsync(deadlineNs, followsRealtime);

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        if (!IsQueued)
        {
            return SysResult.Success;
        }

        _table.GiveUp(_lock, this);

        // Not EINTR, whatever the handler asks for: the call goes on, with the same deadline (futex(2)).
        return result == WaitResult.TimedOut ? Errno.ETIMEDOUT : RestartErrno.ERESTARTNOINTR;
    }
}
