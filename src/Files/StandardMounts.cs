using System.Diagnostics;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Mounts what every program expects besides its own files: /dev, /proc and /sys.</summary>
public static class StandardMounts
{
    private const Mode DirectoryPermissions = (Mode)0x1ED;
    private const Mode OpenToAll = (Mode)0x1B6;
    private const Mode Sticky = (Mode)0x3FF;

    /// <summary>Mounts the file systems; a directory that the root lacks is made.</summary>
    public static void MountAll(MountNamespace mounts, IProcessTable processes, ISystemInformation system)
    {
        FileSystemContext context = new(mounts, new FileCredentials()) { Umask = Mode.None };
        MountDevices(mounts, context);
        Mount(mounts, context, new ProcFileSystem(mounts, mounts.NextDeviceMinor(), processes, system), "/proc"u8, "proc");
        Mount(mounts, context, new SysFileSystem(mounts.Services, mounts.NextDeviceMinor()), "/sys"u8, "sysfs");
        context.MakeDirectory(mounts.Root.Root, "/tmp"u8, Sticky);
    }

    private static void MountDevices(MountNamespace mounts, FileSystemContext context)
    {
        MemoryDevices.Register(mounts.Services);
        RamFileSystem devices = new(mounts.Services, mounts.NextDeviceMinor(), typeName: "devtmpfs");
        Mount(mounts, context, devices, "/dev"u8, "devtmpfs");

        DirectoryInode root = devices.Root;
        Node("null"u8, OpenToAll, MemoryDevices.Null);
        Node("zero"u8, OpenToAll, MemoryDevices.Zero);
        Node("full"u8, OpenToAll, MemoryDevices.Full);
        Node("random"u8, OpenToAll, MemoryDevices.Random);
        Node("urandom"u8, OpenToAll, MemoryDevices.URandom);
        Node("tty"u8, OpenToAll, TerminalDevice.ControllingTerminal);
        Node("console"u8, (Mode)0x180, TerminalDevice.Console);
        Node("ttyS0"u8, (Mode)0x190, TerminalDevice.SerialLine);
        Link("fd"u8, "/proc/self/fd"u8);
        Link("stdin"u8, "/proc/self/fd/0"u8);
        Link("stdout"u8, "/proc/self/fd/1"u8);
        Link("stderr"u8, "/proc/self/fd/2"u8);
        Check(context.MakeDirectory(root, "shm"u8, Sticky));
        Check(context.MakeDirectory(root, "pts"u8, DirectoryPermissions));

        void Node(ReadOnlySpan<byte> name, Mode permissions, DeviceNumber device) =>
            Check(context.MakeNode(root, name, Mode.S_IFCHR | permissions, device));

        void Link(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target) => Check(context.MakeSymbolicLink(target, root, name));
    }

    private static void Mount(MountNamespace mounts, FileSystemContext context, FileSystem fileSystem, ReadOnlySpan<byte> path, string source)
    {
        Errno error = context.Find(mounts.Root.Root, path, follow: true, out Inode? inode);
        if (error == Errno.ENOENT)
        {
            context.MakeDirectory(mounts.Root.Root, path, DirectoryPermissions);
            context.Find(mounts.Root.Root, path, follow: true, out inode);
        }
        if (inode is DirectoryInode directory)
        {
            mounts.Mount(fileSystem, directory, source);
        }
    }

    // The file system is new and in memory: nothing can be in the way.
    private static void Check(Errno error) => Debug.Assert(error == Errno.None);
}
