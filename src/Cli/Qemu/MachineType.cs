namespace Semitone.Cli.Qemu;

/// <summary>The boards that the kernel boots on.</summary>
public enum MachineType
{
    /// <summary>The small one without PCI and ACPI: starts fastest.</summary>
    MicroVm,

    /// <summary>An ordinary PC with PCI Express.</summary>
    Q35,
}
