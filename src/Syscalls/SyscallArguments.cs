using Semitone.Machine;

namespace Semitone.Syscalls;

/// <summary>What a system call was given, kept while its registers change.</summary>
public readonly struct SyscallArguments(in GuestRegisters registers)
{
    public readonly uint Number = unchecked((uint)registers.Rax);
    public readonly ulong A0 = registers.Rdi;
    public readonly ulong A1 = registers.Rsi;
    public readonly ulong A2 = registers.Rdx;
    public readonly ulong A3 = registers.R10;
    public readonly ulong A4 = registers.R8;
    public readonly ulong A5 = registers.R9;
}
