using System.Numerics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An epoll instance (epoll(7)): watches many files at the cost of those that are ready.</summary>
/// <remarks>
/// An item stands as a listener in the queues of its file. A wake there puts it on the list of those that may be ready, and wakes
/// who waits for the instance; epoll_wait(2) looks at these only. An item that was reported leaves the list when it is
/// edge-triggered, and comes last otherwise, to be looked at again. Watching a file does not keep it open.
/// </remarks>
public sealed class OpenEpoll(Inode inode) : OpenFile(inode, OpenFlags.O_RDWR)
{
    /// <summary>The bits of an item's events that say how, not what.</summary>
    internal const EpollEvents BehaviourFlags =
        EpollEvents.EPOLLET | EpollEvents.EPOLLONESHOT | EpollEvents.EPOLLWAKEUP | EpollEvents.EPOLLEXCLUSIVE;

    /// <summary>How many instances may watch each other in a row.</summary>
    private const int MaximumDepth = 5;

    /// <summary>In how many ways an instance may be watched, directly and by way of others: a wake goes all of them.</summary>
    private const int MaximumPaths = 500;

    private const EpollEvents AlwaysReported = EpollEvents.EPOLLERR | EpollEvents.EPOLLHUP;

    private readonly WaitQueue _queue = new();
    private EpollItem?[] _items = [];
    private EpollItem? _firstReady;
    private EpollItem? _lastReady;
    private int _readyCount;

    // Instances that watch each other are walked over with a mark, since there may be many ways to one.
    private static long s_visit;
    private long _visit;
    private int _depth;

    /// <summary>Starts to watch a file.</summary>
    /// <returns>None, EEXIST, EPERM for a file that is always ready, ELOOP, EINVAL when too many instances watch each other, or
    /// ENOMEM.</returns>
    public Errno Add(Fd fd, OpenFile file, EpollEvents events, ulong data)
    {
        if (!file.IsPollable)
        {
            return Errno.EPERM;
        }

        if (Find(fd, file) is not null)
        {
            return Errno.EEXIST;
        }

        if (file is OpenEpoll other)
        {
            s_visit++;
            if (other.Watches(this))
            {
                return Errno.ELOOP;
            }

            s_visit++;
            int depth = other.GetDepth();
            s_visit++;
            if (depth + GetHeight() > MaximumDepth)
            {
                return Errno.ELOOP;
            }
        }

        bool isLong = fd.Number < _items.Length
            || KernelHeap.TryResize(ref _items, (int)BitOperations.RoundUpToPowerOf2((uint)fd.Number + 1), IntPtr.Size);
        if (!isLong || !KernelHeap.HasRoom())
        {
            return Errno.ENOMEM;
        }

        EpollItem item = new(this, fd, file) { NextOfFd = _items[fd.Number], NextOfFile = file.FirstEpollItem };
        _items[fd.Number] = item;
        file.FirstEpollItem = item;
        s_visit++;
        if (file is OpenEpoll nested && nested.HasTooManyPaths())
        {
            item.Remove();
            return Errno.EINVAL;
        }

        SetEvents(item, events, data);
        file.Enlist(item, (PollEvents)(ushort)(item.Events & ~BehaviourFlags));
        ListIfReady(item);
        return Errno.None;
    }

    /// <summary>Changes what is watched for.</summary>
    /// <returns>None, ENOENT, or EINVAL for an item that is exclusive.</returns>
    public Errno Modify(Fd fd, OpenFile file, EpollEvents events, ulong data)
    {
        EpollItem? item = Find(fd, file);
        if (item is null)
        {
            return Errno.ENOENT;
        }

        if ((item.Events & EpollEvents.EPOLLEXCLUSIVE) != 0)
        {
            return Errno.EINVAL;
        }

        // Files may join other queues for other events.
        item.LeaveQueues();
        SetEvents(item, events, data);
        file.Enlist(item, (PollEvents)(ushort)(item.Events & ~BehaviourFlags));
        ListIfReady(item);
        return Errno.None;
    }

    /// <summary>Stops watching a file.</summary>
    /// <returns>None or ENOENT.</returns>
    public Errno Delete(Fd fd, OpenFile file)
    {
        EpollItem? item = Find(fd, file);
        item?.Remove();
        return item is null ? Errno.ENOENT : Errno.None;
    }

    /// <summary>Writes what has happened to a program's array.</summary>
    /// <returns>How many events; EFAULT only when not even the first could be written.</returns>
    public IoResult Report(UserMemory memory, UserPtr<EpollEvent> events, int capacity)
    {
        const int EventSize = 12;
        int count = 0;

        // One round: what is put back at the end is not for this call.
        for (int candidates = _readyCount; candidates > 0 && count < capacity; candidates--)
        {
            EpollItem item = _firstReady!;
            Unlist(item);
            EpollEvent occurrence = new() { events = item.Look(), data = item.Data };
            if (occurrence.events == EpollEvents.None)
            {
                continue;
            }

            if (!memory.TryWrite(new UserPtr<EpollEvent>(events.Address + ((ulong)count * EventSize)), occurrence))
            {
                List(item);
                return new IoResult(count, Errno.EFAULT);
            }

            count++;
            if ((item.Events & EpollEvents.EPOLLONESHOT) != 0)
            {
                item.Events &= BehaviourFlags;
            }
            else if ((item.Events & EpollEvents.EPOLLET) == 0)
            {
                List(item);
            }
        }

        return count;
    }

    public override PollEvents Poll()
    {
        for (EpollItem? item = _firstReady; item is not null; item = item.NextReady)
        {
            if (item.Look() != EpollEvents.None)
            {
                return PollEvents.POLLIN | PollEvents.POLLRDNORM;
            }
        }

        return PollEvents.None;
    }

    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(_queue);

