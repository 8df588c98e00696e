using System.Globalization;
using Semitone.Cli.Running;
using Semitone.HostLink;

namespace Semitone.Cli.Qemu;

/// <summary>The QEMU command line of a machine.</summary>
internal static class QemuCommandLine
{
    /// <summary>Builds the command: executable first.</summary>
    public static List<string> Build(QemuOptions options)
    {
        List<string> command =
        [
            options.Executable,
            "-M", DescribeMachine(options.Machine),
            "-accel", DescribeAccelerator(options),
            "-cpu", DescribeCpu(options),
            "-m", DescribeMemory(options.MemoryBytes),
            // Nothing that was not asked for: no default devices, no files of the host's administrator, no window, no monitor.
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
            "-device", "isa-debug-exit,iobase=0x501,iosize=2",
        ];
        if (options.Name is not null)
        {
            command.AddRange(["-name", EscapeCommas(options.Name)]);
        }

        if (options.CountInstructions)
        {
            command.AddRange(["-icount", "shift=0,sleep=off"]);
        }

        if (options.MonitorDescriptor is { } monitor)
        {
            command.AddRange([
                "-chardev",
                $"socket,id=monitor,fd={monitor.ToString(CultureInfo.InvariantCulture)}",
                "-mon",
                "chardev=monitor,mode=control"
            ]);
        }

        if (options.LinkDescriptor is not null || options.Volumes.Count > 0 || options.Network.Kind != NetworkKind.None)
        {
            command.AddRange(DescribeVirtio(options.Machine));
        }

        if (options.LinkDescriptor is { } link)
        {
            // Not a console: QEMU drops the output of one when nobody takes it, and lets a port wait. Number 0 is for consoles only.
            command.AddRange([
                "-chardev",
                $"socket,id=link,fd={link.ToString(CultureInfo.InvariantCulture)}",
                "-device", $"{(options.Machine == MachineType.MicroVm ? "virtio-serial-device" : "virtio-serial-pci")},max_ports=2",
                "-device", $"virtserialport,chardev=link,nr=1,name={LinkFormat.PortName}",
            ]);
        }

        for (int number = 0; number < options.Volumes.Count; number++)
        {
            command.AddRange(DescribeVolume(options.Volumes[number], number, options.Machine));
        }

        string card = options.Machine == MachineType.MicroVm ? "virtio-net-device" : "virtio-net-pci,romfile=";
        command.AddRange(options.Network.Describe(card, options.Name));
        command.AddRange(["-kernel", options.KernelPath]);
        if (options.InitialRamDiskPath is not null)
        {
            command.AddRange(["-initrd", EscapeCommas(options.InitialRamDiskPath)]);
        }

        command.AddRange(["-append", options.KernelCommandLine]);
        return command;
    }

    // microvm: no option ROMs, as qboot itself starts a PVH kernel; no ACPI tables, which the kernel does not read; the PIT stays, as the
    // kernel times the TSC by it; and QEMU must not write its device list behind the program's arguments.
    private static string DescribeMachine(MachineType machine) => machine switch
    {
        MachineType.MicroVm => "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,acpi=off,auto-kernel-cmdline=off",
        // Not graphics=off: with that the firmware writes on the serial line.
        _ => "q35,usb=off",
    };

    /// <summary>What all virtio devices of a machine share: microvm's are legacy ones unless one says so.</summary>
    private static string[] DescribeVirtio(MachineType machine) =>
        machine == MachineType.MicroVm ? ["-global", "virtio-mmio.force-legacy=off"] : [];

    /// <summary>
    /// Describes a share. Owners and modes are the host's own; files of several file systems below it get numbers that differ; and
    /// symbolic links are the guest's to follow, so that none leads out.
    /// </summary>
    private static string[] DescribeVolume(Volume volume, int number, MachineType machine)
    {
        string tag = Volume.GetTag(number);
        string device = machine == MachineType.MicroVm ? "virtio-9p-device" : "virtio-9p-pci";
        return
        [
            "-fsdev",
            $"local,id={tag},path={EscapeCommas(volume.Source)},security_model=none,multidevs=remap"
                + (volume.IsReadOnly ? ",readonly=on" : string.Empty),
            "-device", $"{device},fsdev={tag},mount_tag={tag}",
        ];
    }

    private static string DescribeAccelerator(QemuOptions options) => (options.Accelerator, options.KvmDevice) switch
    {
        (Accelerator.Kvm, { } device) => $"kvm,device={EscapeCommas(device)}",
        (Accelerator.Kvm, null) => "kvm",
        _ => "tcg",
    };

    /// <summary>Names the model, and what it must do without; a flag that is in the model's own text stays as it is there.</summary>
    private static string DescribeCpu(QemuOptions options)
    {
        string model = options.CpuModel ?? (options.Accelerator == Accelerator.Kvm ? "host" : "max");
        HashSet<string> named = [.. model.Split(',').Skip(1).Select(flag => flag.TrimStart('+', '-').Split('=')[0])];
        return string.Concat(options.RemovedCpuFlags.Where(flag => !named.Contains(flag)).Select(flag => $",-{flag}").Prepend(model));
    }

    /// <summary>Writes a size so that QEMU takes it to the page: without a suffix it would be mebibytes.</summary>
    private static string DescribeMemory(long bytes) =>
        bytes % (1 << 20) == 0
            ? (bytes >> 20).ToString(CultureInfo.InvariantCulture) + "M"
            : (bytes >> 10).ToString(CultureInfo.InvariantCulture) + "k";

    /// <summary>A comma ends a value in QEMU's option syntax; two stand for one.</summary>
    private static string EscapeCommas(string value) => value.Replace(",", ",,", StringComparison.Ordinal);
}
