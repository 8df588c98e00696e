using System.Runtime;
using Semitone.Metal.Devices;
using Semitone.Metal.Threads;

namespace Semitone.Metal;

/// <summary>The end of the machine when Metal itself cannot go on.</summary>
// SAFETY: the registers are the trap frame of the caller, which does not return.
internal static unsafe class Panic
{
    /// <summary>The status of the machine monitor after a kernel panic, as far as <see cref="Power"/> can give it one.</summary>
    internal const byte Status = 0x3C;

    private static bool s_dying;

    [RuntimeExport("metal_stack_smashed")]
    private static void StackSmashed() => Die("a buffer on Metal's stack was overrun");

    internal static void Die(string reason)
    {
        if (!s_dying)
        {
            s_dying = true;
            Serial.Write("\nkernel panic: ");
            Serial.Write(reason);
            Serial.Write("\n");
        }

        Power.Off(Status);
    }

    internal static void Die(string reason, KernelRegisters* registers, ulong faultAddress)
    {
        if (!s_dying)
        {
            s_dying = true;
            Serial.Write("\nkernel panic: ");
            Serial.Write(reason);
            Serial.Write("\n  vector ");
            Serial.WriteHex(registers->Vector);
            Serial.Write(" error ");
            Serial.WriteHex(registers->Error);
            Serial.Write(" cr2 ");
            Serial.WriteHex(faultAddress);
            Serial.Write("\n  rip ");
            Serial.WriteHex(registers->Rip);
            Serial.Write(" rsp ");
            Serial.WriteHex(registers->Rsp);
            Serial.Write(" rflags ");
            Serial.WriteHex(registers->Rflags);
            Serial.Write("\n  rax ");
            Serial.WriteHex(registers->Rax);
            Serial.Write(" rbx ");
            Serial.WriteHex(registers->Rbx);
            Serial.Write(" rcx ");
            Serial.WriteHex(registers->Rcx);
            Serial.Write(" rdx ");
            Serial.WriteHex(registers->Rdx);
            Serial.Write("\n  rsi ");
            Serial.WriteHex(registers->Rsi);
            Serial.Write(" rdi ");
            Serial.WriteHex(registers->Rdi);
            Serial.Write(" rbp ");
            Serial.WriteHex(registers->Rbp);
            Serial.Write(" r8 ");
            Serial.WriteHex(registers->R8);
            Serial.Write("\n");
        }

        Power.Off(Status);
    }
}
