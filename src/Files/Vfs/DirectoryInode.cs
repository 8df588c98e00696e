using Semitone.Abi;

namespace Semitone.Files;

/// <summary>What a new file starts with.</summary>
/// <param name="Mode">Type and permissions, the umask applied.</param>
public readonly record struct NewFile(Mode Mode, uint UserId, uint GroupId);

/// <summary>One entry of a directory as getdents64(2) tells it.</summary>
public readonly ref struct DirectoryEntry(ReadOnlySpan<byte> name, ulong inodeNumber, DirentType type)
{
    public ReadOnlySpan<byte> Name { get; } = name;

    public ulong InodeNumber { get; } = inodeNumber;

    public DirentType Type { get; } = type;
}

/// <summary>A directory. "." and ".." are the walker's business: they are never looked up here.</summary>
/// <remarks>
/// A file system that must ask somebody else answers <see cref="InternalErrno.MustWait"/> to <see cref="Lookup"/> (and its links to
/// <see cref="SymbolicLinkInode.GetTarget"/>) while it asks: the walk is given up, the call waits, holding nothing, and walks again.
/// One that asks somebody else for a change begins it and hands out its <see cref="PendingChange"/>: the call waits for its end, and
/// answers its result. The changing calls trust their caller (<see cref="FileSystemContext"/>) in access, types, and in that a name is free
/// or taken.
/// </remarks>
public abstract class DirectoryInode : Inode
{
    protected DirectoryInode(FileSystem fileSystem, ulong number, Mode mode)
        : base(fileSystem, number, (mode & PermissionMask) | Mode.S_IFDIR)
    {
        Links = 2;
    }

    /// <summary>The file system whose root covers this directory.</summary>
    public FileSystem? Mounted { get; internal set; }

    /// <summary>Set when the directory has been removed: it is still somebody's working directory, and nothing can be made in it.</summary>
    public bool IsRemoved { get; internal set; }

    public virtual bool IsEmpty => false;

    /// <remarks>It may be a working directory or a root, which nobody counts.</remarks>
    protected override bool IsHeld => true;

    /// <summary>Finds a file by its name.</summary>
    /// <returns>None, ENOENT, <see cref="InternalErrno.MustWait"/>, or what the file system's own business brings.</returns>
    public abstract Errno Lookup(FileName name, out Inode? inode);

    /// <summary>
    /// Told what a walk was about to look up when <see cref="Lookup"/> made it wait, so that a directory that asks somebody else can ask
    /// for all of it at once.
    /// </summary>
    /// <param name="name">The name that it did not know.</param>
    /// <param name="rest">What is left of the path behind it; empty after the last component.</param>
    public virtual void Fetch(FileName name, ReadOnlySpan<byte> rest)
    {
    }

    /// <summary>Steps through the entries, without "." and "..".</summary>
    /// <param name="position">0 to begin with; moved past the entry.</param>
    /// <returns>False at the end.</returns>
    public abstract bool TryGetEntry(scoped ref long position, out DirectoryEntry entry);

    /// <summary>Finds the name of a file that is in this directory.</summary>
    public virtual bool TryGetNameOf(Inode inode, out ReadOnlySpan<byte> name)
    {
        long position = 0;
        while (TryGetEntry(ref position, out DirectoryEntry entry))
        {
            if (entry.InodeNumber == inode.Number)
            {
                name = entry.Name;
                return true;
            }
        }
        name = default;
        return false;
    }

    /// <summary>Makes a regular file, a directory, a fifo or a socket.</summary>
    public virtual ChangeResult Create(FileName name, NewFile attributes, out Inode? inode)
    {
        inode = null;
        return Errno.EPERM;
    }

    /// <summary>Makes a regular file without a name (O_TMPFILE).</summary>
    public virtual Errno CreateUnnamed(NewFile attributes, out Inode? inode)
    {
        inode = null;
        return Errno.EOPNOTSUPP;
    }

    public virtual ChangeResult CreateDevice(FileName name, NewFile attributes, DeviceNumber device) => Errno.EPERM;

    public virtual ChangeResult CreateSymbolicLink(FileName name, NewFile attributes, ReadOnlySpan<byte> target) => Errno.EPERM;

    /// <summary>Gives a file another name.</summary>
    public virtual ChangeResult Link(FileName name, Inode inode) => Errno.EPERM;

    /// <summary>Takes a name away from a file that is no directory.</summary>
    public virtual ChangeResult Unlink(FileName name, Inode inode) => Errno.EPERM;

    /// <summary>Removes an empty directory.</summary>
    public virtual ChangeResult RemoveDirectory(FileName name, DirectoryInode directory) => Errno.EPERM;

    /// <summary>Moves a file to another name, here or in a directory of the same file system, in place of what has that name.</summary>
    public virtual ChangeResult Rename(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode? replaced) =>
        Errno.EPERM;

    /// <summary>Exchanges two files (RENAME_EXCHANGE).</summary>
    public virtual ChangeResult Exchange(FileName oldName, Inode inode, DirectoryInode newParent, FileName newName, Inode other) =>
        Errno.EINVAL;

    public override Errno Open(OpenFlags flags, out OpenFile? file)
    {
        file = new OpenDirectory(this, flags);
        return Errno.None;
    }
}
