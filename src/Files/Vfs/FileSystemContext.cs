using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>How a thread sees the file system: where it stands (<see cref="FileSystemPlace"/>), and whose rights it has.</summary>
/// <remarks>
/// All calls that take a path end here: <see cref="PathWalker"/> has the rules of walking, this class what is done at the end of a path.
/// Paths are bytes, without a NUL; they are walked without making strings or copies.
/// </remarks>
public sealed partial class FileSystemContext
{
    private FileSystemPlace _place;
    private Inode? _fetching;
    private PendingChange? _change;

    /// <summary>Makes the context of the first thread: at the root.</summary>
    public FileSystemContext(MountNamespace mounts, FileCredentials credentials)
        : this(mounts, new FileSystemPlace(mounts.Root.Root), credentials)
    {
    }

    private FileSystemContext(MountNamespace mounts, FileSystemPlace place, FileCredentials credentials)
    {
        Mounts = mounts;
        _place = place;
        Credentials = credentials;
    }

    public MountNamespace Mounts { get; }

    /// <summary>What several threads may share of it, for whoever wants to know whether they do.</summary>
    public object Place => _place;

    public DirectoryInode Root => _place.Root;

    public DirectoryInode WorkingDirectory => _place.WorkingDirectory;

    public FileCredentials Credentials { get; set; }

    /// <summary>Permissions that new files do not get (umask(2)).</summary>
    public Mode Umask
    {
        get => _place.Umask;
        set => _place.Umask = value;
    }

    /// <summary>True when the last walk answered <see cref="InternalErrno.MustWait"/> and nobody has asked yet what for.</summary>
    public bool IsFetching => _fetching is not null;

    /// <summary>
    /// Takes the inode that made the last walk answer <see cref="InternalErrno.MustWait"/>: <see cref="Inode.Fetches"/> is where to wait.
    /// </summary>
    public bool TryTakeFetch([NotNullWhen(true)] out Inode? inode)
    {
        inode = _fetching;
        _fetching = null;
        return inode is not null;
    }

    /// <summary>Reads the target of a symbolic link.</summary>
    public Errno GetTarget(SymbolicLinkInode link, out ReadOnlySpan<byte> target)
    {
        Errno error = link.GetTarget(out target);
        if (error == InternalErrno.MustWait)
        {
            NoteFetch(link);
        }
        return error;
    }

    /// <summary>Notes what a call that answers <see cref="InternalErrno.MustWait"/> will have to wait for.</summary>
    public void NoteFetch(Inode inode)
    {
        _fetching = inode;
        FetchBegan = Mounts.Services.Fetches.Leave();
    }

    /// <summary>When the call began that made the last fetch (<see cref="FetchClock.Leave"/>).</summary>
    public long FetchBegan { get; private set; }

    /// <summary>Sees to it that a file's attributes can be told that was not just found by its name.</summary>
    public Errno Refresh(Inode inode)
    {
        Errno error = inode.Refresh();
        if (error == InternalErrno.MustWait)
        {
            NoteFetch(inode);
        }
        return error;
    }

    /// <summary>
    /// Takes the change of a directory that the last operation has begun: its end is what the call waits for, and its result the call's.
    /// </summary>
    public bool TryTakeChange([NotNullWhen(true)] out PendingChange? change)
    {
        change = _change;
        _change = null;
        return change is not null;
    }

    /// <summary>Notes a change that has been begun, for the call to wait for.</summary>
    public Errno Note(ChangeResult result)
    {
        _change = result.Begun;
        return result.Error;
    }

    /// <summary>Notes a change of names, and tells those who watch when it is made.</summary>
    /// <param name="news">Null while nobody watches.</param>
    private Errno Note(ChangeResult result, FileNews? news)
    {
        if (news is not null && result.Begun is { } begun)
        {
            begun.News = news;
        }
        else
        {
            news?.Finish(result.Error);
        }
        return Note(result);
    }

    /// <summary>Notes a change of attributes or contents, and tells those who watch the file when it is made.</summary>
    public Errno Note(ChangeResult result, Inode inode, InotifyMask what)
    {
        if (inode.FileSystem.WatchCount != 0)
        {
            if (result.Begun is { } begun)
            {
                begun.Use = (inode, what);
            }
            else if (result.Error == Errno.None)
            {
                inode.Notify(what);
            }
        }
        return Note(result);
    }

    /// <summary>Makes the context of another thread, of this process or of a child.</summary>
    /// <param name="sharesPlace">Whether root, working directory and umask are the same ones from then on (CLONE_FS) and no copies.</param>
    public FileSystemContext Clone(bool sharesPlace) => new(Mounts, sharesPlace ? _place : _place.Clone(), Credentials);

    /// <summary>Has root, working directory and umask for itself from now on (unshare(2), CLONE_FS).</summary>
    public void UnsharePlace() => _place = _place.Clone();

