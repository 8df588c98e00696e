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
internal sealed class PriorityFutexWait(GuestThread thread, ulong address)
{
    public GuestThread Thread { get; } = thread;

    /// <summary>Where the lock's word is in the memory of the thread.</summary>
    public ulong Address { get; } = address;

    /// <summary>Whether nobody has given it the lock yet.</summary>
    public bool IsQueued { get; set; } = true;
}
