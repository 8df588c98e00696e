# System calls, exceptions and interrupts: from a guest (ring 3) they end enter_guest; from a kernel thread (ring 0)
# they are served by Metal and the thread goes on.
#
# Ring 0 runs with interrupts off but for the HLT of the idle loop, so an interrupt in ring 0 means that one.
# Compiled code keeps data below RSP (System V ABI, 3.2.2, "red zone"): every gate switches to an IST stack, and the
# SYSCALL entry leaves the caller's stack at once.

.include "layout.inc"
.intel_syntax noprefix
.text

# From here to trap_code_end the stack or GS may be a guest's, or be on the way: no fault in between is anything but the end
# of the machine (KernelTraps).
.globl trap_code, trap_code_end
trap_code:

# The FS base belongs to the guest in ring 3 and to the kernel thread's C library in ring 0. WRFSBASE sets it where the CPU
# has FSGSBASE; the paths exist twice, so that none of them has to ask.
.macro SET_FS_BASE source, fsgsbase
    .if \fsgsbase
    mov rax, \source
    wrfsbase rax
    .else
    mov rax, \source
    mov rdx, rax
    shr rdx, 32
    mov ecx, 0xC0000100             # IA32_FS_BASE
    wrmsr
    .endif
.endm

# uint enter_guest(GuestState* state): runs a guest until it traps; returns the TRAP_* kind.
# The guest's GS base waits in IA32_KERNEL_GS_BASE while ring 0 runs, and comes back with SWAPGS; another guest's is put
# there when the CPU changes hands (Door.SwitchGuest).
.macro ENTER_GUEST name, fsgsbase
.globl \name
.balign 64
\name:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov gs:[CPU_KERNEL_RSP], rsp
    mov gs:[CPU_CONTEXT], rdi
    ldmxcsr [rdi + GS_MXCSR]
    LOAD_XMM rdi, GS_XMM
    mov rsp, rdi
    SET_FS_BASE [rsp + GS_FS_BASE], \fsgsbase
    swapgs
    # SYSRET takes RIP from RCX and RFLAGS from R11: right when the guest expects them there, as after a system call. It cannot
    # restore RF, and with TF it traps before an instruction has run (Intel SDM Vol. 2B, SYSRET; Vol. 3B, "Single-Step Exception
    # Condition"). Flags that no guest may have are IRET's as well, which leaves them out.
    mov rcx, [rsp + GS_RCX]
    mov r11, [rsp + GS_R11]
    cmp rcx, [rsp + GS_RIP]
    jne return_by_iret
    cmp r11, [rsp + GS_RFLAGS]
    jne return_by_iret
    test r11d, IRET_FLAGS
    jnz return_by_iret
    or r11d, ALWAYS_FLAGS
    mov rax, [rsp + GS_RAX]
    mov rbx, [rsp + GS_RBX]
    mov rdx, [rsp + GS_RDX]
    mov rsi, [rsp + GS_RSI]
    mov rdi, [rsp + GS_RDI]
    mov rbp, [rsp + GS_RBP]
    mov r8, [rsp + GS_R8]
    mov r9, [rsp + GS_R9]
    mov r10, [rsp + GS_R10]
    mov r12, [rsp + GS_R12]
    mov r13, [rsp + GS_R13]
    mov r14, [rsp + GS_R14]
    mov r15, [rsp + GS_R15]
    mov rsp, [rsp + GS_RSP]
    sysretq
.endm

ENTER_GUEST enter_guest, 1
ENTER_GUEST enter_guest_by_msr, 0

return_by_iret:
    # IRETQ needs a stack: the trap stack is free while no trap is being taken.
    mov rdi, rsp
    lea rsp, [rip + trap_stack_top]
    push USER_SS
    push qword ptr [rdi + GS_RSP]
    mov eax, [rdi + GS_RFLAGS]
    and eax, GUEST_FLAGS
    or eax, ALWAYS_FLAGS
    push rax
    push USER_CS
    push qword ptr [rdi + GS_RIP]
    mov rax, [rdi + GS_RAX]
    mov rbx, [rdi + GS_RBX]
    mov rdx, [rdi + GS_RDX]
    mov rsi, [rdi + GS_RSI]
    mov rbp, [rdi + GS_RBP]
    mov r8, [rdi + GS_R8]
    mov r9, [rdi + GS_R9]
    mov r10, [rdi + GS_R10]
    mov r12, [rdi + GS_R12]
    mov r13, [rdi + GS_R13]
    mov r14, [rdi + GS_R14]
    mov r15, [rdi + GS_R15]
    mov rdi, [rdi + GS_RDI]
    iretq

