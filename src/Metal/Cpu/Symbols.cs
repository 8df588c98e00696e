using System.Runtime;
using System.Runtime.CompilerServices;

namespace Semitone.Metal.Cpu;

/// <summary>Addresses of symbols that the assembly files and the linker script define.</summary>
// SAFETY: addresses of symbols of this very image, which is never moved.
internal static unsafe class Symbols
{
    [RuntimeImport("address_of_gates"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong Gates();

    [RuntimeImport("address_of_syscall_entry"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong SyscallEntry();

    [RuntimeImport("address_of_syscall_entry_by_msr"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong SyscallEntryByMsr();

    [RuntimeImport("address_of_syscall_entry_32"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong SyscallEntry32();

    [RuntimeImport("address_of_trap_code"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong TrapCode();

    [RuntimeImport("address_of_trap_code_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong TrapCodeEnd();

    [RuntimeImport("address_of_per_cpu"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern PerCpu* PerCpu();

    [RuntimeImport("address_of_kernel_image"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong KernelImage();

    [RuntimeImport("address_of_kernel_image_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong KernelImageEnd();

    [RuntimeImport("address_of_metal_stack_top"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong MetalStackTop();

    [RuntimeImport("address_of_metal_stack_guard"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong MetalStackGuard();

    [RuntimeImport("address_of_trap_stack_top"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong TrapStackTop();

    [RuntimeImport("address_of_trap_stack_guard"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong TrapStackGuard();

    [RuntimeImport("address_of_fault_stack_top"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong FaultStackTop();

    [RuntimeImport("address_of_fault_stack_guard"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong FaultStackGuard();

    [RuntimeImport("address_of_debug_stack_top"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong DebugStackTop();

    [RuntimeImport("address_of_debug_stack_guard"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong DebugStackGuard();

    [RuntimeImport("address_of_exception_table"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong* ExceptionTable();

    [RuntimeImport("address_of_exception_table_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong* ExceptionTableEnd();

    [RuntimeImport("address_of_image_start"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ImageStart();

    [RuntimeImport("address_of_text_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong TextEnd();

    [RuntimeImport("address_of_rodata_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong RodataEnd();

    [RuntimeImport("address_of_image_end"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ImageEnd();

    [RuntimeImport("address_of_enter_guest"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong EnterGuest();

    [RuntimeImport("address_of_enter_guest_by_msr"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong EnterGuestByMsr();

    [RuntimeImport("address_of_copy_user"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong CopyUser();

    [RuntimeImport("address_of_copy_user_smap"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong CopyUserWithSmap();

    [RuntimeImport("address_of_load_user32"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong LoadUser32();

    [RuntimeImport("address_of_load_user32_smap"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong LoadUser32WithSmap();

    [RuntimeImport("address_of_compare_exchange_user32"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong CompareExchangeUser32();

    [RuntimeImport("address_of_compare_exchange_user32_smap"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong CompareExchangeUser32WithSmap();

    [RuntimeImport("address_of_door_idle"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong DoorIdle();

    [RuntimeImport("address_of_write_cr3"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong WriteCr3();

    [RuntimeImport("address_of_invalidate_page"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong InvalidatePage();

    [RuntimeImport("address_of_read_tsc"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ReadTsc();

    [RuntimeImport("address_of_clear_page"), MethodImpl(MethodImplOptions.InternalCall)]
    internal static extern ulong ClearPage();
}
