using Semitone.Abi;

namespace Semitone.Files;

/// <content>Opening files (open(2)).</content>
public sealed partial class FileSystemContext
{
    /// <summary>Opens a file, making it where that is asked for (open(2)).</summary>
    /// <param name="mode">Permissions of a new file, before the umask.</param>
    /// <param name="restrictions">Where the way must not lead (openat2(2)): EXDEV or ELOOP then.</param>
    public Errno Open(
        DirectoryInode start,
        ReadOnlySpan<byte> path,
        OpenFlags flags,
        Mode mode,
        out OpenFile? file,
        ResolveFlags restrictions = ResolveFlags.None)
    {
        file = null;
        if ((flags & OpenFlags.O_TMPFILE) == OpenFlags.O_TMPFILE)
        {
            return OpenUnnamed(start, path, flags, mode, restrictions, out file);
        }
        bool creates = (flags & OpenFlags.O_CREAT) != 0 && (flags & OpenFlags.O_PATH) == 0;
        bool isExclusive = creates && (flags & OpenFlags.O_EXCL) != 0;
        LinkPolicy links = (flags & OpenFlags.O_NOFOLLOW) == 0 && !isExclusive ? LinkPolicy.Follow : LinkPolicy.FollowBeforeSlash;
        PathWalker walker = new(this, creates, restrictions, start);
        Errno error = walker.Walk(start, path, links, out PathEnd end);
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

        if (end.HasTrailingSlash && !inode!.IsDirectory && !isNew)
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
            AccessMode wanted = (access == OpenFlags.O_WRONLY ? AccessMode.F_OK : AccessMode.R_OK)
                | (writes ? AccessMode.W_OK : AccessMode.F_OK);
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
        if (error != Errno.None)
        {
            if (error == InternalErrno.MustWait)
            {
                NoteFetch(inode);
            }
            return error;
        }
        file!.HasCreatedFile = isNew;
        inode.Notify(InotifyMask.IN_OPEN);
        if ((flags & OpenFlags.O_DIRECT) != 0 && (!file.AllowsDirect || inode.Type == Mode.S_IFIFO))
        {
            file.Release();
            file = null;
            return Errno.EINVAL;
        }
        if ((flags & OpenFlags.O_TRUNC) != 0 && !isNew && inode.IsRegular)
        {
            error = Note(inode.SetSize(0), inode, InotifyMask.IN_MODIFY);
            if (error != Errno.None)
            {
                file!.Release();
                file = null;
            }
        }
        return error;
    }

    private Errno OpenUnnamed(
        DirectoryInode start, ReadOnlySpan<byte> path, OpenFlags flags, Mode mode, ResolveFlags restrictions, out OpenFile? file)
    {
        file = null;
        if ((flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY)
        {
            return Errno.EINVAL;
        }
        PathWalker walker = new(this, creates: false, restrictions, start);
        Errno error = Find(ref walker, start, path, (flags & OpenFlags.O_NOFOLLOW) == 0, out Inode? inode);
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
            : Note(
                end.Parent.Create(end.Name, Prepare(end.Parent, Mode.S_IFREG | (mode & Inode.PermissionMask & ~Umask)), out inode),
                TellCreated(ref end, isDirectory: false));
    }
}