# RSP -> GuestState with the integer registers stored, EBX = trap kind, GS is the kernel's: back to enter_guest's caller.
.macro LEAVE_GUEST fsgsbase
    SAVE_XMM rsp, GS_XMM
    stmxcsr [rsp + GS_MXCSR]
    ldmxcsr [rip + kernel_mxcsr]
    .if \fsgsbase
    rdfsbase rax
    .else                           # loading a selector into FS changes the base, too
    mov ecx, 0xC0000100             # IA32_FS_BASE
    rdmsr
    shl rdx, 32
    or rax, rdx
    .endif
    mov [rsp + GS_FS_BASE], rax
    SET_FS_BASE gs:[CPU_KERNEL_FS], \fsgsbase
    mov rsp, gs:[CPU_KERNEL_RSP]
    mov eax, ebx
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
.endm

# On entry by SYSCALL from ring 3, GS is the guest's: RSP -> GuestState with the integer registers stored, GS is the kernel's.
.macro STORE_GUEST
    swapgs
    mov gs:[CPU_SCRATCH], rsp
    mov rsp, gs:[CPU_CONTEXT]
    mov [rsp + GS_RAX], rax
    mov [rsp + GS_ORIG_RAX], rax
    mov [rsp + GS_RBX], rbx
    mov [rsp + GS_RCX], rcx
    mov [rsp + GS_RIP], rcx
    mov [rsp + GS_RDX], rdx
    mov [rsp + GS_RSI], rsi
    mov [rsp + GS_RDI], rdi
    mov [rsp + GS_RBP], rbp
    mov [rsp + GS_R8], r8
    mov [rsp + GS_R9], r9
    mov [rsp + GS_R10], r10
    mov [rsp + GS_R11], r11
    mov [rsp + GS_RFLAGS], r11
    mov [rsp + GS_R12], r12
    mov [rsp + GS_R13], r13
    mov [rsp + GS_R14], r14
    mov [rsp + GS_R15], r15
    mov rax, gs:[CPU_SCRATCH]
    mov [rsp + GS_RSP], rax
.endm

# The SYSCALL instruction lands here with interrupts off (IA32_FMASK), RIP in RCX and RFLAGS in R11.
.macro SYSCALL_ENTRY name, fsgsbase
.globl \name
.balign 64
\name:
    test rcx, rcx
    js kernel_syscall               # the caller lies in the upper half: a kernel thread
    STORE_GUEST
    xor ebx, ebx                    # TRAP_SYSTEM_CALL
    LEAVE_GUEST \fsgsbase
.endm

SYSCALL_ENTRY syscall_entry, 1
SYSCALL_ENTRY syscall_entry_by_msr, 0

# Where SYSCALL lands from 32-bit code on AMD's CPUs (AMD APM Vol. 2, 6.1.1). There is no descriptor for such code; whoever runs it
# all the same (QEMU's translator, whose IRETD takes VM from the flags that it loads) gets what Intel's CPUs raise.
.globl syscall_entry_32
.balign 16
syscall_entry_32:
    STORE_GUEST
    sub qword ptr [rsp + GS_RIP], 2
    mov qword ptr [rsp + GS_ORIG_RAX], -1
    mov qword ptr [rsp + GS_VECTOR], 6
    mov qword ptr [rsp + GS_ERROR], 0
    mov ebx, TRAP_EXCEPTION

leave_guest:
    cmp dword ptr gs:[CPU_HAS_FSGSBASE], 0
    je 1f
    LEAVE_GUEST 1
1:  LEAVE_GUEST 0

# ulong read_guest_gs_base() and void write_guest_gs_base(ulong): the base that waits behind SWAPGS, with FSGSBASE.
.globl read_guest_gs_base, write_guest_gs_base
read_guest_gs_base:
    swapgs
    rdgsbase rax
    swapgs
    ret

# void load_guest_gs(ushort selector): a load of GS changes the active base, which is to be the guest's.
.globl load_guest_gs
load_guest_gs:
    swapgs
    mov gs, edi
    swapgs
    ret

write_guest_gs_base:
    swapgs
    wrgsbase rdi
    swapgs
    ret

# Tells debuggers how to go on from here to the code that was left: RBX -> its KernelRegisters.
.macro UNWIND_TO_REGISTERS_AT_RBX
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_escape 0x0F, 4, 0x73, KR_RSP & 0x7F | 0x80, KR_RSP >> 7, 0x06  # its RSP: DW_CFA_def_cfa_expression, DW_OP_breg3, DW_OP_deref
    .cfi_escape 0x10, 16, 3, 0x73, KR_RIP & 0x7F | 0x80, KR_RIP >> 7    # its RIP: DW_CFA_expression
    .cfi_escape 0x10, 3, 3, 0x73, KR_RBX & 0x7F | 0x80, KR_RBX >> 7
