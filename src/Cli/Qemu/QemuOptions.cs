using Semitone.Cli.Running;

namespace Semitone.Cli.Qemu;

/// <summary>A virtual machine as QEMU is to make it.</summary>
public sealed record QemuOptions
{
    /// <summary>The QEMU to start, a path or a name in PATH.</summary>
    public string Executable { get; init; } = "qemu-system-x86_64";

    public MachineType Machine { get; init; } = MachineType.MicroVm;

    public Accelerator Accelerator { get; init; } = Accelerator.Tcg;

    /// <summary>KVM's device, where it is not QEMU's own choice.</summary>
    public string? KvmDevice { get; init; }

    /// <summary>QEMU's CPU model; null for all that the accelerator has.</summary>
    public string? CpuModel { get; init; }

    /// <summary>Flags of the CPU that are left out of it.</summary>
    public IReadOnlyList<string> RemovedCpuFlags { get; init; } = [];

    public required long MemoryBytes { get; init; }

    public required string KernelPath { get; init; }

    /// <summary>The path of the root file system's archive as QEMU is to open it; null for none.</summary>
    public string? InitialRamDiskPath { get; init; }

    public required string KernelCommandLine { get; init; }

    /// <summary>The machine's name, seen in the process list.</summary>
    public string? Name { get; init; }

    /// <summary>QEMU's number of the socket on which it speaks its monitor protocol; null for none.</summary>
    public int? MonitorDescriptor { get; init; }

    /// <summary>QEMU's number of the socket that a port of a virtio console leads to, for the host link; null for no such device.</summary>
    public int? LinkDescriptor { get; init; }

    /// <summary>Folders of the host to share, each a device of its own.</summary>
    public IReadOnlyList<Volume> Volumes { get; init; } = [];

    /// <summary>What its network card is connected with.</summary>
    public MachineNetwork Network { get; init; } = MachineNetwork.None;

    /// <summary>
    /// Counts guest instructions instead of time: the guest's clock moves by one nanosecond with each (<c>-icount shift=0</c>).
    /// </summary>
    public bool CountInstructions { get; init; }
}
