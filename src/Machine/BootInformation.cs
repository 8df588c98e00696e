namespace Semitone.Machine;

/// <summary>What the boot loader handed over.</summary>
/// <param name="CommandLine">The kernel command line, without a terminating NUL.</param>
/// <param name="InitialRamDisk">The initrd; empty when there is none.</param>
public sealed record BootInformation(byte[] CommandLine, PhysicalRange InitialRamDisk);
