using System.Runtime.InteropServices;

namespace Semitone.Metal.Cpu;

/// <summary>What the assembly finds through GS in ring 0; the offsets are CPU_* of asm/layout.inc.</summary>
[StructLayout(LayoutKind.Sequential)]
// SAFETY: a layout of plain values; the one instance is static memory of asm/boot.S.
internal unsafe struct PerCpu
{
    internal PerCpu* Self;
    internal ulong KernelRsp;
    internal void* GuestState;
    internal ulong KernelFsBase;
    internal ulong Scratch;
    internal Threads.KernelThread* Thread;
    internal ulong MetalStackTop;
    internal ulong HasSmap;
    internal ulong HasFsGsBase;
}
