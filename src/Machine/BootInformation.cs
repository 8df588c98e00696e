namespace Semitone.Machine;

/// <summary>What the boot loader handed over.</summary>
/// <param name="CommandLine">The kernel command line, without a terminating NUL.</param>
/// <param name="InitialRamDisk">The initrd; empty when there is none.</param>
public sealed record BootInformation(byte[] CommandLine, PhysicalRange InitialRamDisk);

/// <summary>Bytes that lie one after the other in physical memory, not owned by the frame allocator until they are given to it with <see cref="IFrameAllocator.Free"/>.</summary>
/// <param name="FirstFrame">The frame that holds the first byte.</param>
/// <param name="Offset">Of the first byte in that frame, 0 to 4095.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct PhysicalRange(Frame FirstFrame, int Offset, long Length);
