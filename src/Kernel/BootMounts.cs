using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Core;
using Semitone.Drivers;
using Semitone.Files;
using Semitone.Machine;
using Semitone.NineP;

namespace Semitone.Kernel;

/// <summary>Mounts what the kernel command line names (<c>vfs.fstab</c>), in the order given.</summary>
internal sealed class BootMounts(IMachine machine, MountNamespace mounts, Executor executor, DeviceSet devices)
{
    /// <summary>How long a server may take to answer at all.</summary>
    private const long PatienceNs = 20_000_000_000;

    private const Mode DirectoryPermissions = (Mode)0x1ED;

    private readonly FileSystemContext _files = new(mounts, new FileCredentials()) { Umask = Mode.None };

    private Outcome<NinePFileSystem> _connected;

    /// <summary>Mounts an entry.</summary>
    /// <param name="problem">Why it cannot be: a program that expects its files there is not to run without.</param>
    internal bool TryMount(MountEntry entry, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        bool hasInitrd = machine.Boot.InitialRamDisk.Length > 0;
        if ((entry.OnlyIfInitrd && !hasInitrd) || (entry.OnlyIfNoInitrd && hasInitrd))
        {
            return true;
        }

        ReadOnlySpan<byte> path = entry.Path;
        ReadOnlySpan<byte> type = entry.Type;
        bool isRoot = path.SequenceEqual("/"u8);
        if ((type.SequenceEqual("extract"u8) && isRoot) || (type.SequenceEqual("devfs"u8) && path.SequenceEqual("/dev"u8)))
        {
            // The root is what the initrd holds, and /dev is there, without being asked for.
            return true;
        }

        if (isRoot)
        {
            problem = "the root is what the initrd holds; another one cannot be mounted over it";
            return false;
        }

        if (type.SequenceEqual("ramfs"u8))
        {
            return TryCover(entry, new RamFileSystem(mounts.Services, mounts.NextDeviceMinor()), out problem);
        }

        if (!type.SequenceEqual("9pfs"u8))
        {
            problem = "there is no such type of file system; there are extract, 9pfs, ramfs and devfs";
            return false;
        }

        return TryConnect(entry, out NinePFileSystem? share, out problem) && TryCover(entry, share, out problem);
    }

    private bool TryConnect(MountEntry entry, [NotNullWhen(true)] out NinePFileSystem? share, [NotNullWhen(false)] out string? problem)
    {
        share = null;
        if (NinePOptions.Parse(entry.Options, out string bad) is not { } options)
        {
            problem = $"the option {bad} is not known, or not to be had";
            return false;
        }

        if (!devices.TryTakeShare(entry.Device, out VirtioDevice? device))
        {
            problem = "no device has a share of that name";
            return false;
        }

        NinePTransport transport = new(machine);
        if (!transport.TryOpen(device, executor))
        {
            problem = "there is no memory for its device";
            return false;
        }

        if (!executor.RunUntil(ConnectAsync(transport, options), machine.Clock.MonotonicNs + PatienceNs))
        {
            transport.Stop();
            problem = "its server does not answer";
            return false;
        }

        share = _connected.Error == Errno.None ? _connected.Value : null;
        problem = share is null ? $"its server answers {_connected.Error}" : null;
        return share is not null;
    }

    private async Task ConnectAsync(NinePTransport transport, NinePOptions options) =>
        _connected = await NinePFileSystem.ConnectAsync(mounts.Services, mounts.NextDeviceMinor(), executor, transport, options);

    private bool TryCover(MountEntry entry, FileSystem fileSystem, [NotNullWhen(false)] out string? problem)
    {
        Errno error = _files.Find(_files.Root, entry.Path, follow: true, out Inode? point);
        if (error == Errno.ENOENT && entry.MakePath)
        {
            error = MakePath(entry.Path);
            error = error == Errno.None ? _files.Find(_files.Root, entry.Path, follow: true, out point) : error;
        }

        if (error != Errno.None || point is not DirectoryInode directory)
        {
            problem = error != Errno.None ? $"its mount point cannot be used: {error}" : "its mount point is no directory";
            return false;
        }

        fileSystem.Flags |= (MountFlags)entry.Flags & MountFlags.MS_RDONLY;
        mounts.Mount(fileSystem, directory, Encoding.UTF8.GetString(entry.Device));
        problem = null;
        return true;
    }

    /// <summary>Makes a directory and those above it.</summary>
    private Errno MakePath(byte[] path)
    {
        for (int end = 1; end <= path.Length; end++)
        {
            if (end == path.Length || path[end] == (byte)'/')
            {
                Errno error = _files.MakeDirectory(_files.Root, path.AsSpan(0, end), DirectoryPermissions);
                if (error is not (Errno.None or Errno.EEXIST))
                {
                    return error;
                }
            }
        }

        return Errno.None;
    }
}
