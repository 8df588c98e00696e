# What the probe's virtual machine runs: each thing that the kernel needs of a CPU, once, in the order in which a boot needs it.
#
# Before each it tells the host what comes (OUT of a record's address to STEP_PORT), so the host knows what it was that did not work: the
# machine stopped, or it told a failure (OUT to FAILURE_PORT: the vector of an exception that was not to be, or WRONG_RESULT). At the end it
# writes 0 to STEP_PORT. A step that CPUID has to allow is left out where it does not.
#
# It starts in real mode at 0x1000, as the reset vector's code would have jumped there, with all memory behind it zero.

.intel_syntax noprefix

.set STEP_PORT, 0xE0
.set FAILURE_PORT, 0xE8
.set WRONG_RESULT, 0x20

.set CODE32, 0x08
.set CODE64, 0x10
.set DATA, 0x18
.set USER_DATA, 0x20 | 3
.set USER_CODE, 0x28 | 3
.set TSS, 0x30

# Physical memory behind the program, 256 KiB in all.
.set PML4, 0x10000
.set PDPT, 0x11000
.set LOW_DIRECTORY, 0x12000
.set LOW_TABLE, 0x13000
.set APIC_DIRECTORY, 0x14000
.set IDT, 0x15000
.set TSS_AREA, 0x16000
.set LAZY_PAGE, 0x18000             # not present until it is touched
.set USER_PAGE, 0x19000             # a user's data
.set VECTOR_AREA, 0x1A000           # XSAVE's
.set STACK_TOP, 0x20000
.set TRAP_STACK_TOP, 0x24000
.set MEMORY_END, 0x40000

.set APIC, 0xFEE00000
.set TIMER_VECTOR, 48
.set NO_VECTOR, 0xFF
.set EXCEPTION_ENTRY_SIZE, 16

.set EBX_OF_CPUID, 1
.set ECX_OF_CPUID, 2
.set EDX_OF_CPUID, 3

# Tells what comes. The record: CPUID leaf, register and bit that allow it (0 for what every CPU has), then two texts: its name, and the
# name of QEMU's -cpu flag.
.macro step name, leaf=0, register=0, bit=0, flag=""
    .pushsection .rodata, "a"
    .balign 4
record_\@:
    .long \leaf, \register, \bit
    .asciz "\name"
    .asciz "\flag"
    .popsection
    mov eax, offset record_\@
    out STEP_PORT, eax
.endm

# The same where CPUID has the bit; else goes on at a label.
.macro step_if name, leaf, register, bit, flag, otherwise
    mov eax, \leaf
    xor ecx, ecx
    cpuid
    .if \register == EBX_OF_CPUID
    bt ebx, \bit
    .elseif \register == ECX_OF_CPUID
    bt ecx, \bit
    .else
    bt edx, \bit
    .endif
    jnc \otherwise
    step "\name", \leaf, \register, \bit, "\flag"
.endm

# The next exception of this vector is right, and goes on at a label with its frame on the stack.
.macro expect vector, target
    mov byte ptr [expected], \vector
    mov qword ptr [resume], offset \target
.endm

.macro write_msr number, value
    mov ecx, \number
    mov rax, \value
    mov rdx, rax
    shr rdx, 32
    wrmsr
.endm

.section .text
.code16
.globl start
start:
    cli
    cld
    step "real mode"
    lgdtd cs:[gdt_pointer]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    .byte 0x66, 0xEA                # jmp far CODE32:protected_mode
    .long protected_mode
    .word CODE32

.code32
protected_mode:
    mov eax, DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, STACK_TOP
    step "protected mode"
    mov dword ptr [PML4], PDPT + 7
    mov dword ptr [PDPT], LOW_DIRECTORY + 7
    mov dword ptr [PDPT + 3 * 8], APIC_DIRECTORY + 3
    mov dword ptr [LOW_DIRECTORY], LOW_TABLE + 7
    mov dword ptr [APIC_DIRECTORY + ((APIC >> 21) & 511) * 8], APIC + 0x9B  # 2 MiB, uncached
    mov ecx, 0
1:  mov eax, ecx
    shl eax, 12
    or eax, 3
    mov [LOW_TABLE + ecx * 8], eax
    inc ecx
    cmp ecx, MEMORY_END >> 12
    jb 1b
    mov dword ptr [LOW_TABLE + (LAZY_PAGE >> 12) * 8], 0
    or dword ptr [LOW_TABLE + (USER_PAGE >> 12) * 8], 4
    mov eax, offset user_code
    shr eax, 12
    or dword ptr [LOW_TABLE + eax * 8], 4

    step "long mode"
    mov eax, cr4
    or eax, 0x620                   # PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, 0xC0000080             # EFER
    rdmsr
    or eax, 0x901                   # SCE, LME, NXE
    wrmsr
    mov eax, 0x80010033             # PG, WP, NE, ET, MP, PE
    mov cr0, eax
    .byte 0xEA                      # jmp far CODE64:long_mode
    .long long_mode
    .word CODE64

