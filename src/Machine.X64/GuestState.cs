using System.Runtime.InteropServices;

namespace Semitone.Machine.X64;

/// <summary>A guest thread's processor state as Metal's assembly stores it; the offsets are GS_* of asm/layout.inc.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GuestState
{
    internal const uint InitialMxcsr = 0x1F80;

    internal GuestRegisters Registers;
    internal ulong Vector;
    internal ulong Error;
    internal ulong Cr2;
    internal uint Mxcsr;
    private fixed uint _padding[3];
    internal fixed byte Xmm[256];
}
