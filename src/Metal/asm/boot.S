# Entry points. PVH (the ELF note below) starts in 32-bit protected mode without paging and with EBX -> hvm_start_info;
# the 64-bit Linux boot protocol jumps to the ELF entry point in long mode with RSI -> boot_params.
# Both meet in long mode on page tables that map the first GiB twice: at 0 and at KERNEL_BASE.

.include "layout.inc"
.intel_syntax noprefix

.set BOOT_CS, 0x08

.section .note.pvh, "a", @note
    .balign 4
    .long 4                         # name size
    .long 4                         # descriptor size
    .long 18                        # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

.section .boot.text, "ax", @progbits
.code32
.globl pvh_entry
pvh_entry:
    cld
    mov esi, ebx                    # keep the start info
    mov edi, 0                      # protocol: PVH

# In 32 bits, without paging, ESI -> start information, EDI = protocol. Control registers are written whole: what a boot loader
# left on (five levels of page tables, process-context identifiers, protection keys) is not what the tables below are made for.
enter_long_mode:
    mov ebp, offset boot_stack_top
    mov esp, ebp

    # PML4[0] and PML4[511] -> one PDPT whose entries 0 and 510 -> one page directory of 2 MiB pages
    mov eax, offset boot_pdpt + 3
    mov [boot_pml4], eax
    mov [boot_pml4 + 511 * 8], eax
    mov eax, offset boot_pd + 3
    mov [boot_pdpt], eax
    mov [boot_pdpt + 510 * 8], eax
    mov ecx, 0
    mov eax, 0x83                   # present, writable, 2 MiB
1:  mov [boot_pd + ecx * 8], eax
    add eax, 0x200000
    inc ecx
    cmp ecx, 512
    jb 1b

    mov eax, 0x620                  # PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset boot_pml4
    mov cr3, eax
    mov ecx, 0xC0000080             # EFER
    xor edx, edx
    mov eax, 0x901                  # SCE, LME, NXE
    wrmsr
    mov eax, 0x80050033             # PG, AM, WP, NE, ET, MP, PE; no EM
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    .byte 0xEA                      # jmp far KERNEL_CS:long_mode (not encodable as text in Intel syntax for every assembler)
    .long long_mode
    .word KERNEL_CS

# The number of levels of the page tables cannot change while paging is on (Intel SDM Vol. 3A, 2.5, CR4.LA57): leave long mode
# and come back on tables of our own.
.code64
.globl linux64_entry
linux64_entry:                      # long mode, identity-mapped, RSI -> boot_params
    cld
    cli
    lea rsp, [rip + boot_stack_top]
    mov rax, cr4
    and eax, 0x1020                 # PAE, and LA57 for now
    mov cr4, rax
    lgdt [rip + boot_gdt_pointer]
    push BOOT_CS
    lea rax, [rip + leave_long_mode]
    push rax
    retfq

.code32
leave_long_mode:
    mov eax, KERNEL_SS
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov eax, 0x50033                # as below, without PG
    mov cr0, eax
    mov edi, 1                      # protocol: Linux, 64 bit
    jmp enter_long_mode

.code64
long_mode:
    mov eax, KERNEL_SS
    mov ss, eax
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov esi, esi                    # the upper halves are undefined after the switch from 32 bits
    mov edi, edi
    fninit
    movabs rax, offset high_start
    jmp rax

.balign 8
boot_gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF        # BOOT_CS: 32-bit code, here and never again
    .quad 0x00AF9A000000FFFF        # KERNEL_CS: 64-bit code
    .quad 0x00CF92000000FFFF        # KERNEL_SS: data
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .quad boot_gdt

.section .boot.bss, "aw", @nobits
.balign 4096
boot_pml4:  .skip 4096
boot_pdpt:  .skip 4096
boot_pd:    .skip 4096
    .skip 256
boot_stack_top:

.section .text
high_start:
    lea rsp, [rip + metal_stack_top]
    rdtsc                           # before any compiled code runs; the low byte stays 0 to stop strings
    shl rdx, 32
    or rax, rdx
    mov rdx, 0x9E3779B97F4A7C15
    imul rax, rdx
    shl rax, 8
    mov [rip + __security_cookie], rax
    xor ebp, ebp
    call metal_main                 # (protocol, start information)
    ud2

.section .bss
.balign 4096
.globl metal_stack_guard, metal_stack_top, trap_stack_guard, trap_stack_top, fault_stack_guard, fault_stack_top
.globl debug_stack_guard, debug_stack_top, per_cpu
metal_stack_guard:  .skip 4096      # left unmapped
    .skip 16384
metal_stack_top:
trap_stack_guard:   .skip 4096
    .skip 16384
trap_stack_top:                     # exceptions and interrupts (IST 1)
fault_stack_guard:  .skip 4096
    .skip 8192
fault_stack_top:                    # NMI, double fault, machine check (IST 2)
debug_stack_guard:  .skip 4096
    .skip 8192
debug_stack_top:                    # debug exceptions, which can strike in a trap's first instruction (IST 3)
per_cpu:            .skip 4096

# The managed kernel, an ELF file, as it was linked: its pages are mapped where they lie.
.section .kernel, "a", @progbits
.balign 4096
.globl kernel_image, kernel_image_end
kernel_image:
    .incbin "kernel.elf"
kernel_image_end:
    .balign 4096

.section .note.GNU-stack, "", @progbits
