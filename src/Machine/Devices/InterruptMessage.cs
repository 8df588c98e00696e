namespace Semitone.Machine;

/// <summary>What a device writes, and where, to interrupt the CPU (Intel SDM Vol. 3A, 10.11).</summary>
public readonly record struct InterruptMessage(ulong Address, uint Data);
