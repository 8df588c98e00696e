using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>A kind of machine.</summary>
public sealed record Variant(string Name, MachineType Machine)
{
    private const long Mebi = 1 << 20;

    public string Cpu { get; init; } = "max";

    public Accelerator Accelerator { get; init; } = Accelerator.Tcg;

    /// <summary>Flags of the CPU that KVM cannot do here.</summary>
    public IReadOnlyList<string> RemovedCpuFlags { get; init; } = [];

    public long MemoryBytes { get; init; } = 64 * Mebi;

    /// <summary>Bytes of the initrd; 0 for none.</summary>
    public int InitialRamDiskSize { get; init; }

    /// <summary>Words for QEMU that make entropy devices.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>Entropy devices that these words make.</summary>
    public int DeviceCount { get; init; }

    /// <summary>Time is counted by instructions (<c>-icount</c>).</summary>
    public bool CountsInstructions { get; init; }

    /// <summary>All machines that the guest's cases run on.</summary>
    public static IReadOnlyList<Variant> All { get; } = [.. MakeAll()];

    public static Variant Find(string name) => All.Single(variant => variant.Name == name);

    private static IEnumerable<Variant> MakeAll()
    {
        // Real CPUs, where there is one to be had. The others are made of instructions that only the translator leaves out.
        if (UsableKvm.RemovedCpuFlags is { } removed)
        {
            yield return new Variant("microvm on KVM", MachineType.MicroVm)
            {
                Accelerator = Accelerator.Kvm,
                Cpu = "host",
                RemovedCpuFlags = removed
            };
            yield return new Variant("q35 on KVM", MachineType.Q35)
            {
                Accelerator = Accelerator.Kvm,
                Cpu = "host",
                RemovedCpuFlags = removed
            };
        }

        // Processors that lack something: no FSGSBASE, SMAP, SMEP and XSAVE at all; one of them; no hypervisor that says that it emulates.
        string[] processors =
        [
            "max", "qemu64", "max,-fsgsbase", "max,-xsave", "max,-avx", "max,-smap,-smep", "max,-hypervisor", "Haswell-noTSX",
            "Skylake-Server"
        ];
        const int OfPc = 3; // where it is the machine that differs
        foreach (MachineType machine in (MachineType[])[MachineType.MicroVm, MachineType.Q35])
        {
            string name = machine == MachineType.MicroVm ? "microvm" : "q35";
            foreach (string cpu in processors.Take(machine == MachineType.MicroVm ? processors.Length : OfPc))
            {
                yield return new Variant($"{name} -cpu {cpu}", machine) { Cpu = cpu };
            }

            yield return new Variant($"{name} -m 8M", machine) { MemoryBytes = 8 * Mebi };

            // From here on a PC has memory above 4 GiB and a hole below.
            yield return new Variant($"{name} -m 3G", machine) { MemoryBytes = 3072 * Mebi, InitialRamDiskSize = 12345 };
            yield return new Variant($"{name} -m 4G", machine) { MemoryBytes = 4096 * Mebi, InitialRamDiskSize = 5_000_001 };

            // The initrd ends where memory ends, or nearly: a byte, a page and a byte, and most of a small memory.
            yield return new Variant($"{name} with a byte of initrd", machine) { InitialRamDiskSize = 1 };
            yield return new Variant($"{name} with a page of initrd", machine) { InitialRamDiskSize = 4096 };
            yield return new Variant($"{name} with a page and a byte of initrd", machine) { InitialRamDiskSize = 4097 };
            yield return new Variant($"{name} -m 16M with 7 MiB of initrd", machine)
            {
                MemoryBytes = 16 * Mebi,
                InitialRamDiskSize = (int)(7 * Mebi) - 1
            };
        }

        yield return new Variant("microvm -icount", MachineType.MicroVm) { CountsInstructions = true };

        yield return new Variant("microvm with devices", MachineType.MicroVm)
        {
            Devices =
            [
                "-global", "virtio-mmio.force-legacy=off", "-device", "virtio-rng-device", "-device", "virtio-rng-device",
                "-d", "guest_errors",
            ],
            DeviceCount = 2,
        };

        // 24 windows, at a second I/O APIC.
        yield return new Variant("microvm with ACPI and devices", MachineType.MicroVm)
        {
            Devices =
            [
                "-M", "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,acpi=on,auto-kernel-cmdline=off",
                "-global", "virtio-mmio.force-legacy=off", "-device", "virtio-rng-device", "-device", "virtio-rng-device",
                "-d", "guest_errors",
            ],
            DeviceCount = 2,
        };

        // A transitional function, and a modern one behind a bridge.
        yield return new Variant("q35 with devices", MachineType.Q35)
        {
            Devices =
            [
                "-device", "virtio-rng-pci", "-device", "pcie-root-port,id=bridge", "-device", "virtio-rng-pci,bus=bridge",
                "-d", "guest_errors",
            ],
            DeviceCount = 2,
        };
    }
}
