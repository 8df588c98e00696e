using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>The advisory locks on one file. Those of flock(2) and those of fcntl(2) do not see each other.</summary>
public sealed class FileLocks
{
    /// <summary>Woken when a lock is given up.</summary>
    public WaitQueue Released { get; } = new();

    public WholeFileLock Flock { get; }

    public RecordLocks Records { get; }

    /// <summary>Whether nobody holds any.</summary>
    public bool IsEmpty => Flock.IsFree && Records.IsFree;

    public FileLocks()
    {
        Flock = new WholeFileLock(Released);
        Records = new RecordLocks(Released);
    }

    /// <summary>Gives up what an open file holds: its descriptors are closed.</summary>
    public void ReleaseAll(OpenFile file)
    {
        Flock.Release(file);
        Records.Unlock(file, 0, long.MaxValue);
    }
}

/// <summary>A lock that open files hold on a whole file (flock(2)): many shared, or one exclusive.</summary>
public sealed class WholeFileLock(WaitQueue released)
{
    private readonly List<OpenFile> _holders = [];
    private bool _isExclusive;

    public bool IsFree => _holders.Count == 0;

    /// <summary>Takes, converts or gives up the lock.</summary>
    /// <returns>None; EAGAIN when somebody else's lock is in the way; EINVAL; ENOLCK when the kernel has no room for one more.</returns>
    public Errno Apply(OpenFile file, FlockOperation operation)
    {
        switch (operation & ~FlockOperation.LOCK_NB)
        {
            case FlockOperation.LOCK_UN:
                Release(file);
                return Errno.None;
            case FlockOperation.LOCK_SH or FlockOperation.LOCK_EX:
                break;
            default:
                return Errno.EINVAL;
        }
        bool wantsExclusive = (operation & FlockOperation.LOCK_EX) != 0;
        bool isHolder = _holders.Contains(file);
        if (isHolder && wantsExclusive == _isExclusive)
        {
            return Errno.None;
        }

        if (!KernelHeap.TryReserve(_holders, IntPtr.Size))
        {
            return Errno.ENOLCK;
        }

        // A conversion gives the old lock up first, and may lose it (flock(2)).
        Release(file);
        if (_holders.Count != 0 && (wantsExclusive || _isExclusive))
        {
            return Errno.EAGAIN;
        }
        _holders.Add(file);
        _isExclusive = wantsExclusive;
        return Errno.None;
    }

    public void Release(OpenFile file)
    {
        if (_holders.Remove(file))
        {
            _isExclusive = false;
            released.WakeAll();
        }
    }
}

/// <summary>The locks that processes hold on ranges of one file (fcntl(2), "Advisory record locking").</summary>
/// <remarks>An owner is a process's descriptor table, or an open file for the locks of F_OFD_SETLK.</remarks>
public sealed class RecordLocks(WaitQueue released)
{
    private const int RangeSize = 48;

    private readonly List<Range> _ranges = [];

    public bool IsFree => _ranges.Count == 0;

    /// <summary>One lock.</summary>
    /// <param name="End">The last byte, <see cref="long.MaxValue"/> for up to the end whatever that is.</param>
    public readonly record struct Range(object Owner, int ProcessId, bool IsExclusive, long Start, long End)
    {
        public bool Overlaps(long start, long end) => Start <= end && start <= End;
    }

    /// <summary>Finds a lock of somebody else that is in the way.</summary>
    public bool TryFindConflict(object owner, bool isExclusive, long start, long end, out Range conflict)
    {
        foreach (Range range in _ranges)
        {
            if (range.Owner != owner && (isExclusive || range.IsExclusive) && range.Overlaps(start, end))
            {
                conflict = range;
                return true;
            }
        }
        conflict = default;
        return false;
    }

    /// <summary>Takes a lock on a range, in place of what the owner had there.</summary>
    /// <returns>None; EAGAIN when somebody else's lock is in the way; ENOLCK when the kernel has no room for more.</returns>
    public Errno Lock(object owner, int processId, bool isExclusive, long start, long end)
    {
        if (TryFindConflict(owner, isExclusive, start, end, out _))
        {
            return Errno.EAGAIN;
        }
        // The lock itself, and what is left behind it of one that it cuts in two.
        if (!KernelHeap.TryReserve(_ranges, RangeSize, 2))
        {
            return Errno.ENOLCK;
        }
        Remove(owner, start, end);
        Join(owner, isExclusive, ref start, ref end);
        _ranges.Add(new Range(owner, processId, isExclusive, start, end));
        released.WakeAll();
        return Errno.None;
    }

    /// <summary>Gives up what the owner has locked in a range.</summary>
    /// <returns>None; ENOLCK when a lock would have to be cut in two and the kernel has no room for the second part.</returns>
    public Errno Unlock(object owner, long start, long end)
    {
        // No lock reaches beyond both ends of a whole file: what is closed is unlocked without memory.
        if ((start > 0 || end < long.MaxValue) && !KernelHeap.TryReserve(_ranges, RangeSize))
        {
            return Errno.ENOLCK;
        }

        if (Remove(owner, start, end))
        {
            released.WakeAll();
        }

        return Errno.None;
    }

    /// <summary>Takes like locks that touch a range into it.</summary>
    private void Join(object owner, bool isExclusive, ref long start, ref long end)
    {
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            Range range = _ranges[i];
            bool touches = (range.End != long.MaxValue && range.End + 1 == start) || (end != long.MaxValue && end + 1 == range.Start);
            if (touches && range.Owner == owner && range.IsExclusive == isExclusive)
            {
                start = Math.Min(start, range.Start);
                end = Math.Max(end, range.End);
                _ranges.RemoveAt(i);
            }
        }
    }

    private bool Remove(object owner, long start, long end)
    {
        bool isChanged = false;
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            Range range = _ranges[i];
            if (range.Owner != owner || !range.Overlaps(start, end))
            {
                continue;
            }
            isChanged = true;
            _ranges.RemoveAt(i);
            if (range.Start < start)
            {
                _ranges.Add(range with { End = start - 1 });
            }
            if (range.End > end)
            {
                _ranges.Add(range with { Start = end + 1 });
            }
        }
        return isChanged;
    }
}
