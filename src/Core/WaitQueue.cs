namespace Semitone.Core;

/// <summary>Those who wait for one thing to happen, first come first served.</summary>
/// <remarks>
/// Whoever waits enlists first, then looks whether the thing has happened already, and only then waits:
/// <code>
/// waiter.Enlist(queue);
/// if (file.Poll() has what is wanted) { waiter.Cancel(); ... }
/// WaitResult result = await waiter.WaitAsync(deadlineNs);   // leaves all queues when it completes
/// </code>
/// so that no wake is lost between the look and the wait. A wake says "look again", not that the thing is still so.
/// </remarks>
public sealed class WaitQueue
{
    private KernelLock _lock = new(LockRank.WaitQueue);
    private WaitNode? _first;
    private WaitNode? _last;
    private WaitListener.Node? _firstListener;

    public bool HasWaiters => _first is not null;

    /// <summary>Wakes everybody that waits now.</summary>
    [NonAllocating]
    public int WakeAll() => Wake(int.MaxValue);

    /// <summary>Wakes the <paramref name="count"/> that have waited longest.</summary>
    /// <returns>How many were woken.</returns>
    [NonAllocating]
    public int Wake(int count)
    {
        if (_firstListener is not null)
        {
            NotifyListeners();
        }

        int woken = 0;
        while (woken < count && _first is not null)
        {
            WaitNode? node;
            using (_lock.Enter())
            {
                node = _first;
                if (node is not null)
                {
                    Unlink(node);
                }
            }

            if (node is not null && node.Waiter.TryComplete(WaitResult.Woken))
            {
                woken++;
            }
        }

        return woken;
    }

    internal void Add(WaitNode node)
    {
        using (_lock.Enter())
        {
            node.Queue = this;
            node.Previous = _last;
            if (_last is null)
            {
                _first = node;
            }
            else
            {
                _last.Next = node;
            }

            _last = node;
        }
    }

    internal void Remove(WaitNode node)
    {
        using (_lock.Enter())
        {
            if (node.Queue == this)
            {
                Unlink(node);
            }
        }
    }

    internal void Add(WaitListener.Node node)
    {
        using (_lock.Enter())
        {
            node.Next = _firstListener;
            if (_firstListener is not null)
            {
                _firstListener.Previous = node;
            }

            _firstListener = node;
        }
    }

    internal void Remove(WaitListener.Node node)
    {
        using (_lock.Enter())
        {
            if (node.Previous is null)
            {
                _firstListener = node.Next;
            }
            else
            {
                node.Previous.Next = node.Next;
            }

            if (node.Next is not null)
            {
                node.Next.Previous = node.Previous;
            }
        }
    }

    private void NotifyListeners()
    {
        // Not under the lock: a listener wakes queues of its own. A node that is removed meanwhile still leads on.
        for (WaitListener.Node? node = _firstListener; node is not null; node = node.Next)
        {
            node.Listener.OnWake();
        }
    }

    private void Unlink(WaitNode node)
    {
        if (node.Previous is null)
        {
            _first = node.Next;
        }
        else
        {
            node.Previous.Next = node.Next;
        }

        if (node.Next is null)
        {
            _last = node.Previous;
        }
        else
        {
            node.Next.Previous = node.Previous;
        }

        node.Previous = null;
        node.Next = null;
        node.Queue = null;
    }
}
