namespace Semitone.Core;

/// <summary>The timers of one CPU, by deadline: a binary heap in which every timer knows its place, so that cancelling is O(log n).</summary>
public sealed class TimerQueue
{
    private readonly Executor? _executor;
    private KernelLock _lock;
    private KernelTimer[] _heap = new KernelTimer[16];
    private int _count;

    /// <param name="executor">Whose alarm the first timer sets; none in a test of the queue itself.</param>
    public TimerQueue(Executor? executor = null)
    {
        _executor = executor;
    }

    /// <summary>When the first timer is due; <see cref="long.MaxValue"/> when there is none.</summary>
    public long NextDeadlineNs { get; private set; } = long.MaxValue;

    public int Count => _count;

    /// <summary>Arms a timer, or moves one that is armed already.</summary>
    public void Arm(KernelTimer timer, long deadlineNs)
    {
        _lock.Enter(LockRank.TimerQueue);
        if (timer.HeapIndex == KernelTimer.NotQueued)
        {
            if (_count == _heap.Length)
            {
                Array.Resize(ref _heap, _count * 2);
            }

            timer.DeadlineNs = deadlineNs;
            SiftUp(timer, _count++);
        }
        else
        {
            timer.DeadlineNs = deadlineNs;
            Replace(timer, timer.HeapIndex);
        }

        UpdateNext();
        _lock.Exit(LockRank.TimerQueue);
    }

    /// <summary>Takes a timer out.</summary>
    /// <returns>False when it was not armed (any more).</returns>
    public bool Cancel(KernelTimer timer)
    {
        _lock.Enter(LockRank.TimerQueue);
        bool wasArmed = timer.HeapIndex != KernelTimer.NotQueued;
        if (wasArmed)
        {
            Remove(timer);
            UpdateNext();
        }

        _lock.Exit(LockRank.TimerQueue);
        return wasArmed;
    }

    /// <summary>Runs every timer that is due. A callback may arm and cancel timers, its own too.</summary>
    /// <returns>How many ran.</returns>
    public int Expire(long nowNs)
    {
        int expired = 0;
        while (NextDeadlineNs <= nowNs)
        {
            _lock.Enter(LockRank.TimerQueue);
            KernelTimer timer = _heap[0];
            Remove(timer);
            UpdateNext();
            _lock.Exit(LockRank.TimerQueue);
            timer.OnExpired();
            expired++;
        }

        return expired;
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
