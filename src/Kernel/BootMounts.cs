using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Files;

namespace Semitone.Kernel;

/// <summary>Mounts what the kernel command line names besides the root (<c>vfs.fstab</c>), in the order given.</summary>
internal sealed class BootMounts(MountNamespace mounts, MountPoints points, ShareConnector shares, bool hasInitrd)
{
    /// <summary>Tells whether an entry is passed over in this machine.</summary>
    internal static bool IsPassedOver(MountEntry entry, bool hasInitrd) =>
        (entry.OnlyIfInitrd && !hasInitrd) || (entry.OnlyIfNoInitrd && hasInitrd);

    /// <summary>Mounts an entry.</summary>
    /// <param name="problem">Why it cannot be: a program that expects its files there is not to run without.</param>
    internal bool TryMountEntry(MountEntry entry, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        ReadOnlySpan<byte> path = entry.Path;
        ReadOnlySpan<byte> type = entry.Type;
        bool isRoot = path.SequenceEqual("/"u8);
        if (IsPassedOver(entry, hasInitrd) || isRoot || (type.SequenceEqual("devfs"u8) && path.SequenceEqual("/dev"u8)))
        {
            // The root has been made before (BootRoot), and /dev is there without being asked for.
            return true;
        }

        if (type.SequenceEqual("ramfs"u8))
        {
            if (!RamOptions.TryParse(entry.Options, out Mode permissions))
            {
                problem = "of options there is mode=OCTAL";
                return false;
            }

            RamFileSystem fileSystem = new(mounts.Services, mounts.NextDeviceMinor(), permissions: permissions);
            fileSystem.Flags |= (MountFlags)entry.Flags & MountFlags.MS_RDONLY;
            return TryCoverMountPoint(entry, fileSystem, out problem);
        }

        if (!type.SequenceEqual("9pfs"u8))
        {
            problem = "there is no such type of file system; there are extract, 9pfs, ramfs and devfs";
            return false;
        }

        return shares.TryConnect(entry, mounts.NextDeviceMinor(), out NinePFileSystem? share, out problem)
            && TryCoverMountPoint(entry, share, out problem);
    }

    private bool TryCoverMountPoint(MountEntry entry, FileSystem fileSystem, [NotNullWhen(false)] out string? problem)
    {
        Errno error = points.FindMountPoint(entry.Path, entry.MakePath, out DirectoryInode? directory);
        if (error != Errno.None)
        {
            problem = error == Errno.ENOTDIR ? "its mount point is no directory" : $"its mount point cannot be used: {error}";
            return false;
        }

        mounts.Mount(fileSystem, directory!, Encoding.UTF8.GetString(entry.Device));
        problem = null;
        return true;
    }
}
