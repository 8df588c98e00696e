# Instructions that C# has no words for. Arguments as in the System V ABI.

.include "layout.inc"
.intel_syntax noprefix
.text

.macro FUNCTION name
.globl \name
.balign 16
\name:
.endm

FUNCTION port_out8                  # (ushort port, byte value)
    mov edx, edi
    mov eax, esi
    out dx, al
    ret

FUNCTION port_out16
    mov edx, edi
    mov eax, esi
    out dx, ax
    ret

FUNCTION port_out32
    mov edx, edi
    mov eax, esi
    out dx, eax
    ret

FUNCTION port_in8
    mov edx, edi
    xor eax, eax
    in al, dx
    ret

FUNCTION port_in32
    mov edx, edi
    in eax, dx
    ret

FUNCTION read_msr
    mov ecx, edi
    rdmsr
    shl rdx, 32
    or rax, rdx
    ret

FUNCTION write_msr                  # (uint msr, ulong value)
    mov ecx, edi
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
    wrmsr
    ret

FUNCTION read_cr3
    mov rax, cr3
    ret

FUNCTION write_cr3
    mov cr3, rdi
    ret

FUNCTION read_cr4
    mov rax, cr4
    ret

FUNCTION write_cr4
    mov cr4, rdi
    ret

FUNCTION reset_debug_registers      # no breakpoint is on, nothing is reported (Intel SDM Vol. 3B, 17.2)
    mov eax, 0x400
    mov dr7, rax
    mov eax, DR6_AT_RESET
    mov dr6, rax
    ret

FUNCTION read_selectors             # (ushort selectors[4]): DS, ES, FS, GS
    mov [rdi], ds
    mov [rdi + 2], es
    mov [rdi + 4], fs
    mov [rdi + 6], gs
    ret

FUNCTION load_ds                    # (ushort selector)
    mov ds, edi
    ret

FUNCTION load_es
    mov es, edi
    ret

FUNCTION load_fs                    # changes the base, too
    mov fs, edi
    ret

# In xAPIC mode the store that makes the timer a deadline timer is not ordered with this (Intel SDM Vol. 3A, 10.5.4.1).
FUNCTION write_tsc_deadline         # (ulong ticks)
    mov ecx, 0x6E0                  # IA32_TSC_DEADLINE
    mov rax, rdi
    mov rdx, rdi
    shr rdx, 32
    mfence
    wrmsr
    ret

FUNCTION write_xcr0
    xor ecx, ecx
    mov rax, rdi
    mov rdx, rdi
    shr rdx, 32
    xsetbv
    ret

FUNCTION invalidate_page
    invlpg [rdi]
    ret

FUNCTION cpuid_leaf                 # (uint leaf, uint subleaf, uint result[4])
    push rbx
    mov r8, rdx
    mov eax, edi
    mov ecx, esi
    cpuid
    mov [r8], eax
    mov [r8 + 4], ebx
    mov [r8 + 8], ecx
    mov [r8 + 12], edx
    pop rbx
    ret

# LFENCE keeps RDTSC from being executed early (Intel SDM Vol. 2B, RDTSC).
FUNCTION read_tsc
    lfence
    rdtsc
    shl rdx, 32
    or rax, rdx
    ret

FUNCTION read_seed                  # (ulong* value) -> 1 when the CPU had entropy
    rdseed rax
    mov [rdi], rax
    setc al
    movzx eax, al
    ret

FUNCTION read_random
    rdrand rax
    mov [rdi], rax
    setc al
    movzx eax, al
    ret

FUNCTION load_gdt                   # (pointer to limit and base); reloads CS and SS
    lgdt [rdi]
    mov eax, KERNEL_SS
    mov ss, eax
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    lldt ax                         # no local table: whatever the boot loader had lies in memory that will be a guest's
    pop rax
    push KERNEL_CS
    push rax
    retfq

FUNCTION load_idt
    lidt [rdi]
    ret

FUNCTION load_task_register
    ltr di
    ret

# The state that plain moves do not carry: x87, upper halves of the vectors, masks, tiles (SDM Vol. 1, chapter 13).
FUNCTION save_extended              # (void* area, ulong components)
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
    xsave64 [rdi]
    ret

FUNCTION load_extended
    mov rax, rsi
    mov rdx, rsi
    shr rdx, 32
    xrstor64 [rdi]
    ret

FUNCTION save_legacy
    fxsave64 [rdi]
    ret

FUNCTION load_legacy
    fxrstor64 [rdi]
    ret

FUNCTION halt_forever
1:  cli
    hlt
    jmp 1b

# A kernel thread waits for an interrupt or its alarm: served by Metal like any of its system calls.
FUNCTION door_idle
    mov eax, 0x53000001             # RuntimeSyscalls.Idle
    syscall
    ret

FUNCTION clear_page                 # (void* page): 4096 bytes of zero by plain stores
    xorps xmm0, xmm0
    mov ecx, 4096
1:  movaps [rdi], xmm0
    movaps [rdi + 16], xmm0
    movaps [rdi + 32], xmm0
    movaps [rdi + 48], xmm0
    add rdi, 64
    sub ecx, 64
    jnz 1b
    ret

# Addresses of symbols, for C#.
.macro ADDRESS name, symbol
FUNCTION \name
    lea rax, [rip + \symbol]
    ret
.endm

ADDRESS address_of_gates, gates
ADDRESS address_of_syscall_entry, syscall_entry
ADDRESS address_of_syscall_entry_by_msr, syscall_entry_by_msr
ADDRESS address_of_syscall_entry_32, syscall_entry_32
ADDRESS address_of_trap_code, trap_code
ADDRESS address_of_trap_code_end, trap_code_end
ADDRESS address_of_per_cpu, per_cpu
ADDRESS address_of_kernel_image, kernel_image
ADDRESS address_of_kernel_image_end, kernel_image_end
ADDRESS address_of_metal_stack_top, metal_stack_top
ADDRESS address_of_metal_stack_guard, metal_stack_guard
ADDRESS address_of_trap_stack_top, trap_stack_top
ADDRESS address_of_trap_stack_guard, trap_stack_guard
ADDRESS address_of_fault_stack_top, fault_stack_top
ADDRESS address_of_fault_stack_guard, fault_stack_guard
ADDRESS address_of_debug_stack_top, debug_stack_top
ADDRESS address_of_debug_stack_guard, debug_stack_guard
ADDRESS address_of_exception_table, exception_table
ADDRESS address_of_exception_table_end, exception_table_end
ADDRESS address_of_image_start, image_start
ADDRESS address_of_text_end, text_end
ADDRESS address_of_rodata_end, rodata_end
ADDRESS address_of_image_end, image_end
ADDRESS address_of_enter_guest, enter_guest
ADDRESS address_of_enter_guest_by_msr, enter_guest_by_msr
ADDRESS address_of_copy_user, copy_user
ADDRESS address_of_copy_user_smap, copy_user_smap
ADDRESS address_of_load_user32, load_user32
ADDRESS address_of_load_user32_smap, load_user32_smap
ADDRESS address_of_compare_exchange_user32, compare_exchange_user32
ADDRESS address_of_compare_exchange_user32_smap, compare_exchange_user32_smap
ADDRESS address_of_door_idle, door_idle
ADDRESS address_of_write_cr3, write_cr3
ADDRESS address_of_invalidate_page, invalidate_page
ADDRESS address_of_read_tsc, read_tsc
ADDRESS address_of_clear_page, clear_page

.section .note.GNU-stack, "", @progbits