.code64
long_mode:
    mov rsp, STACK_TOP
    mov byte ptr [expected], NO_VECTOR
    xor ecx, ecx
    mov eax, offset exception_entries
1:  call set_gate
    add eax, EXCEPTION_ENTRY_SIZE
    inc ecx
    cmp ecx, 32
    jb 1b
    mov eax, offset timer_entry
    mov ecx, TIMER_VECTOR
    call set_gate
    lidt [idt_pointer]
    mov qword ptr [TSS_AREA + 4], TRAP_STACK_TOP    # RSP0
    mov eax, TSS
    ltr ax

    step "an SSE instruction"
    fninit
    xorps xmm8, xmm8
    movaps [rsp - 64], xmm8
    movups xmm9, [four_floats]
    addps xmm8, xmm9
    movups [result], xmm8
    mov eax, 21
    cvtsi2sd xmm0, eax
    addsd xmm0, xmm0
    cvttsd2si eax, xmm0
    cmp eax, 42
    jne wrong_result
    mov rax, [four_floats + 8]
    cmp rax, [result + 8]
    jne wrong_result
    fxsave64 [VECTOR_AREA]
    xorps xmm9, xmm9
    fxrstor64 [VECTOR_AREA]
    movups [result], xmm9
    cmp rax, [result + 8]
    jne wrong_result

    step "the x87 unit"
    fld1
    fadd st(0), st(0)
    fistp dword ptr [result]
    cmp dword ptr [result], 2
    jne wrong_result

    step "a page fault"
    expect 14, fill_page
    mov qword ptr [LAZY_PAGE + 8], 77
    cmp qword ptr [LAZY_PAGE + 8], 77
    jne wrong_result
    invlpg [LAZY_PAGE]

    step "SYSCALL and SYSRET"
    write_msr 0xC0000081, 0x0018001000000000 | (3 << 48)   # STAR: SYSRET's selectors count from DATA, at ring 3
    write_msr 0xC0000082, "offset system_call"             # LSTAR
    write_msr 0xC0000084, 0x47FD5 & ~2                     # FMASK
    write_msr 0xC0000101, "offset user_gs"                 # GS base, and what SWAPGS puts there
    write_msr 0xC0000102, "offset kernel_gs"
    mov ecx, offset user_code
    mov r11d, 0x202
    mov rsp, USER_PAGE + 0x800
    sysretq
system_call:
    swapgs
    mov rsp, STACK_TOP
    cmp rcx, offset user_after_call
    jne wrong_result
    cmp rax, 2
    jne wrong_result
    mov rax, gs:[0]
    cmp rax, 1
    jne wrong_result

    step "IRETQ and an exception in ring 3"
    expect 6, back_from_user
    push USER_DATA
    push USER_PAGE + 0x800
    push 0x202
    push USER_CODE
    push offset user_fault
    iretq
back_from_user:
    cmp qword ptr [rsp + 8], USER_CODE
    jne wrong_result
    mov rsp, STACK_TOP

    step_if "RDTSCP", 0x80000001, EDX_OF_CPUID, 27, "rdtscp", 2f
    rdtscp
2:
    step_if "RDRAND", 1, ECX_OF_CPUID, 30, "rdrand", 2f
    rdrand rax
2:
    step_if "RDSEED", 7, EBX_OF_CPUID, 18, "rdseed", 2f
    rdseed rax
2:
    step_if "FSGSBASE", 7, EBX_OF_CPUID, 0, "fsgsbase", 2f
    mov rax, cr4
    bts rax, 16
    mov cr4, rax
    mov eax, offset user_gs
    wrfsbase rax
    rdfsbase rdx
    cmp rax, rdx
    jne wrong_result
    mov rax, fs:[0]
    cmp rax, 2
    jne wrong_result
2:
    step_if "UMIP", 7, ECX_OF_CPUID, 2, "umip", 2f
    mov rax, cr4
    bts rax, 11
    mov cr4, rax
    sgdt [result]
2:
    step_if "SMEP", 7, EBX_OF_CPUID, 7, "smep", 2f
    mov rax, cr4
    bts rax, 20
    mov cr4, rax
    expect 14, not_executed
    mov eax, offset user_code
    jmp rax
not_executed:
    mov rsp, STACK_TOP
2:
    step_if "SMAP", 7, EBX_OF_CPUID, 20, "smap", 2f
    mov rax, cr4
    bts rax, 21
    mov cr4, rax
    clac
    expect 14, not_read
    mov rax, [USER_PAGE]
    jmp wrong_result
not_read:
    mov rsp, STACK_TOP
    stac
    mov rax, [USER_PAGE]
    clac
