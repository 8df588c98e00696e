using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The rules by which a path leads to a file (path_resolution(7)): components, links, mounts, the right to search.</summary>
/// <remarks>
/// One walker serves one path: it counts the symbolic links on the way. It changes nothing and holds nothing, so a walk that meets a name
/// which must be fetched first (<see cref="InternalErrno.MustWait"/>) is given up, and begun again when the answer is there.
/// </remarks>
internal struct PathWalker
{
    private const ResolveFlags Scoped = ResolveFlags.RESOLVE_BENEATH | ResolveFlags.RESOLVE_IN_ROOT;

    private readonly FileSystemContext _context;
    private readonly DirectoryInode _root;
    private readonly FileCredentials _credentials;
    private readonly bool _creates;
    private readonly ResolveFlags _restrictions;
    private int _linksLeft;

    /// <param name="creates">Whether a file is to be made at the end of the path (O_CREAT).</param>
    /// <param name="restrictions">Where the way must not lead (openat2(2)).</param>
    /// <param name="scope">The directory that a restricted way must not leave, or takes for the root.</param>
    public PathWalker(FileSystemContext context, bool creates, ResolveFlags restrictions = ResolveFlags.None, DirectoryInode? scope = null)
    {
        _context = context;
        _root = (restrictions & Scoped) != 0 ? scope! : context.Root;
        _restrictions = restrictions;
        _credentials = context.Credentials;
        _creates = creates;
        _linksLeft = FileLimits.MAXSYMLINKS;
    }

    /// <summary>Finds the directory and the name that a path ends in, and the file where there is one.</summary>
    /// <param name="start">Where a relative path starts.</param>
    /// <returns>None when all but the last component exist; <see cref="PathEnd.Inode"/> tells whether that one does.</returns>
    public Errno Walk(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, out PathEnd end) =>
        Resolve(start, path, links, _creates, out end);

    /// <param name="isTarget">The path is that of a symbolic link in <paramref name="start"/>.</param>
    private Errno Resolve(
        DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, bool creates, out PathEnd end, bool isTarget = false)
    {
        end = default;
        bool wantsDirectory = false;
        if (path.IsEmpty)
        {
            return Errno.ENOENT;
        }
        while (true)
        {
            Errno error = WalkToLast(start, path, isTarget, out end);
            if (error != Errno.None)
            {
                return error;
            }
            wantsDirectory |= end.HasTrailingSlash;
            end.HasTrailingSlash = wantsDirectory;
            if (end.Kind != PathEndKind.Name)
            {
                if (end.Kind == PathEndKind.DotDot)
                {
                    error = GoUp(ref end.Parent);
                }
                end.Inode = end.Parent;
                return error == Errno.None ? _context.Refresh(end.Parent) : error;
            }

            if (creates && wantsDirectory)
            {
                // open(2) makes no directories, whatever there is.
                return Errno.EISDIR;
            }
            error = LookUp(end.Parent, end.Name, out Inode? inode);
            if (error != Errno.None)
            {
                if (error == InternalErrno.MustWait)
                {
                    end.Parent.Fetch(end.Name, default);
                }

                // The last component may be missing.
                return error == Errno.ENOENT ? Errno.None : error;
            }
            bool follows = links == LinkPolicy.Follow || (links == LinkPolicy.FollowBeforeSlash && wantsDirectory);
            if (inode!.Type != Mode.S_IFLNK || !follows || inode is not SymbolicLinkInode link)
            {
                end.Inode = inode;
                return Errno.None;
            }
            if (_linksLeft-- == 0)
            {
                return Errno.ELOOP;
            }
            bool jumps = link.TryJump(out Inode? jumped);
            error = CheckLink(end.Parent, jumps, jumped);
            if (error != Errno.None)
            {
                return error;
            }
            if (jumps)
            {
                end.Inode = jumped;
                end.Kind = PathEndKind.Jump;
                return jumped is null ? link.JumpError : Errno.None;
            }
            error = _context.GetTarget(link, out path);
            if (error != Errno.None)
            {
                return error;
            }
            start = end.Parent;
            isTarget = true;
        }
    }

    /// <summary>Walks over all components but the last.</summary>
    private Errno WalkToLast(DirectoryInode start, ReadOnlySpan<byte> path, bool isTarget, out PathEnd end)
    {
        end = default;
        DirectoryInode directory = start;
        if (path[0] == (byte)'/')
        {
            directory = _root;
            bool crosses = isTarget && (_restrictions & ResolveFlags.RESOLVE_NO_XDEV) != 0 && start.FileSystem != directory.FileSystem;
            if (crosses || (_restrictions & ResolveFlags.RESOLVE_BENEATH) != 0)
            {
                return Errno.EXDEV;
            }
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
            Errno error = _credentials.SearchesEverything ? Errno.None : _credentials.Check(directory, AccessMode.X_OK);
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
            error = Step(ref directory, name);
            if (error != Errno.None)
            {
                if (error == InternalErrno.MustWait)
                {
                    directory.Fetch(name, path);
                }
                return error;
            }
        }
    }