    /// <remarks>The offset stays where it is, and that is no error.</remarks>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.None;
    }

    /// <summary>Something happened at a file.</summary>
    internal void OnWake(EpollItem item)
    {
        if (!item.IsDisabled)
        {
            List(item);
            _queue.WakeAll();
        }
    }

    internal void Remove(EpollItem item)
    {
        item.LeaveQueues();
        Unlist(item);
        if (_items[item.Fd.Number] == item)
        {
            _items[item.Fd.Number] = item.NextOfFd;
        }
        else
        {
            EpollItem previous = _items[item.Fd.Number]!;
            while (previous.NextOfFd != item)
            {
                previous = previous.NextOfFd!;
            }

            previous.NextOfFd = item.NextOfFd;
        }

        OpenFile file = item.File;
        if (file.FirstEpollItem == item)
        {
            file.FirstEpollItem = item.NextOfFile;
        }
        else
        {
            EpollItem previous = file.FirstEpollItem!;
            while (previous.NextOfFile != item)
            {
                previous = previous.NextOfFile!;
            }

            previous.NextOfFile = item.NextOfFile;
        }
    }

    protected override void OnClosed()
    {
        for (int fd = 0; fd < _items.Length; fd++)
        {
            while (_items[fd] is { } item)
            {
                item.Remove();
            }
        }
    }

    private static void SetEvents(EpollItem item, EpollEvents events, ulong data)
    {
        item.Events = events | AlwaysReported;
        item.Data = data;
    }

    private EpollItem? Find(Fd fd, OpenFile file)
    {
        EpollItem? item = (uint)fd.Number < (uint)_items.Length ? _items[fd.Number] : null;
        while (item is not null && item.File != file)
        {
            item = item.NextOfFd;
        }

        return item;
    }

    private void ListIfReady(EpollItem item)
    {
        if (item.Look() != EpollEvents.None)
        {
            List(item);
            _queue.WakeAll();
        }
    }

    /// <summary>Tells whether this instance watches another, or itself is it, by way of others too.</summary>
    private bool Watches(OpenEpoll other)
    {
        if (this == other)
        {
            return true;
        }

        bool isNew = _visit != s_visit;
        _visit = s_visit;
        for (EpollItem? item = isNew ? FindNested(null) : null; item is not null; item = FindNested(item))
        {
            if (((OpenEpoll)item.File).Watches(other))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How many instances in a row this one is the first of.</summary>
    private int GetDepth()
    {
        if (_visit != s_visit)
        {
            _visit = s_visit;
            int deepest = 0;
            for (EpollItem? item = FindNested(null); item is not null; item = FindNested(item))
            {
                deepest = Math.Max(deepest, ((OpenEpoll)item.File).GetDepth());
            }

            _depth = deepest + 1;
        }

        return _depth;
    }

    /// <summary>How many instances in a row this one is the last of.</summary>
    private int GetHeight()
    {
        if (_visit != s_visit)
        {
            _visit = s_visit;
            int highest = 0;
            for (EpollItem? item = FirstEpollItem; item is not null; item = item.NextOfFile)
            {
                highest = Math.Max(highest, item.Epoll.GetHeight());
            }

            _depth = highest + 1;
        }

        return _depth;
    }

    /// <summary>Tells whether this instance, or one that it watches, is watched in more ways than a wake should go.</summary>
    private bool HasTooManyPaths()
    {
        bool isNew = _visit != s_visit;
        _visit = s_visit;
        int left = MaximumPaths;
        if (isNew && !CountPaths(ref left))
        {
            return true;
        }

        for (EpollItem? item = isNew ? FindNested(null) : null; item is not null; item = FindNested(item))
        {
            if (((OpenEpoll)item.File).HasTooManyPaths())
            {
                return true;
            }
        }

        return false;
    }

    private bool CountPaths(ref int left)
    {
        for (EpollItem? item = FirstEpollItem; item is not null; item = item.NextOfFile)
        {
            if (--left < 0 || !item.Epoll.CountPaths(ref left))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Finds the next item, from the start or after another, that is an instance itself.</summary>
    private EpollItem? FindNested(EpollItem? previous)
    {
        EpollItem? item = previous?.NextOfFd;
        for (int fd = previous is null ? 0 : previous.Fd.Number + 1; ; fd++)
        {
            for (; item is not null; item = item.NextOfFd)
            {
                if (item.File is OpenEpoll)
                {
                    return item;
                }
            }

            if (fd >= _items.Length)
            {
                return null;
            }

            item = _items[fd];
        }
    }

    private void List(EpollItem item)
    {
        if (item.IsListed)
        {
            return;
        }

        item.IsListed = true;
        item.PreviousReady = _lastReady;
        item.NextReady = null;
        if (_lastReady is null)
        {
            _firstReady = item;
        }
        else
        {
            _lastReady.NextReady = item;
        }

        _lastReady = item;
        _readyCount++;
    }

    private void Unlist(EpollItem item)
    {
        if (!item.IsListed)
        {
            return;
        }

        if (item.PreviousReady is null)
        {
            _firstReady = item.NextReady;
        }
        else
        {
            item.PreviousReady.NextReady = item.NextReady;
        }

        if (item.NextReady is null)
        {
            _lastReady = item.PreviousReady;
        }
        else
        {
            item.NextReady.PreviousReady = item.PreviousReady;
        }

        item.IsListed = false;
        item.NextReady = null;
        item.PreviousReady = null;
        _readyCount--;
    }
}
