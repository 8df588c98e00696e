using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A file system: a tree of inodes that are numbered together.</summary>
/// <remarks>It is mounted at one place at most, so that an inode is a place in the tree and needs no mount beside it.</remarks>
public abstract class FileSystem
{
    private ulong _lastInode;

    protected FileSystem(FileServices services, uint deviceMinor)
    {
        Services = services;
        // Major 0 is that of file systems without a block device.
        Device = new DeviceNumber(0, deviceMinor);
    }

    public FileServices Services { get; }

    /// <summary>What st_dev says.</summary>
    public DeviceNumber Device { get; }

    public abstract DirectoryInode Root { get; }

    /// <summary>As /proc/filesystems and /proc/mounts name it.</summary>
    public abstract string TypeName { get; }

    public abstract FileSystemMagic Magic { get; }

    /// <summary>The directory that <see cref="Root"/> covers; null for the root file system and for one that is not mounted.</summary>
    public DirectoryInode? MountPoint { get; internal set; }

    public MountFlags Flags { get; set; } = MountFlags.MS_RELATIME;

    public bool IsReadOnly => (Flags & MountFlags.MS_RDONLY) != 0;

    /// <summary>Watches on files here (inotify(7)): while there are none, nothing has to be told.</summary>
    public int WatchCount { get; internal set; }

    /// <summary>Mount options of its own kind, each after a comma, as /proc/mounts shows them.</summary>
    public virtual string MountOptions => string.Empty;

    /// <summary>Whether files keep extended attributes.</summary>
    public virtual bool StoresAttributes => false;

    /// <summary>The clock for time stamps.</summary>
    public long NowNs => Services.Clock.RealtimeNs;

    /// <summary>Sees to it that <see cref="GetStatistics"/> can answer.</summary>
    /// <param name="inode">Whom the question is about.</param>
    /// <returns>None; <see cref="InternalErrno.MustWait"/>, for <see cref="Inode.Fetches"/> of that inode; what kept it away.</returns>
    public virtual Errno RefreshStatistics(Inode inode) => Errno.None;

    /// <summary>Fills in what statfs(2) tells.</summary>
    public virtual void GetStatistics(out StatFs statistics)
    {
        statistics = new StatFs
        {
            f_type = Magic,
            f_bsize = Paging.PageSize,
            f_frsize = Paging.PageSize,
            f_namelen = FileLimits.NAME_MAX,
            f_fsid = Device.Encoded,
            f_flags = GetMountFlags(),
        };
    }

    /// <summary>Gets a number that no inode here has had.</summary>
    public ulong NextInodeNumber() => ++_lastInode;

    /// <summary>Translates into the flags of statvfs(3): ST_VALID, which Linux always sets, and those of the mount.</summary>
    private long GetMountFlags()
    {
        const MountFlags SamePosition = MountFlags.MS_RDONLY | MountFlags.MS_NOSUID | MountFlags.MS_NODEV | MountFlags.MS_NOEXEC
            | MountFlags.MS_NOATIME;
        ulong flags = 0x20 | (ulong)(Flags & SamePosition);
        return (long)((Flags & MountFlags.MS_RELATIME) != 0 ? flags | 0x1000 : flags);
    }

    /// <summary>Keeps numbers up to this one from being given to new inodes.</summary>
    protected void ReserveInodeNumbers(ulong last) => _lastInode = Math.Max(_lastInode, last);
}
