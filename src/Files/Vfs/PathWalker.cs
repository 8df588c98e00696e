using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The rules by which a path leads to a file (path_resolution(7)): components, links, mounts, the right to search.</summary>
/// <remarks>
/// One walker serves one path: it counts the symbolic links on the way. It changes nothing and holds nothing, so a walk that meets a name which
/// must be fetched first (<see cref="InternalErrno.MustWait"/>) is given up, and begun again when the answer is there.
/// </remarks>
internal struct PathWalker
{
    private readonly FileSystemContext _context;
    private readonly DirectoryInode _root;
    private readonly FileCredentials _credentials;
    private readonly bool _creates;
    private int _linksLeft;

    /// <param name="creates">Whether a file is to be made at the end of the path (O_CREAT).</param>
    public PathWalker(FileSystemContext context, bool creates)
    {
        _context = context;
        _root = context.Root;
        _credentials = context.Credentials;
        _creates = creates;
        _linksLeft = FileLimits.MAXSYMLINKS;
    }

    /// <summary>Finds the directory and the name that a path ends in, and the file where there is one.</summary>
    /// <param name="start">Where a relative path starts.</param>
    /// <returns>None when all but the last component exist; <see cref="PathEnd.Inode"/> tells whether that one does.</returns>
    public Errno Walk(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, out PathEnd end) =>
        Resolve(start, path, links, _creates, out end);

    private Errno Resolve(DirectoryInode start, ReadOnlySpan<byte> path, LinkPolicy links, bool creates, out PathEnd end)
    {
        end = default;
        bool wantsDirectory = false;
        if (path.IsEmpty)
        {
            return Errno.ENOENT;
        }
        while (true)
        {
            Errno error = WalkToLast(start, path, out end);
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
            if (_linksLeft-- == 0)
            {
                return Errno.ELOOP;
            }
            if (link.TryJump(out Inode? jumped))
            {
                end.Inode = jumped;
                end.Kind = PathEndKind.Jump;
                return jumped is null ? Errno.ENOENT : Errno.None;
            }
            error = _context.GetTarget(link, out path);
            if (error != Errno.None)
            {
                return error;
            }
            start = end.Parent;
        }
    }

    /// <summary>Walks over all components but the last.</summary>
    private Errno WalkToLast(DirectoryInode start, ReadOnlySpan<byte> path, out PathEnd end)
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
            Errno error = _credentials.IsPrivileged ? Errno.None : _credentials.Check(directory, AccessMode.X_OK);
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
        if (link.TryJump(out inode))
        {
            return inode is null ? Errno.ENOENT : Errno.None;
        }
        Errno error = _context.GetTarget(link, out ReadOnlySpan<byte> target);
        if (error != Errno.None)
        {
            return error;
        }
        error = Resolve(directory, target, LinkPolicy.Follow, creates: false, out PathEnd end);
        inode = end.Inode;
        return error != Errno.None ? error : inode is null ? Errno.ENOENT : Errno.None;
    }

    private readonly Errno LookUp(DirectoryInode directory, FileName name, out Inode? inode)
    {
        Errno error = directory.Lookup(name, out inode);
        if (inode is DirectoryInode { Mounted: not null } covered)
        {
            inode = EnterMounts(covered);
        }
        else if (error == InternalErrno.MustWait)
        {
            _context.NoteFetch(directory);
        }
        return error;
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
