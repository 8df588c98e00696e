using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Where a process stands in the file system: its root, working directory and umask, and whose rights it has.</summary>
/// <remarks>All calls that take a path end here. Paths are bytes, without a NUL; they are walked without making strings or copies.</remarks>
public sealed class FileSystemContext
{
    private DirectoryInode _root;
    private DirectoryInode _workingDirectory;

    /// <summary>Makes the context of the first process: at the root.</summary>
    public FileSystemContext(MountNamespace mounts, FileCredentials credentials)
        : this(mounts, mounts.Root.Root, credentials)
    {
    }

    private FileSystemContext(MountNamespace mounts, DirectoryInode root, FileCredentials credentials)
    {
        Mounts = mounts;
        _root = root;
        _workingDirectory = root;
        Credentials = credentials;
    }

    public MountNamespace Mounts { get; }

    public DirectoryInode Root => _root;

    public DirectoryInode WorkingDirectory => _workingDirectory;

    public FileCredentials Credentials { get; set; }

    /// <summary>Permissions that new files do not get (umask(2)).</summary>
    public Mode Umask { get; set; } = (Mode)0x12;

    /// <summary>Makes the context of a child process.</summary>
    public FileSystemContext Clone(FileCredentials credentials) =>
        new(Mounts, _root, credentials) { _workingDirectory = _workingDirectory, Umask = Umask };

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
            _workingDirectory = directory;
        }
        return error;
    }

    /// <summary>Changes the root (chroot(2)).</summary>
    public Errno ChangeRoot(DirectoryInode directory)
    {
        if (!Credentials.IsPrivileged)
        {
            return Errno.EPERM;
        }
        _root = directory;
        return Errno.None;
    }

    /// <summary>Finds a file that must exist.</summary>
    /// <param name="start">Where a relative path starts.</param>
    /// <param name="follow">Whether a symbolic link at the end stands for its target.</param>
    public Errno Find(DirectoryInode start, ReadOnlySpan<byte> path, bool follow, out Inode? inode)
    {
        Errno error = Walk(start, path, follow ? LinkPolicy.Follow : LinkPolicy.FollowBeforeSlash, out PathEnd end);
        inode = end.Inode;
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is null)
        {
            return Errno.ENOENT;
        }
        return end.HasTrailingSlash && inode is not DirectoryInode ? Errno.ENOTDIR : Errno.None;
    }

    /// <summary>Finds the directory and the name that a path ends in, and the file where there is one.</summary>
    /// <returns>None when all but the last component exist; <see cref="PathEnd.Inode"/> tells whether that one does.</returns>
    public Errno Walk(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, out PathEnd end)
    {
        int linksLeft = FileLimits.MAXSYMLINKS;
        return Walk(start, path, links, creates: false, ref linksLeft, out end);
    }

    /// <summary>Opens a file, making it where that is asked for (open(2)).</summary>
    /// <param name="mode">Permissions of a new file, before the umask.</param>
    public Errno Open(DirectoryInode start, ReadOnlySpan<byte> path, OpenFlags flags, Mode mode, out OpenFile? file)
    {
        file = null;
        if ((flags & OpenFlags.O_TMPFILE) == OpenFlags.O_TMPFILE)
        {
            return OpenUnnamed(start, path, flags, mode, out file);
        }
        bool creates = (flags & OpenFlags.O_CREAT) != 0 && (flags & OpenFlags.O_PATH) == 0;
        bool isExclusive = creates && (flags & OpenFlags.O_EXCL) != 0;
        LinkPolicy links = (flags & OpenFlags.O_NOFOLLOW) == 0 && !isExclusive ? LinkPolicy.Follow : LinkPolicy.FollowBeforeSlash;
        int linksLeft = FileLimits.MAXSYMLINKS;
        Errno error = Walk(start, path, links, creates, ref linksLeft, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }

        bool isNew = false;
        Inode? inode = end.Inode;
        if (inode is null)
        {
            if (!creates)
            {
                return Errno.ENOENT;
            }
            error = CreateForOpen(ref end, flags, mode, out inode);
            if (error != Errno.None)
            {
                return error;
            }
            isNew = true;
        }
        else if (isExclusive)
        {
            return Errno.EEXIST;
        }
        else if (creates && inode is DirectoryInode)
        {
            return Errno.EISDIR;
        }

        if (end.HasTrailingSlash && inode is not DirectoryInode && !isNew)
        {
            return Errno.ENOTDIR;
        }
        return OpenInode(inode!, flags, isNew, out file);
    }

    /// <summary>Opens a file that has been found.</summary>
    /// <param name="isNew">True for a file that this very call made: its permissions do not bind its maker.</param>
    public Errno OpenInode(Inode inode, OpenFlags flags, bool isNew, out OpenFile? file)
    {
        file = null;
        if ((flags & OpenFlags.O_DIRECTORY) != 0 && inode is not DirectoryInode)
        {
            return Errno.ENOTDIR;
        }
        if ((flags & OpenFlags.O_PATH) != 0)
        {
            file = new OpenPath(inode, flags & (OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW));
            return Errno.None;
        }
        if (inode.Type == Mode.S_IFLNK)
        {
            return Errno.ELOOP;
        }

        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        bool writes = access != OpenFlags.O_RDONLY || (flags & OpenFlags.O_TRUNC) != 0;
        if (writes && inode is DirectoryInode)
        {
            return Errno.EISDIR;
        }
        Errno error;
        if (!isNew)
        {
            AccessMode wanted = (access == OpenFlags.O_WRONLY ? AccessMode.F_OK : AccessMode.R_OK) | (writes ? AccessMode.W_OK : AccessMode.F_OK);
            error = Credentials.Check(inode, wanted);
            if (error != Errno.None)
            {
                return error;
            }
            if ((flags & OpenFlags.O_NOATIME) != 0 && !Credentials.Owns(inode))
            {
                return Errno.EPERM;
            }
        }
        if (writes && inode.FileSystem.IsReadOnly && (inode.Type is Mode.S_IFREG or Mode.S_IFDIR))
        {
            return Errno.EROFS;
        }

        error = inode.Open(flags, out file);
        if (error == Errno.None && (flags & OpenFlags.O_TRUNC) != 0 && !isNew && inode.IsRegular)
        {
            error = inode.SetSize(0);
            if (error != Errno.None)
            {
                file!.Release();
                file = null;
            }
        }
        return error;
    }

    /// <summary>Makes a directory (mkdir(2)).</summary>
    public Errno MakeDirectory(DirectoryInode start, ReadOnlySpan<byte> path, Mode mode)
    {
        Errno error = FindFreeName(start, path, allowSlash: true, out PathEnd end);
        return error != Errno.None ? error : end.Parent.Create(end.Name, Prepare(end.Parent, Mode.S_IFDIR | (mode & (Mode)0x3FF & ~Umask)), out _);
    }

    /// <summary>Makes a file of any type but a directory (mknod(2)).</summary>
    public Errno MakeNode(DirectoryInode start, ReadOnlySpan<byte> path, Mode mode, DeviceNumber device)
    {
        Mode type = mode & Mode.S_IFMT;
        switch (type)
        {
            case Mode.None:
                type = Mode.S_IFREG;
                break;
            case Mode.S_IFREG or Mode.S_IFIFO or Mode.S_IFSOCK:
                break;
            case Mode.S_IFCHR or Mode.S_IFBLK:
                if (!Credentials.IsPrivileged)
                {
                    return Errno.EPERM;
                }
                break;
            case Mode.S_IFDIR:
                return Errno.EPERM;
            default:
                return Errno.EINVAL;
        }
        Errno error = FindFreeName(start, path, allowSlash: false, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }
        NewFile attributes = Prepare(end.Parent, type | (mode & Inode.PermissionMask & ~Umask));
        return type is Mode.S_IFCHR or Mode.S_IFBLK
            ? end.Parent.CreateDevice(end.Name, attributes, device)
            : end.Parent.Create(end.Name, attributes, out _);
    }

    /// <summary>Makes a symbolic link (symlink(2)).</summary>
    public Errno MakeSymbolicLink(ReadOnlySpan<byte> target, DirectoryInode start, ReadOnlySpan<byte> path)
    {
        if (target.IsEmpty)
        {
            return Errno.ENOENT;
        }
        Errno error = FindFreeName(start, path, allowSlash: false, out PathEnd end);
        return error != Errno.None ? error : end.Parent.CreateSymbolicLink(end.Name, Prepare(end.Parent, Mode.S_IFLNK | (Mode)0x1FF), target);
    }

    /// <summary>Gives a file another name (link(2)).</summary>
    public Errno Link(Inode inode, DirectoryInode start, ReadOnlySpan<byte> path)
    {
        Errno error = FindFreeName(start, path, allowSlash: false, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode.FileSystem != end.Parent.FileSystem)
        {
            return Errno.EXDEV;
        }
        if (inode is DirectoryInode)
        {
            return Errno.EPERM;
        }
        if (inode.Links == 0 && !inode.IsLinkable)
        {
            return Errno.ENOENT;
        }
        return inode.Links == uint.MaxValue ? Errno.EMLINK : end.Parent.Link(end.Name, inode);
    }

    /// <summary>Takes a name away from a file that is no directory (unlink(2)).</summary>
    public Errno Unlink(DirectoryInode start, ReadOnlySpan<byte> path)
    {
        Errno error = Walk(start, path, LinkPolicy.Keep, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }
        if (end.Kind != PathEndKind.Name)
        {
            return Errno.EISDIR;
        }
        if (end.Inode is null)
        {
            return Errno.ENOENT;
        }
        if (end.HasTrailingSlash)
        {
            return end.Inode is DirectoryInode ? Errno.EISDIR : Errno.ENOTDIR;
        }
        error = CheckRemoval(end.Parent, end.Inode);
        if (error != Errno.None)
        {
            return error;
        }
        return end.Inode is DirectoryInode ? Errno.EISDIR : end.Parent.Unlink(end.Name, end.Inode);
    }

    /// <summary>Removes an empty directory (rmdir(2)).</summary>
    public Errno RemoveDirectory(DirectoryInode start, ReadOnlySpan<byte> path)
    {
        Errno error = Walk(start, path, LinkPolicy.Keep, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }
        switch (end.Kind)
        {
            case PathEndKind.Root:
                return Errno.EBUSY;
            case PathEndKind.Dot:
                return Errno.EINVAL;
            case PathEndKind.DotDot:
                return Errno.ENOTEMPTY;
            default:
                break;
        }
        if (end.Inode is null)
        {
            return Errno.ENOENT;
        }
        error = CheckRemoval(end.Parent, end.Inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (end.Inode is not DirectoryInode directory)
        {
            return Errno.ENOTDIR;
        }
        if (IsBusy(directory))
        {
            return Errno.EBUSY;
        }
        return directory.IsEmpty ? end.Parent.RemoveDirectory(end.Name, directory) : Errno.ENOTEMPTY;
    }

    /// <summary>Moves a file to another name (rename(2)).</summary>
    public Errno Rename(DirectoryInode oldStart, ReadOnlySpan<byte> oldPath, DirectoryInode newStart, ReadOnlySpan<byte> newPath, RenameFlags flags)
    {
        bool exchanges = (flags & RenameFlags.RENAME_EXCHANGE) != 0;
        bool isFresh = (flags & RenameFlags.RENAME_NOREPLACE) != 0;
        if ((flags & ~(RenameFlags.RENAME_EXCHANGE | RenameFlags.RENAME_NOREPLACE)) != 0 || (exchanges && isFresh))
        {
            return Errno.EINVAL;
        }
        Errno error = Walk(oldStart, oldPath, LinkPolicy.Keep, out PathEnd from);
        if (error != Errno.None)
        {
            return error;
        }
        error = Walk(newStart, newPath, LinkPolicy.Keep, out PathEnd to);
        if (error != Errno.None)
        {
            return error;
        }
        if (from.Parent.FileSystem != to.Parent.FileSystem)
        {
            return Errno.EXDEV;
        }
        if (from.Kind != PathEndKind.Name)
        {
            return Errno.EBUSY;
        }
        if (to.Kind != PathEndKind.Name)
        {
            return isFresh ? Errno.EEXIST : Errno.EBUSY;
        }
        if (from.Inode is null)
        {
            return Errno.ENOENT;
        }
        if (isFresh && to.Inode is not null)
        {
            return Errno.EEXIST;
        }
        if (exchanges && to.Inode is null)
        {
            return Errno.ENOENT;
        }

        bool movesDirectory = from.Inode is DirectoryInode;
        if (!movesDirectory && (from.HasTrailingSlash || (to.HasTrailingSlash && !exchanges)))
        {
            return Errno.ENOTDIR;
        }
        if (exchanges && to.HasTrailingSlash && to.Inode is not DirectoryInode)
        {
            return Errno.ENOTDIR;
        }
        if (movesDirectory && IsWithin(to.Parent, (DirectoryInode)from.Inode))
        {
            return Errno.EINVAL;
        }
        if (to.Inode is DirectoryInode newDirectory && IsWithin(from.Parent, newDirectory))
        {
            return exchanges ? Errno.EINVAL : Errno.ENOTEMPTY;
        }
        if (from.Inode == to.Inode)
        {
            // Two names of one file stay as they are.
            return Errno.None;
        }
        error = CheckRemoval(from.Parent, from.Inode);
        if (error != Errno.None)
        {
            return error;
        }
        return to.Inode is null ? RenameToFree(ref from, ref to) : RenameOver(ref from, ref to, exchanges);
    }

    /// <summary>Puts the absolute path of a file together, as this context sees it.</summary>
    /// <param name="buffer">Filled from its end.</param>
    /// <param name="path">The part of the buffer that holds the path.</param>
    /// <returns>None; ENOENT when the file has no name any more (path holds what it was found as, then); ERANGE when the buffer is too small.</returns>
    public Errno GetPath(Inode inode, Span<byte> buffer, out ReadOnlySpan<byte> path) => GetPath(_root, inode, buffer, out path);

    /// <summary>Puts the absolute path of a file together, up from it to a root.</summary>
    public static Errno GetPath(DirectoryInode? root, Inode inode, Span<byte> buffer, out ReadOnlySpan<byte> path)
    {
        int start = buffer.Length;
        path = default;
        Inode current = inode;
        while (current != root)
        {
            while (current is DirectoryInode directory && directory == directory.FileSystem.Root && directory.FileSystem.MountPoint is { } mountPoint)
            {
                current = mountPoint;
            }
            DirectoryInode? parent = current.Parent;
            if (current == root || parent is null || parent == current)
            {
                break;
            }
            if (current is DirectoryInode { IsRemoved: true } || !parent.TryGetNameOf(current, out ReadOnlySpan<byte> name))
            {
                return Errno.ENOENT;
            }
            if (start < name.Length + 1)
            {
                return Errno.ERANGE;
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
                return Errno.ERANGE;
            }
            buffer[--start] = (byte)'/';
        }
        path = buffer[start..];
        return Errno.None;
    }

    /// <summary>Goes to the parent, out of a mounted file system where it must, and not out of the root.</summary>
    private DirectoryInode GetParent(DirectoryInode directory)
    {
        while (directory != _root && directory == directory.FileSystem.Root && directory.FileSystem.MountPoint is { } mountPoint)
        {
            directory = mountPoint;
        }
        return directory == _root ? directory : EnterMounts(directory.Parent ?? directory);
    }

    private static DirectoryInode EnterMounts(DirectoryInode directory)
    {
        while (directory.Mounted is { } mounted)
        {
            directory = mounted.Root;
        }
        return directory;
    }

    private Errno Walk(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, bool creates, scoped ref int linksLeft, out PathEnd end)
    {
        end = default;
        bool wantsDirectory = false;
        if (path.IsEmpty)
        {
            return Errno.ENOENT;
        }
        while (true)
        {
            Errno error = WalkToLast(start, path, ref linksLeft, out end);
            if (error != Errno.None)
            {
                return error;
            }
            wantsDirectory |= end.HasTrailingSlash;
            end.HasTrailingSlash = wantsDirectory;
            if (end.Kind != PathEndKind.Name)
            {
                end.Inode = end.Parent;
                end.Parent = end.Kind == PathEndKind.DotDot ? GetParent(end.Parent) : end.Parent;
                end.Inode = end.Kind == PathEndKind.DotDot ? end.Parent : end.Inode;
                return Errno.None;
            }

            if (creates && wantsDirectory)
            {
                // open(2) makes no directories, whatever there is.
                return Errno.EISDIR;
            }
            error = LookUp(end.Parent, end.Name, out Inode? inode);
            if (error != Errno.None)
            {
                // The last component may be missing.
                return error == Errno.ENOENT ? Errno.None : error;
            }
            bool follows = links == LinkPolicy.Follow || (links == LinkPolicy.FollowBeforeSlash && wantsDirectory);
            if (inode is not SymbolicLinkInode link || !follows)
            {
                end.Inode = inode;
                return Errno.None;
            }
            if (linksLeft-- == 0)
            {
                return Errno.ELOOP;
            }
            if (link.TryJump(out Inode? jumped))
            {
                end.Inode = jumped;
                end.Kind = PathEndKind.Jump;
                return jumped is null ? Errno.ENOENT : Errno.None;
            }
            error = link.GetTarget(out path);
            if (error != Errno.None)
            {
                return error;
            }
            start = end.Parent;
        }
    }

    /// <summary>Walks over all components but the last.</summary>
    private Errno WalkToLast(DirectoryInode start, ReadOnlySpan<byte> path, scoped ref int linksLeft, out PathEnd end)
    {
        end = default;
        DirectoryInode directory = start;
        if (path[0] == (byte)'/')
        {
            directory = _root;
            path = SkipSlashes(path);
            if (path.IsEmpty)
            {
                end.Parent = directory;
                end.Kind = PathEndKind.Root;
                end.HasTrailingSlash = true;
                return Errno.None;
            }
        }
        while (true)
        {
            FileName name = FileName.TakeFirst(ref path);
            Errno error = Credentials.IsPrivileged ? Errno.None : Credentials.Check(directory, AccessMode.X_OK);
            if (error != Errno.None)
            {
                return error;
            }
            if (name.Bytes.Length > FileLimits.NAME_MAX)
            {
                return Errno.ENAMETOOLONG;
            }
            bool hasSlash = !path.IsEmpty;
            path = SkipSlashes(path);
            if (path.IsEmpty)
            {
                end.Parent = directory;
                end.HasTrailingSlash = hasSlash;
                if (name.IsDot || name.IsDotDot)
                {
                    end.Kind = name.IsDot ? PathEndKind.Dot : PathEndKind.DotDot;
                }
                else
                {
                    end.Name = name;
                }
                return Errno.None;
            }
            error = Step(ref directory, name, ref linksLeft);
            if (error != Errno.None)
            {
                return error;
            }
        }
    }

    /// <summary>Walks over a component that more follows after.</summary>
    private Errno Step(ref DirectoryInode directory, FileName name, scoped ref int linksLeft)
    {
        if (name.IsDot)
        {
            return Errno.None;
        }
        if (name.IsDotDot)
        {
            directory = GetParent(directory);
            return Errno.None;
        }
        Errno error = LookUp(directory, name, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is SymbolicLinkInode link)
        {
            error = Follow(directory, link, ref linksLeft, out inode);
            if (error != Errno.None)
            {
                return error;
            }
        }
        if (inode is not DirectoryInode next)
        {
            return Errno.ENOTDIR;
        }
        directory = next;
        return Errno.None;
    }

    /// <summary>Resolves a symbolic link in the middle of a path. Recursion ends with <paramref name="linksLeft"/>.</summary>
    private Errno Follow(DirectoryInode directory, SymbolicLinkInode link, scoped ref int linksLeft, out Inode? inode)
    {
        inode = null;
        if (linksLeft-- == 0)
        {
            return Errno.ELOOP;
        }
        if (link.TryJump(out inode))
        {
            return inode is null ? Errno.ENOENT : Errno.None;
        }
        Errno error = link.GetTarget(out ReadOnlySpan<byte> target);
        if (error != Errno.None)
        {
            return error;
        }
        error = Walk(directory, target, LinkPolicy.Follow, creates: false, ref linksLeft, out PathEnd end);
        inode = end.Inode;
        return error != Errno.None ? error : inode is null ? Errno.ENOENT : Errno.None;
    }

    private static Errno LookUp(DirectoryInode directory, FileName name, out Inode? inode)
    {
        Errno error = directory.Lookup(name, out inode);
        if (inode is DirectoryInode { Mounted: not null } covered)
        {
            inode = EnterMounts(covered);
        }
        return error;
    }

    private static ReadOnlySpan<byte> SkipSlashes(ReadOnlySpan<byte> path)
    {
        int i = 0;
        while (i < path.Length && path[i] == (byte)'/')
        {
            i++;
        }
        return path[i..];
    }

    private Errno OpenUnnamed(DirectoryInode start, ReadOnlySpan<byte> path, OpenFlags flags, Mode mode, out OpenFile? file)
    {
        file = null;
        if ((flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY)
        {
            return Errno.EINVAL;
        }
        Errno error = Find(start, path, (flags & OpenFlags.O_NOFOLLOW) == 0, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode is not DirectoryInode directory)
        {
            return Errno.ENOTDIR;
        }
        error = CheckChange(directory);
        if (error != Errno.None)
        {
            return error;
        }
        error = directory.CreateUnnamed(Prepare(directory, Mode.S_IFREG | (mode & Inode.PermissionMask & ~Umask)), out Inode? made);
        if (error != Errno.None)
        {
            return error;
        }
        made!.IsLinkable = (flags & OpenFlags.O_EXCL) == 0;
        return OpenInode(made, flags & ~(OpenFlags.O_TMPFILE | OpenFlags.O_CREAT), isNew: true, out file);
    }

    private Errno CreateForOpen(ref PathEnd end, OpenFlags flags, Mode mode, out Inode? inode)
    {
        inode = null;
        if ((flags & OpenFlags.O_DIRECTORY) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = CheckChange(end.Parent);
        return error != Errno.None
            ? error
            : end.Parent.Create(end.Name, Prepare(end.Parent, Mode.S_IFREG | (mode & Inode.PermissionMask & ~Umask)), out inode);
    }

    /// <summary>Finds the place for a new name.</summary>
    private Errno FindFreeName(DirectoryInode start, ReadOnlySpan<byte> path, bool allowSlash, out PathEnd end)
    {
        Errno error = Walk(start, path, LinkPolicy.Keep, out end);
        if (error != Errno.None)
        {
            return error;
        }
        if (end.Kind != PathEndKind.Name || end.Inode is not null)
        {
            return Errno.EEXIST;
        }
        return end.HasTrailingSlash && !allowSlash ? Errno.ENOENT : CheckChange(end.Parent);
    }

    /// <summary>Checks whether names may be made or removed in a directory.</summary>
    private Errno CheckChange(DirectoryInode directory)
    {
        if (directory.FileSystem.IsReadOnly)
        {
            return Errno.EROFS;
        }
        if (directory.IsRemoved)
        {
            return Errno.ENOENT;
        }
        return Credentials.Check(directory, AccessMode.W_OK | AccessMode.X_OK);
    }

    /// <summary>Checks whether a name may be taken away, the sticky bit included (unlink(2), EPERM).</summary>
    private Errno CheckRemoval(DirectoryInode directory, Inode inode)
    {
        Errno error = CheckChange(directory);
        if (error == Errno.None && (directory.Mode & Mode.S_ISVTX) != 0 && !Credentials.Owns(inode) && !Credentials.Owns(directory))
        {
            return Errno.EPERM;
        }
        return error;
    }

    private Errno RenameToFree(ref PathEnd from, ref PathEnd to)
    {
        Errno error = CheckChange(to.Parent);
        if (error != Errno.None)
        {
            return error;
        }
        return IsBusy(from.Inode!) ? Errno.EBUSY : from.Parent.Rename(from.Name, from.Inode!, to.Parent, to.Name, null);
    }

    private Errno RenameOver(ref PathEnd from, ref PathEnd to, bool exchanges)
    {
        Errno error = CheckRemoval(to.Parent, to.Inode!);
        if (error != Errno.None)
        {
            return error;
        }
        if (exchanges)
        {
            return IsBusy(from.Inode!) || IsBusy(to.Inode!) ? Errno.EBUSY : from.Parent.Exchange(from.Name, from.Inode!, to.Parent, to.Name, to.Inode!);
        }
        bool movesDirectory = from.Inode is DirectoryInode;
        if (movesDirectory != to.Inode is DirectoryInode)
        {
            return movesDirectory ? Errno.ENOTDIR : Errno.EISDIR;
        }
        if (IsBusy(from.Inode!) || IsBusy(to.Inode!))
        {
            return Errno.EBUSY;
        }
        if (to.Inode is DirectoryInode { IsEmpty: false })
        {
            return Errno.ENOTEMPTY;
        }
        return from.Parent.Rename(from.Name, from.Inode!, to.Parent, to.Name, to.Inode);
    }

    /// <summary>Tells whether a file is a root that something is mounted at, or this context's own.</summary>
    private bool IsBusy([NotNullWhen(true)] Inode inode) =>
        inode is DirectoryInode directory && (directory == _root || directory == directory.FileSystem.Root || directory.Mounted is not null);

    /// <summary>Tells whether a directory is another one or lies below it.</summary>
    private static bool IsWithin(DirectoryInode directory, DirectoryInode ancestor)
    {
        for (DirectoryInode? current = directory; current is not null; current = current.Parent)
        {
            if (current == ancestor)
            {
                return true;
            }
            if (current.Parent == current)
            {
                return false;
            }
        }
        return false;
    }

    /// <summary>Says whose a new file is: its maker's, and of the directory's group where that has the set-group-ID bit (inode(7)).</summary>
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
