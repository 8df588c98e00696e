using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>A thread's places at several words at once, and its wait there (futex_waitv(2)).</summary>
public sealed class FutexGroup : SingleWait
{
    private readonly FutexTable _futexes;
    private readonly FutexWaiter[] _waiters;
    private int _count;

    private FutexGroup(GuestThread thread, FutexWaiter[] waiters)
        : base(thread.Waiter)
    {
        _futexes = thread.Process.System.Futexes;
        _waiters = waiters;
    }

    /// <summary>Makes room for a number of places.</summary>
    /// <returns>False when the kernel's heap has none.</returns>
    public static bool TryCreate(GuestThread thread, int count, out FutexGroup? group)
    {
        const int BytesPerWaiter = 160;
        group = null;
        if (!KernelHeap.HasRoom(count * BytesPerWaiter))
        {
            return false;
        }

        FutexWaiter[] waiters = new FutexWaiter[count];
        for (int i = 0; i < count; i++)
        {
            waiters[i] = new FutexWaiter(thread);
        }

        group = new FutexGroup(thread, waiters);
        return true;
    }

    /// <summary>Enters the list of the next word. The thread reads the words then, and waits or leaves.</summary>
    public void Enter(FutexKey key) => _futexes.Enter(_waiters[_count++], key, FutexWord.FUTEX_BITSET_MATCH_ANY);

    /// <summary>Leaves all lists without waiting.</summary>
    /// <returns>Which word there was a wake at, the first of several; -1 when there was none.</returns>
    public int Leave()
    {
        int woken = LeaveLists();
        Waiter.Cancel();
        return woken;
    }

    /// <summary>Waits for a wake at one of the words, after they have been read.</summary>
    /// <returns>Which one; ETIMEDOUT, or a restart.</returns>
    public ValueTask<SysResult> WaitAsync(long deadlineNs, bool followsRealtime) => StartAsync(deadlineNs, followsRealtime);

    /// <inheritdoc/>
    protected override SysResult Finish(WaitResult result)
    {
        int woken = LeaveLists();
        return woken >= 0 ? woken
            : result == WaitResult.TimedOut ? Errno.ETIMEDOUT
            : RestartErrno.ERESTARTSYS;
    }

    private int LeaveLists()
    {
        int woken = -1;
        for (int i = _count - 1; i >= 0; i--)
        {
            woken = _futexes.Leave(_waiters[i]) ? woken : i;
        }

        return woken;
    }
}
