using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>A file, whatever its type and whatever its names (inode(7)).</summary>
/// <remarks>Only one CPU is in the kernel at a time; with more, an inode's state is protected by a lock of its own.</remarks>
public abstract class Inode
{
    /// <summary>The permission bits of <see cref="Mode"/>, with set-user-ID, set-group-ID and sticky.</summary>
    public const Mode PermissionMask = (Mode)0xFFF;

    private int _openCount;
    private bool _isEvicted;

    protected Inode(FileSystem fileSystem, ulong number, Mode mode)
    {
        FileSystem = fileSystem;
        Number = number;
        Mode = mode;
    }

    public FileSystem FileSystem { get; }

    public ulong Number { get; }

    /// <summary>Type and permissions.</summary>
    public Mode Mode { get; set; }

    public Mode Type => Mode & Mode.S_IFMT;

    public bool IsRegular => Type == Mode.S_IFREG;

    /// <summary>
    /// Tells what a cast to <see cref="DirectoryInode"/> tells, in fewer instructions: the runtime has to climb from class to class for
    /// that.
    /// </summary>
    public bool IsDirectory => Type == Mode.S_IFDIR;

    public uint UserId { get; set; }

    public uint GroupId { get; set; }

    /// <summary>Names that the file has.</summary>
    public uint Links { get; set; } = 1;

    /// <summary>Time of the last access, in nanoseconds since 1970.</summary>
    public long AccessedNs { get; set; }

    /// <summary>Time of the last change of the contents.</summary>
    public long ModifiedNs { get; set; }

    /// <summary>Time of the last change of the contents or the attributes.</summary>
    public long ChangedNs { get; set; }

    /// <summary>Time at which the file was made; 0 where the file system does not keep it (STATX_BTIME in statx(2)).</summary>
    public long CreatedNs { get; internal set; }

    /// <summary>How long what is written may be expected to live (F_SET_RW_HINT in fcntl(2)). It is told, and changes nothing.</summary>
    public byte WriteHint { get; set; }

    /// <summary>
    /// The directory that has a name for this file: for a directory the only one, for others the one it was last found in.
    /// </summary>
    /// <remarks>
    /// Stands in for a dentry where the kernel must tell a file's path (/proc/PID/exe, maps, getcwd(2)): the name is searched there.
    /// </remarks>
    public DirectoryInode? Parent { get; set; }

    /// <summary>A file without a name that may be given one (O_TMPFILE in open(2)).</summary>
    public bool IsLinkable { get; internal set; }

    /// <summary>What stands in for a path in a file that never had a name, as "pipe:[7]"; null for others.</summary>
    public virtual string? Description => null;

    /// <summary>The advisory locks on the file; null while there were none.</summary>
    public FileLocks? Locks { get; private set; }

    /// <summary>The first of those who watch the file (inotify(7)).</summary>
    internal InotifyWatch? FirstWatch { get; set; }

    /// <summary>The extended attributes; null where there are none.</summary>
    public ExtendedAttributes? Attributes { get; set; }

    /// <summary>Bytes, as st_size has it.</summary>
    public virtual long Size => 0;

    /// <summary>Units of 512 bytes that the file takes, as st_blocks has it.</summary>
    public virtual long Blocks => 0;

    /// <summary>The device that a device node stands for.</summary>
    public virtual DeviceNumber TargetDevice => default;

    /// <summary>Those who wait for what this inode has asked of somebody else; null where all is at hand.</summary>
    /// <remarks>
    /// A call of the inode that answers <see cref="InternalErrno.MustWait"/> has sent its question and done nothing else. An answer wakes
    /// everybody here, and they ask again; what was fetched stays valid for those who asked before it came.
    /// </remarks>
    public virtual WaitQueue? Fetches => null;

    /// <summary>
    /// Sees to it that the attributes are as new as the file system promises, for a caller who has not just found the file by its name.
    /// </summary>
    /// <returns>None, <see cref="InternalErrno.MustWait"/>, or what kept them away.</returns>
    public virtual Errno Refresh() => Errno.None;

    /// <summary>The thread that waited in <see cref="Fetches"/> is to end: if nobody else waits, nobody needs the answer.</summary>
    public virtual void OnFetchAbandoned()
    {
    }

    /// <summary>What is preferred for transfers, as st_blksize has it.</summary>
    public virtual int PreferredBlockSize => Paging.PageSize;

    /// <summary>Opens the file. Access has been checked, and O_TRUNC is the caller's business.</summary>
    public abstract Errno Open(OpenFlags flags, out OpenFile? file);

    /// <summary>Sets the length of a regular file: cuts off, or appends zeros.</summary>
    public virtual ChangeResult SetSize(long size) => Errno.EINVAL;

    /// <summary>Changes mode, owner or times. The caller has checked who may do that.</summary>
    public virtual ChangeResult Update(in AttributeChange change)
    {
        Mode = change.Mode ?? Mode;
        UserId = change.UserId ?? UserId;
        GroupId = change.GroupId ?? GroupId;
        AccessedNs = change.AccessedNs ?? AccessedNs;
        ModifiedNs = change.ModifiedNs ?? ModifiedNs;
        TouchChanged();
        return Errno.None;
    }

    /// <summary>Told before times or extended attributes change; a file system without such changes refuses.</summary>
    public virtual Errno CheckAttributeChange() => FileSystem.IsReadOnly ? Errno.EROFS : Errno.None;

