using System.Diagnostics.CodeAnalysis;
using System.Text;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Core;
using Semitone.Cpio;
using Semitone.Files;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Kernel;

/// <summary>
/// Makes the root file system: of the files in the initrd, of the one program that the initrd is, or of a folder that the host shares.
/// </summary>
internal sealed class BootRoot(IMachine machine, BootOptions options, FileServices services, ShareConnector shares, KernelLog log)
{
    private const uint DeviceMinor = 1;

    /// <summary>What the root was made of, as /proc/mounts names it.</summary>
    internal string Source { get; private set; } = "rootfs";

    /// <summary>The program's path when the initrd is the program itself.</summary>
    internal byte[]? Program { get; private set; }

    /// <summary>What the machine ends with when there is no root.</summary>
    internal byte Failure { get; private set; } = KernelInstance.NotFound;

    private PhysicalRange InitialRamDisk => machine.Boot.InitialRamDisk;

    /// <summary>Makes it, and says why where that cannot be done.</summary>
    internal bool TryMakeRoot([NotNullWhen(true)] out FileSystem? root)
    {
        if (FindShare() is { } entry)
        {
            return TryShare(entry, out root);
        }

        bool isMade = IsProgram(InitialRamDisk) ? TryMakeOfProgram(out RamFileSystem? made) : TryLoad(out made);
        root = isMade ? made : null;
        return isMade;
    }

    /// <summary>The folder that is to be the root: <c>vfs.rootfs</c>, or the entry of <c>vfs.fstab</c> for it.</summary>
    private MountEntry? FindShare()
    {
        ReadOnlySpan<byte> share = "9pfs"u8;
        if (options.RootType.AsSpan().SequenceEqual(share))
        {
            return new MountEntry(
                options.RootDevice ?? "fs0"u8.ToArray(),
                [(byte)'/'],
                options.RootType,
                options.RootFlags,
                options.RootOptions,
                MakePath: false,
                OnlyIfInitrd: false,
                OnlyIfNoInitrd: false);
        }

        foreach (MountEntry entry in options.Mounts)
        {
            if (entry.Path.AsSpan().SequenceEqual("/"u8) && entry.Type.AsSpan().SequenceEqual(share)
                && !BootMounts.IsPassedOver(entry, InitialRamDisk.Length > 0))
            {
                return entry;
            }
        }

        return null;
    }

    private bool TryShare(MountEntry entry, [NotNullWhen(true)] out FileSystem? root)
    {
        Failure = KernelInstance.CannotExecute;
        Source = Encoding.UTF8.GetString(entry.Device);
        root = null;
        string? problem = "there is an initrd, whose files are the root; leave one of them out";
        if (InitialRamDisk.Length == 0 && shares.TryConnect(entry, DeviceMinor, out NinePFileSystem? share, out problem))
        {
            root = share;
            return true;
        }

        log.Error($"/ cannot be mounted from {Source}: {problem}");
        return false;
    }

    private bool TryLoad(out RamFileSystem root)
    {
        CpioError error = Files.InitialRamDisk.Load(services, InitialRamDisk, out root, out long offset);
        if (error == CpioError.None)
        {
            return true;
        }

        log.Error($"the initrd is not usable: {CpioErrors.Describe(error)} (at byte {offset})");
        if (error == CpioError.OutOfMemory)
        {
            log.Error($"{KernelInstance.MemoryTooSmall}");
        }

        return false;
    }

    private bool IsProgram(PhysicalRange initrd)
    {
        ReadOnlySpan<byte> magic = [0x7F, (byte)'E', (byte)'L', (byte)'F'];
        if (initrd.Length <= Paging.PageSize || initrd.Offset > Paging.PageSize - magic.Length)
        {
            return false;
        }

        Span<byte> start = stackalloc byte[magic.Length];
        machine.Frames.Read(initrd[0], initrd.Offset, start);
        return start.SequenceEqual(magic);
    }

    /// <summary>Makes a root of the one file that the initrd is: a static program, under the name that the command line gives it.</summary>
    private bool TryMakeOfProgram(out RamFileSystem root)
    {
        if (options.ProgramArguments.Count == 0)
        {
            options.ProgramArguments.Add("program"u8.ToArray());
        }

        ReadOnlySpan<byte> name = options.ProgramArguments[0];
        name = name[(name.LastIndexOf((byte)'/') + 1)..];
        Program = [(byte)'/', .. name];
        CpioError error = Files.InitialRamDisk.Load(services, default, out root, out _);
        return error == CpioError.None && Files.InitialRamDisk.AddFile(root, name, InitialRamDisk) == CpioError.None;
    }
}
