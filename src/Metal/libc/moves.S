# What C cannot say: the entry point, the first steps of a thread, the way out of a signal handler; and the functions that
# move most of the kernel's bytes. Those use SSE2, and of its registers only xmm0-7. No string instructions: an emulator
# executes them element by element, and where they are fast these moves keep up with them.

.intel_syntax noprefix
.text

.macro FUNCTION name
.balign 16
.globl \name
.type \name, @function
\name:
    .cfi_startproc
.endm

.macro END name
    .cfi_endproc
    .size \name, . - \name
.endm

.macro LOAD4 a, b, c, d, address:vararg
    movups \a, [\address]
    movups \b, [\address + 16]
    movups \c, [\address + 32]
    movups \d, [\address + 48]
.endm

.macro STORE4 a, b, c, d, address:vararg
    movups [\address], \a
    movups [\address + 16], \b
    movups [\address + 32], \c
    movups [\address + 48], \d
.endm

FUNCTION _start
    .cfi_undefined rip
    xor ebp, ebp
    mov rdi, rsp
    and rsp, -16
    call start_program
    ud2
END _start

# int clone_thread(long flags, void *stack, int *parent_id, int *child_id, struct thread *thread)
.hidden clone_thread
FUNCTION clone_thread
    mov eax, 56
    mov r10, rcx
    syscall
    test eax, eax
    jz 1f
    ret
1:  .cfi_undefined rip
    xor ebp, ebp
    mov rdi, fs:0
    call run_thread
    ud2
END clone_thread

# Where a signal handler returns to. Debuggers know it by its name and by these very bytes; they look at the byte before, too.
    nop
.balign 16
    nop
.globl __restore_rt
.hidden __restore_rt
.type __restore_rt, @function
__restore_rt:
    mov rax, 15
    syscall
    .size __restore_rt, . - __restore_rt

# void *memcpy(void *to, const void *from, size_t count); memmove is the same. A block of up to 64 bytes is read whole before
# anything is written; a larger one is moved from the side on which an overlap does no harm.
FUNCTION memcpy
.globl memmove
.type memmove, @function
memmove:
    mov rax, rdi
    cmp rdx, 16
    jb .Lcopy_0_15
    cmp rdx, 32
    ja .Lcopy_33
    movups xmm0, [rsi]
    movups xmm1, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + rdx - 16], xmm1
    ret

.Lcopy_33:
    cmp rdx, 64
    ja .Lcopy_65
    movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + rdx - 32]
    movups xmm3, [rsi + rdx - 16]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + rdx - 32], xmm2
    movups [rdi + rdx - 16], xmm3
    ret

.Lcopy_0_15:
    cmp edx, 8
    jb .Lcopy_0_7
    mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret

.Lcopy_0_7:
    cmp edx, 4
    jb .Lcopy_0_3
    mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret

.Lcopy_0_3:
    test edx, edx
    jz 1f
    mov r8, rdx
    shr r8                          # the middle byte, or one of the others once more
    mov cl, [rsi]
    mov r9b, [rsi + r8]
    mov r10b, [rsi + rdx - 1]
    mov [rdi], cl
    mov [rdi + r8], r9b
    mov [rdi + rdx - 1], r10b
1:  ret

.Lcopy_65:
    mov rcx, rdi
    sub rcx, rsi
    cmp rcx, rdx
    jb .Lcopy_down                  # the target begins within the source

    LOAD4 xmm4, xmm5, xmm6, xmm7, rsi + rdx - 64
    lea r8, [rdi + rdx - 64]
1:  LOAD4 xmm0, xmm1, xmm2, xmm3, rsi
    STORE4 xmm0, xmm1, xmm2, xmm3, rdi
    add rsi, 64
    add rdi, 64
    cmp rdi, r8
    jb 1b
    STORE4 xmm4, xmm5, xmm6, xmm7, r8
    ret

.Lcopy_down:
    LOAD4 xmm4, xmm5, xmm6, xmm7, rsi
1:  LOAD4 xmm0, xmm1, xmm2, xmm3, rsi + rdx - 64
    STORE4 xmm0, xmm1, xmm2, xmm3, rdi + rdx - 64
    sub rdx, 64
    cmp rdx, 64
    ja 1b
    STORE4 xmm4, xmm5, xmm6, xmm7, rdi
    ret
END memcpy

# void *memset(void *to, int value, size_t count)
FUNCTION memset
    mov rax, rdi
    movzx esi, sil
    movabs rcx, 0x0101010101010101
    imul rcx, rsi
    cmp rdx, 16
    jb .Lset_0_15
    movq xmm0, rcx
    punpcklqdq xmm0, xmm0
    cmp rdx, 64
    ja .Lset_65
    movups [rdi], xmm0
    movups [rdi + rdx - 16], xmm0
    cmp edx, 32
    jbe 1f
    movups [rdi + 16], xmm0
    movups [rdi + rdx - 32], xmm0
1:  ret

.Lset_0_15:
    cmp edx, 8
    jb .Lset_0_7
    mov [rdi], rcx
    mov [rdi + rdx - 8], rcx
    ret

.Lset_0_7:
    cmp edx, 4
    jb .Lset_0_3
    mov [rdi], ecx
    mov [rdi + rdx - 4], ecx
    ret

.Lset_0_3:
    test edx, edx
    jz 1f
    mov r8, rdx
    shr r8
    mov [rdi], cl
    mov [rdi + r8], cl
    mov [rdi + rdx - 1], cl
1:  ret

.Lset_65:                           # both ends, and what is aligned between them
    STORE4 xmm0, xmm0, xmm0, xmm0, rdi
    lea r8, [rdi + rdx]
    STORE4 xmm0, xmm0, xmm0, xmm0, r8 - 64
    lea rdi, [rdi + 64]
    and rdi, -64
    and r8, -64
    cmp rdi, r8
    jae 2f
1:  movaps [rdi], xmm0
    movaps [rdi + 16], xmm0
    movaps [rdi + 32], xmm0
    movaps [rdi + 48], xmm0
    add rdi, 64
    cmp rdi, r8
    jb 1b
2:  ret
END memset

.section .note.GNU-stack, "", @progbits
