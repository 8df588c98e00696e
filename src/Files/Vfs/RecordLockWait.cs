using System.Diagnostics.CodeAnalysis;

namespace Semitone.Files;

/// <summary>A record lock of a process that waits for those of others (F_SETLKW in fcntl(2)).</summary>
/// <param name="locks">The locks of the file.</param>
/// <param name="owner">The descriptors of the process, which own its locks.</param>
public sealed class RecordLockWait(RecordLocks locks, FileTable owner, bool isExclusive, long start, long end)
{
    /// <summary>Locks in a row that each wait for the next: beyond them nobody looks.</summary>
    private const int MaximumDepth = 10;

    private RecordLockWait? _next;

    /// <summary>Takes note that the lock waits.</summary>
    public void Begin()
    {
        _next = owner.FirstLockWait;
        owner.FirstLockWait = this;
    }

    /// <summary>Takes note that it does no longer.</summary>
    public void End()
    {
        if (owner.FirstLockWait == this)
        {
            owner.FirstLockWait = _next;
            return;
        }

        RecordLockWait? previous = owner.FirstLockWait;
        while (previous is not null && previous._next != this)
        {
            previous = previous._next;
        }

        if (previous is not null)
        {
            previous._next = _next;
        }
    }

    /// <summary>Tells whether the lock would wait for its own process, by way of others (EDEADLK).</summary>
    /// <remarks>As on Linux, each looks at the first lock that is in its way, and at one that its owner waits for.</remarks>
    public bool WouldDeadlock()
    {
        RecordLockWait? wait = this;
        for (int depth = 0; depth < MaximumDepth && wait is not null; depth++)
        {
            // Locks of open files wait for nobody that could be told.
            if (!wait.TryFindBlocker(out FileTable? blocker))
            {
                return false;
            }

            if (blocker == owner)
            {
                return true;
            }

            wait = blocker.FirstLockWait;
        }

        return false;
    }

    private bool TryFindBlocker([NotNullWhen(true)] out FileTable? blocker)
    {
        bool isBlocked = locks.TryFindConflict(owner, isExclusive, start, end, out RecordLocks.Range conflict);
        blocker = isBlocked ? conflict.Owner as FileTable : null;
        return blocker is not null;
    }
}