    /// <summary>Told before owner or mode change.</summary>
    public virtual Errno CheckRightsChange() => CheckAttributeChange();

    /// <summary>Gets the value of an extended attribute.</summary>
    /// <returns>None, ENODATA, <see cref="InternalErrno.MustWait"/>, or what kept it away.</returns>
    public virtual Errno GetAttribute(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        return Attributes?.TryGet(name, out value) == true ? Errno.None : Errno.ENODATA;
    }

    /// <summary>Sees to it that <see cref="TryGetAttributeName"/> knows the names.</summary>
    public virtual Errno RefreshAttributeNames() => Errno.None;

    /// <summary>Steps through the names of extended attributes.</summary>
    public virtual bool TryGetAttributeName(int index, out ReadOnlySpan<byte> name)
    {
        name = default;
        return Attributes?.TryGetName(index, out name) == true;
    }

    /// <summary>Sets an extended attribute. The caller has checked who may do that.</summary>
    public virtual ChangeResult SetAttribute(ReadOnlySpan<byte> name, byte[] value, XattrFlags flags)
    {
        Errno error = (Attributes ??= new ExtendedAttributes()).Set(name, value, flags);
        if (error == Errno.None)
        {
            TouchChanged();
        }
        return error;
    }

    /// <summary>Takes an extended attribute away.</summary>
    public virtual ChangeResult RemoveAttribute(ReadOnlySpan<byte> name)
    {
        if (Attributes?.Remove(name) != true)
        {
            return Errno.ENODATA;
        }
        TouchChanged();
        return Errno.None;
    }

    /// <summary>Fills in what stat(2) tells.</summary>
    public virtual void GetAttributes(out Stat stat)
    {
        stat = default;
        stat.st_dev = FileSystem.Device.Encoded;
        stat.st_ino = Number;
        stat.st_nlink = Links;
        stat.st_mode = Mode;
        stat.st_uid = UserId;
        stat.st_gid = GroupId;
        stat.st_rdev = TargetDevice.Encoded;
        stat.st_size = Size;
        stat.st_blksize = PreferredBlockSize;
        stat.st_blocks = Blocks;
        stat.st_atim = Timespec.FromNs(AccessedNs);
        stat.st_mtim = Timespec.FromNs(ModifiedNs);
        stat.st_ctim = Timespec.FromNs(ChangedNs);
    }

    /// <summary>Sets all three times, as those of a new file are.</summary>
    public void SetTimes(long ns)
    {
        AccessedNs = ns;
        ModifiedNs = ns;
        ChangedNs = ns;
    }

    /// <summary>Notes a reading access, as seldom as the mount option relatime has it (mount(8)).</summary>
    public void TouchAccessed()
    {
        if (AccessedNs <= ModifiedNs || AccessedNs <= ChangedNs)
        {
            if ((FileSystem.Flags & (MountFlags.MS_NOATIME | MountFlags.MS_RDONLY)) == 0)
            {
                AccessedNs = FileSystem.NowNs;
            }
        }
    }

    /// <summary>Notes a change of the contents.</summary>
    public void TouchModified()
    {
        long nowNs = FileSystem.NowNs;
        ModifiedNs = nowNs;
        ChangedNs = nowNs;
    }

    /// <summary>Notes a change of the attributes.</summary>
    public void TouchChanged() => ChangedNs = FileSystem.NowNs;

    /// <summary>Tells those who watch the file, or its directory, what was done with it.</summary>
    public void Notify(InotifyMask what)
    {
        if (FileSystem.WatchCount != 0)
        {
            FileWatches.Notify(this, what);
        }
    }

    /// <summary>Keeps the contents although the last name may go: somebody has the file open.</summary>
    public void Retain() => _openCount++;

    /// <summary>Undoes <see cref="Retain"/>.</summary>
    public void Release()
    {
        _openCount--;
        EvictIfUnused();
    }

    public FileLocks GetLocks() => Locks ??= new FileLocks();

    /// <summary>
    /// The name that was taken away last while somebody used the file: what /proc calls it then. Null where nobody could ask.
    /// </summary>
    internal byte[]? RemovedName { get; set; }

    /// <summary>Whether a process has the file in some way that outlives its names.</summary>
    protected virtual bool IsHeld => _openCount != 0;

    /// <summary>Whether somebody has the file open.</summary>
    internal bool IsOpen => _openCount != 0;

    /// <summary>Takes one name away.</summary>
    public void DropLink(ReadOnlySpan<byte> name)
    {
        Links--;
        RememberName(name);
        EvictIfUnused();
    }

    /// <summary>Keeps a name that goes, for those who hold the file; not where the kernel's memory is nearly full.</summary>
    internal void RememberName(ReadOnlySpan<byte> name)
    {
        if (IsHeld && KernelHeap.HasRoom())
        {
            RemovedName = name.ToArray();
        }
    }

    /// <summary>Frees the contents: the file has no name and nobody has it open.</summary>
    protected virtual void Evict()
    {
    }

    private void EvictIfUnused()
    {
        if (Links == 0 && _openCount == 0 && !_isEvicted)
        {
            _isEvicted = true;
            if (FirstWatch is not null)
            {
                FileWatches.OnRemoved(this);
            }
            Evict();
        }
    }
}