.endm

# A kernel thread asks Metal for something. All of its registers but RAX, RCX and R11 are kept.
kernel_syscall:
    mov gs:[CPU_SCRATCH], rsp
    mov rsp, gs:[CPU_THREAD]
    mov [rsp + KR_RAX], rax
    mov [rsp + KR_RBX], rbx
    mov [rsp + KR_RCX], rcx
    mov [rsp + KR_RDX], rdx
    mov [rsp + KR_RSI], rsi
    mov [rsp + KR_RDI], rdi
    mov [rsp + KR_RBP], rbp
    mov [rsp + KR_R8], r8
    mov [rsp + KR_R9], r9
    mov [rsp + KR_R10], r10
    mov [rsp + KR_R11], r11
    mov [rsp + KR_R12], r12
    mov [rsp + KR_R13], r13
    mov [rsp + KR_R14], r14
    mov [rsp + KR_R15], r15
    mov [rsp + KR_RIP], rcx
    mov [rsp + KR_RFLAGS], r11
    mov rax, gs:[CPU_SCRATCH]
    mov [rsp + KR_RSP], rax
    SAVE_XMM rsp, THREAD_XMM
    stmxcsr [rsp + THREAD_MXCSR]
    mov rbx, rsp
    mov rdi, rsp
    mov rsp, gs:[CPU_METAL_STACK]
    UNWIND_TO_REGISTERS_AT_RBX
    call metal_syscall              # (KernelThread*) -> KernelThread* to go on with

# void resume_thread(KernelThread* in RAX): goes on with a kernel thread.
resume_thread:
    mov rbx, rax
    mov gs:[CPU_THREAD], rbx
    mov rax, [rbx + THREAD_FS_BASE]
    mov gs:[CPU_KERNEL_FS], rax
    mov rdx, rax
    shr rdx, 32
    mov ecx, 0xC0000100             # IA32_FS_BASE
    wrmsr
    LOAD_XMM rbx, THREAD_XMM
    ldmxcsr [rbx + THREAD_MXCSR]
    .cfi_endproc
    mov rsp, gs:[CPU_METAL_STACK]
    push KERNEL_SS
    push qword ptr [rbx + KR_RSP]
    push qword ptr [rbx + KR_RFLAGS]
    push KERNEL_CS
    push qword ptr [rbx + KR_RIP]
    mov rax, [rbx + KR_RAX]
    mov rcx, [rbx + KR_RCX]
    mov rdx, [rbx + KR_RDX]
    mov rsi, [rbx + KR_RSI]
    mov rdi, [rbx + KR_RDI]
    mov rbp, [rbx + KR_RBP]
    mov r8, [rbx + KR_R8]
    mov r9, [rbx + KR_R9]
    mov r10, [rbx + KR_R10]
    mov r11, [rbx + KR_R11]
    mov r12, [rbx + KR_R12]
    mov r13, [rbx + KR_R13]
    mov r14, [rbx + KR_R14]
    mov r15, [rbx + KR_R15]
    mov rbx, [rbx + KR_RBX]
    iretq

# void start_thread(KernelThread* thread): the first entry into a kernel thread, from boot; does not return.
.globl start_thread
start_thread:
    mov rax, rdi
    jmp resume_thread

# One stub a vector: makes every frame alike (error code, vector) and goes to the common part.
.macro GATE vector, has_error
.balign 16
    .if \has_error == 0
    push 0
    .endif
    push \vector
    jmp trap_common
.endm