    /// <summary>Changes the working directory to one that is open (fchdir(2)).</summary>
    public Errno ChangeDirectory(Inode inode)
    {
        if (inode is not DirectoryInode directory)
        {
            return Errno.ENOTDIR;
        }
        Errno error = Credentials.Check(directory, AccessMode.X_OK);
        if (error == Errno.None)
        {
            _place.WorkingDirectory = directory;
        }
        return error;
    }

    /// <summary>Changes the root (chroot(2)).</summary>
    public Errno ChangeRoot(DirectoryInode directory)
    {
        Errno error = Credentials.Check(directory, AccessMode.X_OK);
        if (error != Errno.None)
        {
            return error;
        }
        if (!Credentials.Has(Capability.CAP_SYS_CHROOT))
        {
            return Errno.EPERM;
        }
        _place.Root = directory;
        return Errno.None;
    }

    /// <summary>Finds a file that must exist.</summary>
    /// <param name="start">Where a relative path starts.</param>
    /// <param name="follow">Whether a symbolic link at the end stands for its target.</param>
    public Errno Find(DirectoryInode start, ReadOnlySpan<byte> path, bool follow, out Inode? inode)
    {
        PathWalker walker = new(this, creates: false);
        return Find(ref walker, start, path, follow, out inode);
    }

    private static Errno Find(ref PathWalker walker, DirectoryInode start, ReadOnlySpan<byte> path, bool follow, out Inode? inode)
    {
        Errno error = walker.Walk(start, path, follow ? LinkPolicy.Follow : LinkPolicy.FollowBeforeSlash, out PathEnd end);
        inode = end.Inode;
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is null)
        {
            return Errno.ENOENT;
        }
        return end.HasTrailingSlash && !inode.IsDirectory ? Errno.ENOTDIR : Errno.None;
    }

    /// <summary>Finds the directory and the name that a path ends in, and the file where there is one.</summary>
    /// <returns>None when all but the last component exist; <see cref="PathEnd.Inode"/> tells whether that one does.</returns>
    public Errno Walk(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, out PathEnd end)
    {
        PathWalker walker = new(this, creates: false);
        return walker.Walk(start, path, links, out end);
    }

    /// <summary>Puts the absolute path of a file together, as this context sees it.</summary>
    /// <param name="buffer">Filled from its end.</param>
    /// <param name="path">The part of the buffer that holds the path.</param>
    public PathFate GetPath(Inode inode, Span<byte> buffer, out ReadOnlySpan<byte> path) => GetPath(Root, inode, buffer, out path);

    /// <summary>Puts the absolute path of a file together, up from it to a root.</summary>
    /// <param name="root">Null for the very top.</param>
    public static PathFate GetPath(DirectoryInode? root, Inode inode, Span<byte> buffer, out ReadOnlySpan<byte> path)
    {
        int start = buffer.Length;
        path = default;
        PathFate fate = PathFate.Linked;
        Inode current = inode;
        while (current != root)
        {
            while (current is DirectoryInode directory
                && directory == directory.FileSystem.Root
                && directory.FileSystem.MountPoint is { } mountPoint)
            {
                current = mountPoint;
            }
            DirectoryInode? parent = current.Parent;
            if (current == root || parent is null || parent == current)
            {
                break;
            }
            bool isRemoved = current is DirectoryInode { IsRemoved: true };
            if (isRemoved || !parent.TryGetNameOf(current, out ReadOnlySpan<byte> name))
            {
                // The names of removed directories above the file still stand in its path; only its own removal counts.
                fate = current == inode ? PathFate.Removed : fate;
                name = current.RemovedName;
                if (name.IsEmpty)
                {
                    return PathFate.Removed;
                }
            }
            if (start < name.Length + 1)
            {
                return PathFate.TooLong;
            }
            start -= name.Length;
            name.CopyTo(buffer[start..]);
            buffer[--start] = (byte)'/';
            current = parent;
        }
        if (start == buffer.Length)
        {
            if (start == 0)
            {
                return PathFate.TooLong;
            }
            buffer[--start] = (byte)'/';
        }
        path = buffer[start..];
        return fate == PathFate.Linked && root is not null && current != root ? PathFate.Unreachable : fate;
    }

    /// <summary>
    /// Says whose a new file is: its maker's, and of the directory's group where that has the set-group-ID bit (inode(7)).
    /// </summary>
    private NewFile Prepare(DirectoryInode parent, Mode mode)
    {
        uint groupId = Credentials.GroupId;
        if ((parent.Mode & Mode.S_ISGID) != 0)
        {
            groupId = parent.GroupId;
            if ((mode & Mode.S_IFMT) == Mode.S_IFDIR)
            {
                mode |= Mode.S_ISGID;
            }
        }
        return new NewFile(mode, Credentials.UserId, groupId);
    }
}
