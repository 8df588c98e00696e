using System.Runtime.InteropServices;

namespace Semitone.Machine.X64;

/// <summary>A guest thread's processor state as Metal's assembly stores it; the offsets are GS_* of asm/layout.inc.</summary>
[StructLayout(LayoutKind.Sequential)]
// SAFETY: a layout of plain values only; whoever holds a pointer to one says why it is valid.
internal unsafe struct GuestState
{
    internal const uint InitialMxcsr = 0x1F80;

    internal GuestRegisters Registers;
    internal ulong Vector;
    internal ulong Error;
    internal ulong Cr2;

    /// <summary>Valid while no CPU holds the thread's state; the assembly leaves it alone.</summary>
    internal ulong GsBase;
    internal uint Mxcsr;

    /// <summary>DR6 of the last debug exception.</summary>
    internal uint DebugStatus;

    /// <summary>DS, ES, FS, GS, while no CPU holds the thread's state.</summary>
    internal fixed ushort Selectors[4];
    internal fixed byte Xmm[256];
}