.altmacro
.globl gates
.balign 16
gates:
    .set vector, 0
    .rept 256
    .set has_error, (vector == 8) || (vector == 10) || (vector == 11) || (vector == 12) || (vector == 13)
    .set has_error, has_error || (vector == 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .if has_error
    GATE %vector, 1
    .else
    GATE %vector, 0
    .endif
    .set vector, vector + 1
    .endr
.noaltmacro

# A gate leaves a null SS where SYSCALL leaves a flat one. A CPU does not care; an emulator that keeps translated code by the
# state of the segments would translate the kernel for both.
.macro FLAT_SS
    mov ecx, KERNEL_SS
    mov ss, ecx
.endm

# On an IST stack: vector, error code, RIP, CS, RFLAGS, RSP, SS
trap_common:
    test byte ptr [rsp + 24], 3
    jz no_privilege
trap_from_guest:
    swapgs
    cld                             # a gate leaves DF and AC as the guest had them: compiled code wants the one clear,
    cmp dword ptr gs:[CPU_HAS_SMAP], 0  # and the other would lift SMAP
    je 1f
    clac
1:  push rax
    mov rax, gs:[CPU_CONTEXT]
    mov [rax + GS_RBX], rbx
    mov [rax + GS_RCX], rcx
    mov [rax + GS_RDX], rdx
    mov [rax + GS_RSI], rsi
    mov [rax + GS_RDI], rdi
    mov [rax + GS_RBP], rbp
    mov [rax + GS_R8], r8
    mov [rax + GS_R9], r9
    mov [rax + GS_R10], r10
    mov [rax + GS_R11], r11
    mov [rax + GS_R12], r12
    mov [rax + GS_R13], r13
    mov [rax + GS_R14], r14
    mov [rax + GS_R15], r15
    pop qword ptr [rax + GS_RAX]
    pop rbx
    mov [rax + GS_VECTOR], rbx
    pop qword ptr [rax + GS_ERROR]
    pop qword ptr [rax + GS_RIP]
    pop rcx                         # CS
    pop qword ptr [rax + GS_RFLAGS]
    pop qword ptr [rax + GS_RSP]
    FLAT_SS
    mov qword ptr [rax + GS_ORIG_RAX], -1
    mov rsp, rax
    cmp ebx, 32
    jae interrupt_from_guest
    cmp ebx, 14
    jne exception_from_guest
    mov rax, cr2
    mov [rsp + GS_CR2], rax
    mov ebx, TRAP_PAGE_FAULT
    jmp leave_guest

exception_from_guest:
    cmp ebx, 1
    je debug_exception_from_guest
    cmp ebx, 2                      # NMI
    je fatal_in_guest
    cmp ebx, 8                      # double fault: an exception found no stack or no gate
    je fatal_in_guest
    cmp ebx, 18                     # machine check
    je fatal_in_guest
    mov ebx, TRAP_EXCEPTION
    jmp leave_guest

debug_exception_from_guest:         # DR6 says which kind; the CPU never clears it (Intel SDM Vol. 3B, 17.2.3)
    mov rax, dr6
    mov [rsp + GS_DEBUG_STATUS], eax
    mov eax, DR6_AT_RESET
    mov dr6, rax
    mov ebx, TRAP_EXCEPTION
    jmp leave_guest

fatal_in_guest:                     # nothing that the guest did: the machine ends
    mov edi, ebx
    mov rsp, gs:[CPU_METAL_STACK]
    call metal_fatal_in_guest       # (vector)
    ud2

interrupt_from_guest:
    # Store the vector state before compiled code runs, acknowledge on the kernel stack, and leave as usual.
    SAVE_XMM rsp, GS_XMM
    stmxcsr [rsp + GS_MXCSR]
    mov rbp, rsp
    mov rsp, gs:[CPU_KERNEL_RSP]
    ldmxcsr [rip + kernel_mxcsr]
    mov edi, ebx
    and rsp, -16
    call metal_interrupt            # (vector)
    mov rsp, rbp
    LOAD_XMM rsp, GS_XMM
    ldmxcsr [rsp + GS_MXCSR]
    mov ebx, TRAP_INTERRUPT
    jmp leave_guest

no_privilege:                       # so says CS; but a translator may have let a guest have VM, and then CS is any number
    test dword ptr [rsp + 32], 1 << 17
    jnz trap_from_guest

trap_from_kernel:                   # GS may be a guest's here: NMI, machine check and debug exception strike anywhere
    cld
    cmp dword ptr [rip + per_cpu + CPU_HAS_SMAP], 0
    je 1f
    clac                            # asm/usercopy.S has lifted SMAP for itself, not for what is compiled
1:  push rax
    push rbx
    push rcx
    push rdx
    push rsi
    push rdi
    push rbp
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    FLAT_SS
    mov rdi, rsp                    # KernelRegisters*
    mov rbx, rsp
    sub rsp, 256 + 16
    and rsp, -16
    SAVE_XMM rsp, 16
    stmxcsr [rsp]
    mov rsi, rsp                    # MXCSR, padding, XMM
    mov rdx, cr2
    UNWIND_TO_REGISTERS_AT_RBX
    call metal_kernel_trap          # (KernelRegisters*, vector state*, CR2)
    LOAD_XMM rsp, 16
    ldmxcsr [rsp]
    .cfi_endproc
    mov rsp, rbx
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rbp
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq
trap_code_end:

# void wait_for_interrupt(): sleeps with interrupts on; STI takes effect after the next instruction, so none is missed.
.globl wait_for_interrupt
wait_for_interrupt:
    sti
    hlt
    cli
    ret

.section .rodata
.balign 4
kernel_mxcsr: .long 0x1F80

.section .note.GNU-stack, "", @progbits