    /// <summary>Walks over a component that more follows after.</summary>
    private Errno Step(ref DirectoryInode directory, FileName name)
    {
        if (name.IsDot)
        {
            return Errno.None;
        }
        if (name.IsDotDot)
        {
            return GoUp(ref directory);
        }
        Errno error = LookUp(directory, name, out Inode? inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (inode!.Type == Mode.S_IFLNK && inode is SymbolicLinkInode link)
        {
            error = Follow(directory, link, out inode);
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

    /// <summary>Resolves a symbolic link in the middle of a path. Recursion ends with the links that are left.</summary>
    private Errno Follow(DirectoryInode directory, SymbolicLinkInode link, out Inode? inode)
    {
        inode = null;
        if (_linksLeft-- == 0)
        {
            return Errno.ELOOP;
        }
        bool jumps = link.TryJump(out inode);
        Errno error = CheckLink(directory, jumps, inode);
        if (error != Errno.None)
        {
            return error;
        }
        if (jumps)
        {
            return inode is null ? link.JumpError : Errno.None;
        }
        error = _context.GetTarget(link, out ReadOnlySpan<byte> target);
        if (error != Errno.None)
        {
            return error;
        }
        error = Resolve(directory, target, LinkPolicy.Follow, creates: false, out PathEnd end, isTarget: true);
        inode = end.Inode;
        return error != Errno.None ? error : inode is null ? Errno.ENOENT : Errno.None;
    }

    private readonly Errno LookUp(DirectoryInode directory, FileName name, out Inode? inode)
    {
        Errno error = directory.Lookup(name, out inode);
        if (error == Errno.None && inode!.IsDirectory && inode is DirectoryInode { Mounted: not null } covered)
        {
            if ((_restrictions & ResolveFlags.RESOLVE_NO_XDEV) != 0)
            {
                return Errno.EXDEV;
            }
            inode = EnterMounts(covered);
            return _context.Refresh(inode);
        }
        else if (error == InternalErrno.MustWait)
        {
            _context.NoteFetch(directory);
        }
        return error;
    }

    /// <summary>Tells whether the way may go over a symbolic link, and with a link of /proc to where that leads.</summary>
    private readonly Errno CheckLink(DirectoryInode directory, bool jumps, Inode? jumped)
    {
        const ResolveFlags NoJumps = ResolveFlags.RESOLVE_NO_SYMLINKS | ResolveFlags.RESOLVE_NO_MAGICLINKS;
        if (_restrictions == ResolveFlags.None)
        {
            return Errno.None;
        }
        if ((_restrictions & (jumps ? NoJumps : ResolveFlags.RESOLVE_NO_SYMLINKS)) != 0)
        {
            return Errno.ELOOP;
        }
        bool crosses = jumped is not null && jumped.FileSystem != directory.FileSystem
            && (_restrictions & ResolveFlags.RESOLVE_NO_XDEV) != 0;
        return jumps && (crosses || (_restrictions & Scoped) != 0) ? Errno.EXDEV : Errno.None;
    }

    /// <summary>Goes to the parent, out of a mounted file system where it must, and not out of the root.</summary>
    private readonly Errno GoUp(ref DirectoryInode directory)
    {
        DirectoryInode parent = directory;
        while (parent != _root && parent == parent.FileSystem.Root && parent.FileSystem.MountPoint is { } mountPoint)
        {
            parent = mountPoint;
        }
        if (parent == _root)
        {
            // Whatever was mounted on the root itself stays behind.
            directory = parent;
            return (_restrictions & ResolveFlags.RESOLVE_BENEATH) != 0 ? Errno.EXDEV : Errno.None;
        }
        parent = EnterMounts(parent.Parent ?? parent);
        bool crosses = parent.FileSystem != directory.FileSystem && (_restrictions & ResolveFlags.RESOLVE_NO_XDEV) != 0;
        directory = parent;
        return crosses ? Errno.EXDEV : Errno.None;
    }

    private static DirectoryInode EnterMounts(DirectoryInode directory)
    {
        while (directory.Mounted is { } mounted)
        {
            directory = mounted.Root;
        }
        return directory;
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
}
