using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>Who watches files (inotify(7)): counts and limits, and the way of an event to those who want it.</summary>
/// <remarks>
/// A file system counts the watches on its files, and whoever changes or uses a file looks at that number first: while there are none
/// an event costs a test. An event of a file goes to the watches of its directory first, with the name, and then to its own.
/// </remarks>
public sealed class FileWatches
{
    /// <summary>Bytes of an entry of <see cref="_users"/>, nearly.</summary>
    private const int UserSize = 32;

    private readonly List<User> _users = [];
    private uint _lastCookie;

    /// <summary>Instances that a user may have (fs.inotify.max_user_instances).</summary>
    public int MaxUserInstances { get; set; } = 128;

    /// <summary>Watches that a user may have (fs.inotify.max_user_watches).</summary>
    public int MaxUserWatches { get; set; } = 8192;

    /// <summary>Events of an instance that may wait to be read (fs.inotify.max_queued_events).</summary>
    public int MaxQueuedEvents { get; set; } = 16384;

    /// <summary>Makes an instance.</summary>
    /// <returns>None; EMFILE when the user has too many; ENOMEM.</returns>
    public Errno Create(AnonymousFileSystem fileSystem, uint userId, OpenFlags flags, out OpenFile? file)
    {
        file = null;
        int index = Find(userId);
        if (index < 0)
        {
            if (!KernelHeap.HasRoom() || !KernelHeap.TryReserve(_users, UserSize))
            {
                return Errno.ENOMEM;
            }

            _users.Add(new User { Id = userId });
            index = _users.Count - 1;
        }

        User user = _users[index];
        if (user.Instances >= MaxUserInstances)
        {
            return Errno.EMFILE;
        }

        user.Instances++;
        file = new OpenInotify(fileSystem, userId, flags);
        return Errno.None;
    }

    /// <summary>Tells of a use or a change of a file.</summary>
    internal static void Notify(Inode inode, InotifyMask what)
    {
        what |= inode.IsDirectory ? InotifyMask.IN_ISDIR : InotifyMask.None;
        if (inode.Parent is { FirstWatch: not null } parent && parent != inode)
        {
            bool isRemoved = !parent.TryGetNameOf(inode, out ReadOnlySpan<byte> name);
            Notify(parent, what, 0, isRemoved ? inode.RemovedName : name, isRemoved);
        }

        Notify(inode, what, 0, default);
    }

    /// <summary>Tells of what happened to a file itself, or to a name in a directory.</summary>
    /// <param name="name">The name; empty for the file itself.</param>
    /// <param name="isRemoved">Whether the file has lost its name: some do not want to hear of it then (IN_EXCL_UNLINK).</param>
    internal static void Notify(Inode inode, InotifyMask what, uint cookie, ReadOnlySpan<byte> name, bool isRemoved = false)
    {
        InotifyWatch? next;
        for (InotifyWatch? watch = inode.FirstWatch; watch is not null; watch = next)
        {
            next = watch.NextOfInode;
            bool isWanted = (watch.Mask & what & InotifyMask.IN_ALL_EVENTS) != 0
                && !(isRemoved && (watch.Mask & InotifyMask.IN_EXCL_UNLINK) != 0);
            if (isWanted)
            {
                watch.Owner.OnEvent(watch, what, cookie, name);
            }
        }
    }

    /// <summary>Tells that a file is gone for good, and ends its watches.</summary>
    internal static void OnRemoved(Inode inode)
    {
        Notify(inode, InotifyMask.IN_DELETE_SELF, 0, default);
        RemoveAll(inode);
    }

    /// <summary>Ends the watches of a file.</summary>
    internal static void RemoveAll(Inode inode)
    {
        while (inode.FirstWatch is { } watch)
        {
            watch.Owner.Remove(watch);
        }
    }

    /// <summary>Tells that a file has another name.</summary>
    internal void OnMoved(Inode inode, DirectoryInode oldParent, byte[] oldName, DirectoryInode newParent, byte[] newName)
    {
        InotifyMask kind = inode.IsDirectory ? InotifyMask.IN_ISDIR : InotifyMask.None;
        _lastCookie++;
        Notify(oldParent, InotifyMask.IN_MOVED_FROM | kind, _lastCookie, oldName);
        Notify(newParent, InotifyMask.IN_MOVED_TO | kind, _lastCookie, newName);
    }

    internal bool TryCountWatch(uint userId)
    {
        User user = _users[Find(userId)];
        if (user.Watches >= MaxUserWatches)
        {
            return false;
        }

        user.Watches++;
        return true;
    }

    internal void ForgetWatch(uint userId) => _users[Find(userId)].Watches--;

    internal void ForgetInstance(uint userId)
    {
        int index = Find(userId);
        if (--_users[index].Instances == 0)
        {
            _users.RemoveAt(index);
        }
    }

    private int Find(uint userId)
    {
        for (int i = 0; i < _users.Count; i++)
        {
            if (_users[i].Id == userId)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>What one user has.</summary>
    private sealed class User
    {
        public uint Id { get; init; }

        public int Instances { get; set; }

        public int Watches { get; set; }
    }
}
