using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>An inotify instance (inotify(7)): hears what happens to the files that it watches.</summary>
public sealed class OpenInotify : OpenFile
{
    private const InotifyMask KeptFlags = InotifyMask.IN_ALL_EVENTS | InotifyMask.IN_EXCL_UNLINK | InotifyMask.IN_ONESHOT;

    private readonly FileWatches _watches;
    private readonly uint _userId;
    private readonly WaitQueue _arrivals = new();

    /// <summary>Its watches by their numbers.</summary>
    private readonly List<InotifyWatch> _list = [];
    private InotifyQueue _queue = new();
    private int _lastDescriptor;

    /// <param name="userId">Whose instances are counted.</param>
    internal OpenInotify(AnonymousFileSystem fileSystem, uint userId, OpenFlags flags)
        : base(fileSystem.CreateInode("anon_inode:inotify"), flags | OpenFlags.O_RDONLY)
    {
        _watches = fileSystem.Services.Watches;
        _userId = userId;
    }

    /// <summary>Starts to watch a file, or changes how it is watched (inotify_add_watch(2)).</summary>
    /// <param name="descriptor">The watch's number.</param>
    /// <returns>None; EEXIST with IN_MASK_CREATE; ENOSPC when the user has too many watches; ENOMEM.</returns>
    public Errno Add(Inode inode, InotifyMask mask, out int descriptor)
    {
        InotifyWatch? watch = inode.FirstWatch;
        while (watch is not null && watch.Owner != this)
        {
            watch = watch.NextOfInode;
        }

        descriptor = watch?.Descriptor ?? 0;
        if (watch is not null)
        {
            if ((mask & InotifyMask.IN_MASK_CREATE) != 0)
            {
                return Errno.EEXIST;
            }

            InotifyMask kept = (mask & InotifyMask.IN_MASK_ADD) != 0 ? watch.Mask : InotifyMask.None;
            watch.Mask = kept | (mask & KeptFlags);
            return Errno.None;
        }

        if (!KernelHeap.HasRoom() || !KernelHeap.TryReserve(_list, IntPtr.Size))
        {
            return Errno.ENOMEM;
        }

        if (!_watches.TryCountWatch(_userId))
        {
            return Errno.ENOSPC;
        }

        descriptor = NextDescriptor(out int place);
        InotifyWatch added = new(this, inode, descriptor, mask & KeptFlags) { NextOfInode = inode.FirstWatch };
        _list.Insert(place, added);
        inode.FirstWatch = added;
        inode.FileSystem.WatchCount++;
        return Errno.None;
    }

    /// <summary>Stops watching a file (inotify_rm_watch(2)).</summary>
    /// <returns>None or EINVAL.</returns>
    public Errno Remove(int descriptor)
    {
        int place = Find(descriptor);
        if (place < 0)
        {
            return Errno.EINVAL;
        }

        Remove(_list[place]);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override IoResult Read(ref IoCursor destination)
    {
        long moved = 0;
        Span<byte> padding = stackalloc byte[16];
        padding.Clear();
        while (_queue.Count != 0)
        {
            ref InotifyQueue.Entry entry = ref _queue.First;
            if (destination.Remaining < entry.Size)
            {
                return moved == 0 ? Errno.EINVAL : moved;
            }

            InotifyEvent told = new()
            {
                wd = entry.Descriptor,
                mask = entry.Mask,
                cookie = entry.Cookie,
                len = (uint)entry.NameSize,
            };
            int size = entry.Size;
            destination.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<InotifyEvent>(in told)));
            if (entry.Name is { } name)
            {
                destination.Write(name);
                destination.Write(padding[..(entry.NameSize - name.Length)]);
            }

            // An event that cannot be written is lost, as it is on Linux.
            _queue.RemoveFirst();
            if (destination.IsFaulted)
            {
                return moved == 0 ? Errno.EFAULT : moved;
            }

            moved += size;
        }

