using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;

namespace Semitone.Files;

/// <content>Names that are made, moved and taken away: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2).</content>
public sealed partial class FileSystemContext
{
    /// <summary>Makes a directory (mkdir(2)).</summary>
    public Errno MakeDirectory(DirectoryInode start, ReadOnlySpan<byte> path, Mode mode)
    {
        Errno error = FindFreeName(start, path, allowSlash: true, out PathEnd end);
        return error != Errno.None
            ? error
            : Note(
                end.Parent.Create(end.Name, Prepare(end.Parent, Mode.S_IFDIR | (mode & (Mode)0x3FF & ~Umask)), out _),
                TellCreated(ref end, isDirectory: true));
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
                if (!Credentials.Has(Capability.CAP_MKNOD))
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
        ChangeResult result = type is Mode.S_IFCHR or Mode.S_IFBLK
            ? end.Parent.CreateDevice(end.Name, attributes, device)
            : end.Parent.Create(end.Name, attributes, out _);
        return Note(result, TellCreated(ref end, isDirectory: false));
    }

    /// <summary>Makes the name of a socket (bind(2)), in a file system that keeps its inodes in memory.</summary>
    /// <returns>None, EEXIST, EPERM where names of sockets cannot be, and what else stands in the way.</returns>
    public Errno MakeSocket(ReadOnlySpan<byte> path, Mode permissions, out Inode? inode)
    {
        inode = null;
        Errno error = FindFreeName(WorkingDirectory, path, allowSlash: false, out PathEnd end);
        if (error != Errno.None)
        {
            return error;
        }
        return end.Parent is RamDirectory
            ? Note(end.Parent.Create(end.Name, Prepare(end.Parent, Mode.S_IFSOCK | (permissions & ~Umask)), out inode))
            : Errno.EPERM;
    }

    /// <summary>Makes a symbolic link (symlink(2)).</summary>
    public Errno MakeSymbolicLink(ReadOnlySpan<byte> target, DirectoryInode start, ReadOnlySpan<byte> path)
    {
        if (target.IsEmpty)
        {
            return Errno.ENOENT;
        }
        Errno error = FindFreeName(start, path, allowSlash: false, out PathEnd end);
        return error != Errno.None
            ? error
            : Note(
                end.Parent.CreateSymbolicLink(end.Name, Prepare(end.Parent, Mode.S_IFLNK | (Mode)0x1FF), target),
                TellCreated(ref end, isDirectory: false));
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
        if (inode.Links == uint.MaxValue)
        {
            return Errno.EMLINK;
        }
        FileNews? news = IsWatched(ref end) ? FileNews.Linked(end.Parent, end.Name, inode) : null;
        return Note(end.Parent.Link(end.Name, inode), news);
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
        if (end.Inode is DirectoryInode)
        {
            return Errno.EISDIR;
        }
        FileNews? news = IsWatched(ref end) ? FileNews.Removed(end.Parent, end.Name, end.Inode!) : null;
        return Note(end.Parent.Unlink(end.Name, end.Inode!), news);
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
        if (!directory.IsEmpty)
        {
            return Errno.ENOTEMPTY;
        }
        FileNews? news = IsWatched(ref end) ? FileNews.Removed(end.Parent, end.Name, directory) : null;
        return Note(end.Parent.RemoveDirectory(end.Name, directory), news);
    }

    /// <summary>Moves a file to another name (rename(2)).</summary>
    public Errno Rename(
        DirectoryInode oldStart, ReadOnlySpan<byte> oldPath, DirectoryInode newStart, ReadOnlySpan<byte> newPath, RenameFlags flags)
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
        if (IsBusy(from.Inode!))
        {
            return Errno.EBUSY;
        }
        FileNews? news = IsWatched(ref from) ? FileNews.Moved(ref from, ref to, exchanges: false) : null;
        return Note(from.Parent.Rename(from.Name, from.Inode!, to.Parent, to.Name, null), news);
    }

    private Errno RenameOver(ref PathEnd from, ref PathEnd to, bool exchanges)
    {
        Errno error = CheckRemoval(to.Parent, to.Inode!);
        if (error != Errno.None)
        {
            return error;
        }
        FileNews? news;
        if (exchanges)
        {
            if (IsBusy(from.Inode!) || IsBusy(to.Inode!))
            {
                return Errno.EBUSY;
            }
            news = IsWatched(ref from) ? FileNews.Moved(ref from, ref to, exchanges: true) : null;
            return Note(from.Parent.Exchange(from.Name, from.Inode!, to.Parent, to.Name, to.Inode!), news);
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
        news = IsWatched(ref from) ? FileNews.Moved(ref from, ref to, exchanges: false) : null;
        return Note(from.Parent.Rename(from.Name, from.Inode!, to.Parent, to.Name, to.Inode), news);
    }

    private static bool IsWatched(ref PathEnd end) => end.Parent.FileSystem.WatchCount != 0;

    private static FileNews? TellCreated(ref PathEnd end, bool isDirectory) =>
        IsWatched(ref end) ? FileNews.Created(end.Parent, end.Name, isDirectory) : null;

    /// <summary>Tells whether a file is a root that something is mounted at, or this context's own.</summary>
    private bool IsBusy([NotNullWhen(true)] Inode inode) =>
        inode is DirectoryInode directory
            && (directory == Root || directory == directory.FileSystem.Root || directory.Mounted is not null);

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
}
