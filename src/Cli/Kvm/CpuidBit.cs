namespace Semitone.Cli.Kvm;

/// <summary>A feature's bit in CPUID.</summary>
/// <param name="Leaf">EAX; 0 where CPUID is not asked, as every CPU has it.</param>
/// <param name="Register">0 to 3 for EAX, EBX, ECX and EDX.</param>
/// <param name="Bit">0 to 31.</param>
internal readonly record struct CpuidBit(uint Leaf, int Register, int Bit);