2:
    mov qword ptr [result], 3       # what goes into XCR0: x87 and SSE
    step_if "XSAVE", 1, ECX_OF_CPUID, 26, "xsave", without_xsave
    mov rax, cr4
    bts rax, 18
    mov cr4, rax
    xor ecx, ecx
    xgetbv
    call set_components

    step_if "AVX", 1, ECX_OF_CPUID, 28, "avx", without_xsave
    or qword ptr [result], 4
    call set_components
    vbroadcastss ymm1, [four_floats + 4]
    vaddps ymm2, ymm1, ymm1
    call save_and_restore
    vextractf128 xmm3, ymm2, 1
    vmovd eax, xmm3
    cmp eax, [four_floats + 12]
    jne wrong_result

    step_if "AVX-512", 7, EBX_OF_CPUID, 16, "avx512f", without_xsave
    or qword ptr [result], 0xE0
    call set_components
    vbroadcastss zmm17, [four_floats + 4]
    vaddps zmm18, zmm17, zmm17
    call save_and_restore
    vextractf32x4 xmm3, zmm18, 3
    vmovd eax, xmm3
    cmp eax, [four_floats + 12]
    jne wrong_result
without_xsave:

    step "the local APIC"
    mov edi, APIC
    mov dword ptr [rdi + 0xF0], 0x13F      # on
    mov dword ptr [rdi + 0x80], 0          # task priority
    mov eax, [rdi + 0xF0]
    cmp eax, 0x13F
    jne wrong_result
    mov dword ptr [rdi + 0x3E0], 0xB       # divide by one
    mov dword ptr [rdi + 0x320], TIMER_VECTOR
    mov dword ptr [rdi + 0x380], 1000
    sti                                     # the interrupt comes behind the next instruction at the earliest
    hlt
    cli
    cmp byte ptr [ticks], 1
    jne wrong_result

    step_if "the TSC-deadline timer", 1, ECX_OF_CPUID, 24, "tsc-deadline", 2f
    mov dword ptr [rdi + 0x320], (2 << 17) | TIMER_VECTOR
    mfence
    rdtsc
    mov ecx, 0x6E0
    add eax, 10000
    adc edx, 0
    wrmsr
    sti
    hlt
    cli
    cmp byte ptr [ticks], 2
    jne wrong_result
2:
    xor eax, eax
    out STEP_PORT, eax
    out FAILURE_PORT, eax           # nobody comes here but a test that has a device at that port
    hlt

# Sets XCR0 to [result].
set_components:
    xor ecx, ecx
    xor edx, edx
    mov rax, [result]
    xsetbv
    ret

# Takes the extended state through memory, with the registers cleared between.
save_and_restore:
    xor edx, edx
    mov rax, [result]
    xsave64 [VECTOR_AREA]
    vzeroall
    xrstor64 [VECTOR_AREA]
    ret

# Puts an interrupt gate for the handler at EAX, below 64 KiB, into entry ECX of the IDT.
set_gate:
    mov edx, ecx
    shl edx, 4
    mov ebx, eax
    or ebx, CODE64 << 16
    mov [IDT + rdx], ebx
    mov dword ptr [IDT + rdx + 4], 0x8E00
    ret

fill_page:
    mov rax, cr2
    cmp rax, LAZY_PAGE + 8
    jne wrong_result
    mov dword ptr [LOW_TABLE + (LAZY_PAGE >> 12) * 8], LAZY_PAGE + 3
    add rsp, 8                      # the error code
    iretq

timer_entry:                        # RDI holds the APIC's address wherever interrupts are let in
    inc byte ptr [ticks]
    mov dword ptr [rdi + 0xB0], 0
    iretq

wrong_result:
    mov eax, WRONG_RESULT
    out FAILURE_PORT, eax
    hlt

.balign 16
exception_entries:
.set vector, 0
.rept 32
    .balign EXCEPTION_ENTRY_SIZE
    mov byte ptr [last], vector
    jmp exception
    .set vector, vector + 1
.endr
    .balign EXCEPTION_ENTRY_SIZE
exception:
    mov bl, [last]
    cmp bl, [expected]
    jne 1f
    mov byte ptr [expected], NO_VECTOR
    mov rax, [resume]
    jmp rax
1:  movzx eax, bl
    out FAILURE_PORT, eax
    hlt

# Ring 3.
.balign 4096
user_code:
    mov rax, gs:[0]
    syscall
user_after_call:
    ud2
user_fault:
    ud2
.balign 8
user_gs:            .quad 2
.balign 4096

.section .rodata
.balign 16
four_floats:    .float 1, 2, 3, 4
kernel_gs:      .quad 1
gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF        # CODE32
    .quad 0x00AF9A000000FFFF        # CODE64
    .quad 0x00CF92000000FFFF        # DATA
    .quad 0x00CFF2000000FFFF        # USER_DATA
    .quad 0x00AFFA000000FFFF        # USER_CODE
    .quad 0x0000890000000067 | (TSS_AREA & 0xFFFF) << 16 | (TSS_AREA >> 16) << 32
    .quad 0
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt
idt_pointer:
    .word (TIMER_VECTOR + 1) * 16 - 1
    .quad IDT

.section .data
.balign 16
result:     .quad 0, 0
resume:     .quad 0
expected:   .byte 0
last:       .byte 0
ticks:      .byte 0