        return moved == 0 ? Errno.EAGAIN : moved;
    }

    /// <inheritdoc/>
    public override PollEvents Poll() => _queue.Count != 0 ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;

    /// <inheritdoc/>
    public override void Enlist(IQueueMember waiter, PollEvents events) => waiter.Enlist(_arrivals);

    /// <inheritdoc/>
    /// <remarks>The offset stays where it is, and that is no error.</remarks>
    public override Errno Seek(long offset, SeekWhence origin, out long position)
    {
        position = 0;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        if (request != IoctlRequest.FIONREAD)
        {
            return Errno.ENOTTY;
        }

        return memory.TryWrite(new UserPtr<int>(argument), (int)_queue.Bytes) ? SysResult.Success : Errno.EFAULT;
    }

    /// <inheritdoc/>
    public override void Describe(TextBuilder text)
    {
        for (int i = _list.Count - 1; i >= 0; i--)
        {
            InotifyWatch watch = _list[i];
            text.Append("inotify wd:"u8).AppendHex((ulong)watch.Descriptor).Append(" ino:"u8).AppendHex(watch.Inode.Number)
                .Append(" sdev:"u8).AppendHex(watch.Inode.FileSystem.Device.Minor).Append(" mask:"u8)
                .AppendHex((ulong)(watch.Mask & ~InotifyMask.IN_ONESHOT)).Append(" ignored_mask:0\n"u8);
        }
    }

    /// <summary>Takes note of what happened to a file that is watched.</summary>
    internal void OnEvent(InotifyWatch watch, InotifyMask what, uint cookie, ReadOnlySpan<byte> name)
    {
        Queue(watch.Descriptor, what, cookie, name);
        if ((watch.Mask & InotifyMask.IN_ONESHOT) != 0)
        {
            Remove(watch);
        }
    }

    /// <summary>Stops watching a file, and tells the program that it did.</summary>
    internal void Remove(InotifyWatch watch)
    {
        Forget(watch);
        Queue(watch.Descriptor, InotifyMask.IN_IGNORED, 0, default);
    }

    /// <inheritdoc/>
    protected override void OnClosed()
    {
        while (_list.Count != 0)
        {
            Forget(_list[^1]);
        }

        _watches.ForgetInstance(_userId);
    }

    private void Queue(int descriptor, InotifyMask what, uint cookie, ReadOnlySpan<byte> name)
    {
        if (_queue.TryAdd(descriptor, what, cookie, name, _watches.MaxQueuedEvents))
        {
            _arrivals.WakeAll();
        }
    }

    private void Forget(InotifyWatch watch)
    {
        Inode inode = watch.Inode;
        if (inode.FirstWatch == watch)
        {
            inode.FirstWatch = watch.NextOfInode;
        }
        else
        {
            InotifyWatch previous = inode.FirstWatch!;
            while (previous.NextOfInode != watch)
            {
                previous = previous.NextOfInode!;
            }

            previous.NextOfInode = watch.NextOfInode;
        }

        inode.FileSystem.WatchCount--;
        _list.RemoveAt(Find(watch.Descriptor));
        _watches.ForgetWatch(_userId);
    }

    /// <summary>Finds a number for a new watch: each is one more than the last, until they begin anew.</summary>
    private int NextDescriptor(out int place)
    {
        do
        {
            _lastDescriptor = _lastDescriptor == int.MaxValue ? 1 : _lastDescriptor + 1;
            place = ~Find(_lastDescriptor);
        }
        while (place < 0);
        return _lastDescriptor;
    }

    /// <summary>Finds a watch by its number.</summary>
    /// <returns>Its place in the list; the complement of where it would be when there is none.</returns>
    private int Find(int descriptor)
    {
        int low = 0;
        int high = _list.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_list[middle].Descriptor < descriptor)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < _list.Count && _list[low].Descriptor == descriptor ? low : ~low;
    }
}
