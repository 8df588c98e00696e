using Semitone.Abi;

namespace Semitone.Files;

/// <summary>One file system at its place in the tree, as /proc/mounts shows it.</summary>
/// <param name="Source">What was mounted, as the first column names it.</param>
public sealed record Mount(int Id, FileSystem FileSystem, string Source);

/// <summary>The tree of mounted file systems that processes share, with the file systems that are never mounted.</summary>
public sealed class MountNamespace
{
    private const uint AnonymousMinor = 2;

    private readonly List<Mount> _mounts = [];
    private AnonymousFileSystem? _anonymous;
    private uint _lastMinor = 16;
    private int _lastMountId = 20;

    /// <param name="source">What the root was made of, as the first column of /proc/mounts names it.</param>
    public MountNamespace(FileServices services, FileSystem root, string source = "rootfs")
    {
        Services = services;
        Root = root;
        _mounts.Add(new Mount(++_lastMountId, root, source));
    }

    public FileServices Services { get; }

    public FileSystem Root { get; }

    /// <summary>Where pipes and other nameless files live.</summary>
    public AnonymousFileSystem Anonymous => _anonymous ??= new AnonymousFileSystem(Services, AnonymousMinor);

    /// <summary>In the order in which they were mounted.</summary>
    public IReadOnlyList<Mount> Mounts => _mounts;

    /// <summary>Gets the device number for a new file system.</summary>
    public uint NextDeviceMinor() => ++_lastMinor;

    /// <summary>Gets the number of a file system's mount; 0 for one that is not mounted.</summary>
    public int GetMountId(FileSystem fileSystem)
    {
        foreach (Mount mount in _mounts)
        {
            if (mount.FileSystem == fileSystem)
            {
                return mount.Id;
            }
        }
        return 0;
    }

    /// <summary>Mounts a file system on a directory, which it covers.</summary>
    public void Mount(FileSystem fileSystem, DirectoryInode mountPoint, string source)
    {
        mountPoint.Mounted = fileSystem;
        fileSystem.MountPoint = mountPoint;
        _mounts.Add(new Mount(++_lastMountId, fileSystem, source));
    }

    /// <summary>Takes a file system out of the tree. Files that are open stay usable.</summary>
    /// <returns>None; EBUSY for one that others are mounted in; EINVAL for one that is not mounted.</returns>
    public Errno Unmount(FileSystem fileSystem)
    {
        if (fileSystem.MountPoint is not { } mountPoint)
        {
            return Errno.EINVAL;
        }
        foreach (Mount mount in _mounts)
        {
            if (mount.FileSystem.MountPoint?.FileSystem == fileSystem)
            {
                return Errno.EBUSY;
            }
        }
        mountPoint.Mounted = null;
        fileSystem.MountPoint = null;
        _mounts.RemoveAll(mount => mount.FileSystem == fileSystem);
        return Errno.None;
    }
}
