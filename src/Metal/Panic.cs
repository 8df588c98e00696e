using System.Runtime;
using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Threads;

namespace Semitone.Metal;

/// <summary>The end of the machine when Metal itself cannot go on.</summary>
// SAFETY: the registers are the trap frame of the caller, which does not return, and the guest's are in a page that its owner has not given
// back (Door.ForgetGuest).
internal static unsafe class Panic
{
    /// <summary>The status of the machine monitor after a kernel panic, as far as <see cref="Power"/> can give it one.</summary>
    internal const byte Status = 0x3C;

    private static bool s_dying;

    [RuntimeExport("metal_stack_smashed")]
    private static void StackSmashed() => Die("a buffer on Metal's stack was overrun");

    internal static void Die(string reason)
    {
        if (TryBegin(reason))
        {
            WriteGuest();
        }

        Power.Off(Status);
    }

    internal static void Die(string reason, KernelRegisters* registers, ulong faultAddress)
    {
        if (TryBegin(reason))
        {
            Serial.Write("  vector ");
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
            Write("r15 r14 r13 r12 r11 r10 r9  r8  rbp rdi rsi rdx rcx rbx rax ", (ulong*)registers);
            WriteGuest();
        }

        Power.Off(Status);
    }

    /// <summary>Says why, unless this is a panic inside a panic.</summary>
    private static bool TryBegin(string reason)
    {
        if (s_dying)
        {
            return false;
        }

        s_dying = true;
        Serial.Write("\nkernel panic: ");
        Serial.Write(reason);
        Serial.Write("\n");
        return true;
    }

    /// <summary>Writes what the guest had in its registers that runs or ran last.</summary>
    private static void WriteGuest()
    {
        ulong* state = (ulong*)Symbols.PerCpu()->GuestState;
        if (state != null)
        {
            Serial.Write("  the guest that ran last:");
            Write("rax rbx rcx rdx rsi rdi rbp rsp r8  r9  r10 r11 r12 r13 r14 r15 rip fl  fs  nr  vec err cr2 ", state);
        }
    }

    /// <summary>Writes words that lie one after the other, with their names.</summary>
    /// <param name="names">Four characters for each word.</param>
    private static void Write(string names, ulong* words)
    {
        const int NameLength = 4;
        const int WordsPerLine = 4;
        for (int i = 0; i * NameLength < names.Length; i++)
        {
            Serial.Write(i % WordsPerLine == 0 ? "\n  " : " ");
            for (int j = 0; j < NameLength; j++)
            {
                byte character = (byte)names[i * NameLength + j];
                Serial.Write(&character, 1);
            }

            Serial.WriteHex(words[i]);
        }

        Serial.Write("\n");
    }
}
