using System.Diagnostics;

namespace Semitone.Core;

/// <summary>
/// The timers of one CPU, by deadline: a binary heap in which every timer knows its place, so that cancelling is O(log n).
/// </summary>
public sealed class TimerQueue
{
    private const int InitialLength = 16;

    private readonly Executor? _executor;
    private KernelLock _lock = new(LockRank.TimerQueue);
    private KernelTimer[] _heap = new KernelTimer[InitialLength];
    private int _count;

    /// <summary>Timers that may be armed at the same time; the heap is at least as long.</summary>
    private int _reservedCount;

    /// <param name="executor">Whose alarm the first timer sets; none in a test of the queue itself.</param>
    public TimerQueue(Executor? executor = null)
    {
        _executor = executor;
    }

    /// <summary>When the first timer is due; <see cref="long.MaxValue"/> when there is none.</summary>
    public long NextDeadlineNs { get; private set; } = long.MaxValue;

    public int Count => _count;

    /// <summary>Timers that have their place here, armed or not.</summary>
    public int ReservedCount => _reservedCount;

    /// <summary>Arms a timer that has its place here, or moves one that is armed already.</summary>
    /// <param name="timer">The timer.</param>
    /// <param name="deadlineNs">When, on the monotonic clock.</param>
    /// <param name="followsRealtime">Whether that is a time of day, and moves with <see cref="ShiftRealtime"/>.</param>
    [NonAllocating]
    public void Arm(KernelTimer timer, long deadlineNs, bool followsRealtime = false)
    {
        Debug.Assert(timer.Queue == this, "The timer has no place in this queue.");
        using (_lock.Enter())
        {
            timer.FollowsRealtime = followsRealtime;
            timer.DeadlineNs = deadlineNs;
            if (timer.HeapIndex == KernelTimer.NotQueued)
            {
                SiftUp(timer, _count++);
            }
            else
            {
                Replace(timer, timer.HeapIndex);
            }

            UpdateNext();
        }
    }

    /// <summary>Takes a timer out.</summary>
    /// <returns>False when it was not armed (any more).</returns>
    [NonAllocating]
    public bool Cancel(KernelTimer timer)
    {
        using (_lock.Enter())
        {
            if (timer.HeapIndex == KernelTimer.NotQueued)
            {
                return false;
            }

            Remove(timer);
            UpdateNext();
            return true;
        }
    }

    /// <summary>Takes every timer out.</summary>
    [NonAllocating]
    public void CancelAll()
    {
        using (_lock.Enter())
        {
            while (_count > 0)
            {
                Remove(_heap[_count - 1]);
            }

            UpdateNext();
        }
    }

    /// <summary>Moves the timers that are due at a time of day, because that has been set.</summary>
    /// <param name="forwardNs">By how much; negative for backwards.</param>
    [NonAllocating]
    public void ShiftRealtime(long forwardNs)
    {
        using (_lock.Enter())
        {
            for (int i = 0; i < _count; i++)
            {
                KernelTimer timer = _heap[i];
                if (timer.FollowsRealtime && timer.DeadlineNs != long.MaxValue)
                {
                    timer.DeadlineNs = ShiftBack(timer.DeadlineNs, forwardNs);
                }
            }

            for (int i = (_count / 2) - 1; i >= 0; i--)
            {
                SiftDown(_heap[i], i);
            }

            UpdateNext();
        }
    }

    /// <summary>Runs every timer that is due. A callback may arm and cancel timers, its own too.</summary>
    /// <returns>How many ran.</returns>
    [NonAllocating]
    public int Expire(long nowNs)
    {
        int expired = 0;
        while (NextDeadlineNs <= nowNs)
        {
            KernelTimer timer;
            using (_lock.Enter())
            {
                timer = _heap[0];
                Remove(timer);
                UpdateNext();
            }

            timer.OnExpired();
            expired++;
        }

        return expired;
    }

    /// <summary>Subtracts; what overflows is as far away as a timer that comes at all can be.</summary>
    [NonAllocating]
    private static long ShiftBack(long deadlineNs, long forwardNs)
    {
        long shifted = unchecked(deadlineNs - forwardNs);
        if (((deadlineNs ^ forwardNs) & (deadlineNs ^ shifted)) < 0)
        {
            return deadlineNs < 0 ? long.MinValue : long.MaxValue - 1;
        }

        return Math.Min(shifted, long.MaxValue - 1);
    }

    /// <summary>Makes room for one more timer.</summary>
    /// <returns>False when the kernel's heap has none.</returns>
    internal bool TryReserve()
    {
        while (true)
        {
            int length;
            using (_lock.Enter())
            {
                if (_reservedCount < _heap.Length)
                {
                    _reservedCount++;
                    return true;
                }

                length = _heap.Length * 2;
            }

            if (!KernelHeap.TryAllocate(length, IntPtr.Size, out KernelTimer[]? longer))
            {
                return false;
            }

            using (_lock.Enter())
            {
                if (_heap.Length < length)
                {
                    Array.Copy(_heap, longer, _count);
                    _heap = longer;
                }
            }
        }
    }

    /// <summary>Takes back the place of a timer that is not armed.</summary>
    internal void GiveBack()
    {
        using (_lock.Enter())
        {
            _reservedCount--;
        }
    }

    private void UpdateNext()
    {
        long nextNs = _count == 0 ? long.MaxValue : _heap[0].DeadlineNs;
        if (nextNs < NextDeadlineNs && _executor is not null)
        {
            // The guest that runs now runs with an alarm that is too late.
            _executor.NeedsAttention = true;
        }

        NextDeadlineNs = nextNs;
    }

    private void Remove(KernelTimer timer)
    {
        int index = timer.HeapIndex;
        timer.HeapIndex = KernelTimer.NotQueued;
        KernelTimer last = _heap[--_count];
        _heap[_count] = null!;
        if (last != timer)
        {
            Replace(last, index);
        }
    }

    /// <summary>Puts a timer into a hole, and then where it belongs.</summary>
    private void Replace(KernelTimer timer, int index)
    {
        if (index > 0 && timer.DeadlineNs < _heap[(index - 1) / 2].DeadlineNs)
        {
            SiftUp(timer, index);
        }
        else
        {
            SiftDown(timer, index);
        }
    }

    private void SiftUp(KernelTimer timer, int index)
    {
        while (index > 0)
        {
            int parent = (index - 1) / 2;
            if (_heap[parent].DeadlineNs <= timer.DeadlineNs)
            {
                break;
            }

            Place(_heap[parent], index);
            index = parent;
        }

        Place(timer, index);
    }

    private void SiftDown(KernelTimer timer, int index)
    {
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && _heap[child + 1].DeadlineNs < _heap[child].DeadlineNs)
            {
                child++;
            }

            if (timer.DeadlineNs <= _heap[child].DeadlineNs)
            {
                break;
            }

            Place(_heap[child], index);
            index = child;
        }

        Place(timer, index);
    }

    private void Place(KernelTimer timer, int index)
    {
        _heap[index] = timer;
        timer.HeapIndex = index;
    }
}
