using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>What a thread owes those with whom it shares its memory.</summary>
public sealed partial class GuestThread
{
    /// <summary>
    /// Does what the memory expects of a thread that leaves it, by its end or by execve(2): lets go of robust locks, and writes the word
    /// that joiners wait for where anybody is left to read it (set_tid_address(2)).
    /// </summary>
    internal void ReleaseMemory()
    {
        RobustList.Release(this);
        if (Process.System.PriorityFutexes.Count != 0)
        {
            Process.System.PriorityFutexes.OnThreadEnding(this);
        }

        MemoryLeavings?.WakeAll();
        MemoryLeavings = null;
        ulong address = ClearChildTid;
        ClearChildTid = 0;
        AddressSpace space = Process.AddressSpace;
        if (address != 0
            && (Process.LiveThreadCount > 1 || space.UserCount > 1)
            && space.Memory.TryWrite(new UserPtr<int>(address), 0)
            && space.TryGetFutexKey(address, isPrivate: false, out FutexKey key))
        {
            Process.System.Futexes.Wake(key, 1);
        }
    }

    /// <summary>
    /// Where the thread waits that has made this one and lent it its memory, until this one has left it (CLONE_VFORK); else null.
    /// </summary>
    internal WaitQueue? MemoryLeavings { get; set; }

    /// <summary>
    /// Waits until a thread that was lent the memory has left it (vfork(2)). Only the end of the waiting thread ends it before.
    /// </summary>
    public async ValueTask AwaitMemoryAsync(GuestThread maker)
    {
        while (MemoryLeavings is { } leavings)
        {
            if (await maker.Waiter.WaitAsync(leavings, mode: WaitMode.Killable) == WaitResult.Interrupted)
            {
                return;
            }
        }
    }
}
