using System.Diagnostics;
using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Files;

/// <summary>Mounts what every program expects besides its own files: /dev, /dev/pts, /proc and /sys.</summary>
public static class StandardMounts
{
    private const Mode DirectoryPermissions = (Mode)0x1ED;
    private const Mode OpenToAll = (Mode)0x1B6;
    private const Mode Sticky = (Mode)0x3FF;

    /// <summary>The type by which the file system at /dev is known.</summary>
    internal const string DeviceFileSystem = "devtmpfs";

    /// <summary>
    /// Mounts the file systems; a directory that the root lacks is made, and what is to be in one that cannot be made is left out.
    /// </summary>
    public static void MountAll(MountNamespace mounts, MountPoints points, IProcessTable processes, ISystemInformation system)
    {
        FileSystemContext context = new(mounts, new FileCredentials()) { Umask = Mode.None };
        MountDeviceFiles(mounts, points, context);
        PtsFileSystem terminals = new(mounts.Services, mounts.NextDeviceMinor(), new PtsOptions());
        MountStandard(mounts, points, terminals, "/dev/pts"u8, "devpts");
        MountStandard(mounts, points, new ProcFileSystem(mounts, mounts.NextDeviceMinor(), processes, system), "/proc"u8, "proc");
        MountStandard(mounts, points, new SysFileSystem(mounts.Services, mounts.NextDeviceMinor(), system), "/sys"u8, "sysfs");
        points.MakeMountPoint("/tmp"u8, Sticky);
    }

    private static void MountDeviceFiles(MountNamespace mounts, MountPoints points, FileSystemContext context)
    {
        MemoryDevices.Register(mounts.Services);
        mounts.Services.Devices.Register(KernelLogDevice.Number, new KernelLogDevice());
        RamFileSystem devices = new(mounts.Services, mounts.NextDeviceMinor(), typeName: DeviceFileSystem);
        MountStandard(mounts, points, devices, "/dev"u8, DeviceFileSystem);

        // In loops over tables: code that runs once costs a boot more than data does.
        DirectoryInode root = devices.Root;
        ReadOnlySpan<byte> names = "null zero full random urandom tty console ttyS0 kmsg ptmx "u8;
        ReadOnlySpan<Mode> permissions = [OpenToAll, OpenToAll, OpenToAll, OpenToAll, OpenToAll, OpenToAll, (Mode)0x180, (Mode)0x190,
            (Mode)0x1A4, OpenToAll];
        ReadOnlySpan<DeviceNumber> numbers =
        [
            MemoryDevices.Null,
            MemoryDevices.Zero,
            MemoryDevices.Full,
            MemoryDevices.Random,
            MemoryDevices.URandom,
            TerminalDevice.ControllingTerminal,
            TerminalDevice.Console,
            TerminalDevice.SerialLine,
            KernelLogDevice.Number,
            MasterDevice.Number,
        ];
        for (int i = 0; i < numbers.Length; i++)
        {
            Check(context.MakeNode(root, TakeWord(ref names), Mode.S_IFCHR | permissions[i], numbers[i]));
        }

        ReadOnlySpan<byte> links = "fd /proc/self/fd stdin /proc/self/fd/0 stdout /proc/self/fd/1 stderr /proc/self/fd/2 "u8;
        while (!links.IsEmpty)
        {
            ReadOnlySpan<byte> name = TakeWord(ref links);
            Check(context.MakeSymbolicLink(TakeWord(ref links), root, name));
        }

        Check(context.MakeDirectory(root, "shm"u8, Sticky));
        Check(context.MakeDirectory(root, "pts"u8, DirectoryPermissions));
    }

    private static ReadOnlySpan<byte> TakeWord(ref ReadOnlySpan<byte> words)
    {
        int end = words.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = words[..end];
        words = words[(end + 1)..];
        return word;
    }

    [MethodImpl(MethodImplOptions.NoInlining)] // three copies would be translated, or fetched, for one run of each
    private static void MountStandard(
        MountNamespace mounts, MountPoints points, FileSystem fileSystem, ReadOnlySpan<byte> path, string source)
    {
        if (points.FindMountPoint(path, makes: true, out DirectoryInode? directory) == Errno.None)
        {
            mounts.Mount(fileSystem, directory!, source);
        }
    }

    // The file system is new and in memory: nothing can be in the way.
    private static void Check(Errno error) => Debug.Assert(error == Errno.None);
}
