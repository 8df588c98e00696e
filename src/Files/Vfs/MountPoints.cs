using Semitone.Abi;

namespace Semitone.Files;

/// <summary>The directories that file systems are mounted on in the boot: found, or made where they are missing.</summary>
/// <param name="waiter">Null where all files are in memory.</param>
public sealed class MountPoints(MountNamespace mounts, IFileWaiter? waiter = null)
{
    private const Mode DirectoryPermissions = (Mode)0x1ED; // rwxr-xr-x

    private readonly FileSystemContext _files = new(mounts, new FileCredentials()) { Umask = Mode.None };

    /// <summary>Finds a directory.</summary>
    /// <param name="path">From the root.</param>
    /// <param name="makes">Whether it is made, with those above it, where it is missing.</param>
    /// <param name="directory">The directory, when the result is None.</param>
    /// <returns>None; ENOTDIR when it is something else, or why it cannot be found or made.</returns>
    public Errno FindMountPoint(ReadOnlySpan<byte> path, bool makes, out DirectoryInode? directory)
    {
        Errno error = LookForDirectory(path, out directory);
        if (error == Errno.ENOENT && makes)
        {
            error = MakeMountPath(path);
            error = error == Errno.None ? LookForDirectory(path, out directory) : error;
        }

        return error;
    }

    /// <summary>Makes a directory in one that is there.</summary>
    /// <returns>None, EEXIST, or why not.</returns>
    public Errno MakeMountPoint(ReadOnlySpan<byte> path, Mode permissions)
    {
        Errno error;
        do
        {
            error = _files.MakeDirectory(_files.Root, path, permissions);
        }
        while (waiter is not null && waiter.MustRepeat(_files, ref error));

        return error;
    }

    private Errno LookForDirectory(ReadOnlySpan<byte> path, out DirectoryInode? directory)
    {
        Errno error;
        Inode? inode;
        do
        {
            error = _files.Find(_files.Root, path, follow: true, out inode);
        }
        while (waiter is not null && waiter.MustRepeat(_files, ref error));

        directory = inode as DirectoryInode;
        return error == Errno.None && directory is null ? Errno.ENOTDIR : error;
    }

    private Errno MakeMountPath(ReadOnlySpan<byte> path)
    {
        for (int end = 1; end <= path.Length; end++)
        {
            if (end == path.Length || path[end] == (byte)'/')
            {
                Errno error = MakeMountPoint(path[..end], DirectoryPermissions);
                if (error is not (Errno.None or Errno.EEXIST))
                {
                    return error;
                }
            }
        }

        return Errno.None;
    }
}
