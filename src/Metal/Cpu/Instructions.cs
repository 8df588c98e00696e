using System.Runtime;
using System.Runtime.CompilerServices;

namespace Semitone.Metal.Cpu;

/// <summary>The instructions that C# has no words for, as asm/cpu.S defines them.</summary>
// SAFETY: declarations only; each caller answers for what the instruction does with its operands.
internal static unsafe class Instructions
{
    [RuntimeImport("port_out8"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void Out8(ushort port, byte value);

    [RuntimeImport("port_out16"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void Out16(ushort port, ushort value);

    [RuntimeImport("port_out32"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void Out32(ushort port, uint value);

    [RuntimeImport("port_in8"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern byte In8(ushort port);

    [RuntimeImport("port_in32"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern uint In32(ushort port);

    [RuntimeImport("read_msr"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadMsr(uint msr);

    [RuntimeImport("write_msr"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteMsr(uint msr, ulong value);

    [RuntimeImport("write_cr3"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteCr3(ulong value);

    [RuntimeImport("read_cr3"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadCr3();

    [RuntimeImport("read_cr4"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadCr4();

    [RuntimeImport("write_cr4"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteCr4(ulong value);

    [RuntimeImport("reset_debug_registers"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void ResetDebugRegisters();

    [RuntimeImport("read_selectors"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void ReadSelectors(ushort* selectors);

    [RuntimeImport("load_ds"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadDs(ushort selector);

    [RuntimeImport("load_es"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadEs(ushort selector);

    [RuntimeImport("load_fs"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadFs(ushort selector);

    [RuntimeImport("load_guest_gs"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadGuestGs(ushort selector);

    [RuntimeImport("write_tsc_deadline"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteTscDeadline(ulong ticks);

    [RuntimeImport("write_xcr0"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteXcr0(ulong value);

    [RuntimeImport("invalidate_page"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void InvalidatePage(ulong address);

    [RuntimeImport("cpuid_leaf"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void Cpuid(uint leaf, uint subleaf, uint* result);

    [RuntimeImport("read_tsc"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadTsc();

    [RuntimeImport("read_seed"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern int ReadSeed(ulong* value);

    [RuntimeImport("read_random"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern int ReadRandom(ulong* value);

    [RuntimeImport("load_gdt"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadGdt(void* pointer);

    [RuntimeImport("load_idt"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadIdt(void* pointer);

    [RuntimeImport("load_task_register"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadTaskRegister(ushort selector);

    [RuntimeImport("save_extended"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void SaveExtended(void* area, ulong components);

    [RuntimeImport("load_extended"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadExtended(void* area, ulong components);

    [RuntimeImport("save_legacy"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void SaveLegacy(void* area);

    [RuntimeImport("load_legacy"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void LoadLegacy(void* area);

    [RuntimeImport("read_guest_gs_base"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadGuestGsBase();

    [RuntimeImport("write_guest_gs_base"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WriteGuestGsBase(ulong value);

    [RuntimeImport("clear_page"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void ClearPage(void* page);

    [RuntimeImport("wait_for_interrupt"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void WaitForInterrupt();

    [RuntimeImport("halt_forever"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern void HaltForever();
}
