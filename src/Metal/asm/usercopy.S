# Access to guest memory through the guest's own mappings. A fault at an instruction that exception_table lists does not
# reach compiled code: Metal goes on at the fix-up. SMAP is lifted for exactly these routines, which exist twice, with and
# without it, so that none of them has to ask.

.include "layout.inc"
.intel_syntax noprefix
.text

# A fault at an instruction from \first up to \end goes on at \fixup.
.macro MAY_FAULT first, end, fixup
    .pushsection .rodata
    .quad \first, \end, \fixup
    .popsection
.endm

.macro ALLOW_USER_ACCESS smap
    .if \smap
    stac
    .endif
.endm

.macro FORBID_USER_ACCESS smap
    .if \smap
    clac
    .endif
.endm

# long copy_user(void* destination, void* source, long count): returns the bytes copied.
# Plain moves: short copies dominate, and emulators interpret REP MOVS a byte at a time.
.macro COPY_USER name, smap
.globl \name
.balign 64
\name:
    ALLOW_USER_ACCESS \smap
    mov rax, rdx
    cmp rdx, 16
    ja .Llong_\name

    # 4 to 16 bytes are two moves, which may overlap.
    sub rax, 8
    jb .Lunder8_\name
.Lpair8_\name:
    mov rcx, [rsi]
    mov r8, [rsi + rax]
    mov [rdi], rcx
    mov [rdi + rax], r8
.Lpair8_end_\name:
    mov rax, rdx
    FORBID_USER_ACCESS \smap
    ret
.Lunder8_\name:
    add rax, 8 - 4
    js .Lunder4_\name
.Lpair4_\name:
    mov ecx, [rsi]
    mov r8d, [rsi + rax]
    mov [rdi], ecx
    mov [rdi + rax], r8d
.Lpair4_end_\name:
    mov rax, rdx
    FORBID_USER_ACCESS \smap
    ret
.Lunder4_\name:
    add rax, 4
    jnz .Lbytes_\name
    jmp .Ldone_\name

.Llong_\name:
    sub rax, 64
    jb .Lunder64_\name
.Lblocks_\name:
    movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + 32]
    movups xmm3, [rsi + 48]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + 32], xmm2
    movups [rdi + 48], xmm3
.Lblocks_end_\name:
    add rsi, 64
    add rdi, 64
    sub rax, 64
    jae .Lblocks_\name
.Lunder64_\name:
    add rax, 64 - 8
    js .Lafter_words_\name
.Lwords_\name:
    mov rcx, [rsi]
    mov [rdi], rcx
.Lwords_end_\name:
    add rsi, 8
    add rdi, 8
    sub rax, 8
    jae .Lwords_\name
.Lafter_words_\name:
    add rax, 8
    jz .Ldone_\name
.Lbytes_\name:
    mov cl, [rsi]
    mov [rdi], cl
.Lbytes_end_\name:
    inc rsi
    inc rdi
    dec rax
    jnz .Lbytes_\name
.Ldone_\name:
    neg rax                         # it counts what is left
    add rax, rdx
    FORBID_USER_ACCESS \smap
    ret

    # A fault somewhere in several bytes: find out where, byte by byte.
.Lpair_fault_\name:
    mov rax, rdx
    jmp .Lbytes_\name
.Lblocks_fault_\name:
    add rax, 64
    jmp .Lbytes_\name
.Lwords_fault_\name:
    add rax, 8
    jmp .Lbytes_\name

    MAY_FAULT .Lpair8_\name, .Lpair8_end_\name, .Lpair_fault_\name
    MAY_FAULT .Lpair4_\name, .Lpair4_end_\name, .Lpair_fault_\name
    MAY_FAULT .Lblocks_\name, .Lblocks_end_\name, .Lblocks_fault_\name
    MAY_FAULT .Lwords_\name, .Lwords_end_\name, .Lwords_fault_\name
    MAY_FAULT .Lbytes_\name, .Lbytes_end_\name, .Ldone_\name
.endm

# long load_user32(void* source): the value, or -1 in all 64 bits on a fault.
.macro LOAD_USER32 name, smap
.globl \name
\name:
    ALLOW_USER_ACCESS \smap
.Laccess_\name:
    mov eax, [rdi]
.Laccess_end_\name:
    FORBID_USER_ACCESS \smap
    ret
    MAY_FAULT .Laccess_\name, .Laccess_end_\name, word_fault_\smap
.endm

# long compare_exchange_user32(void* target, uint expected, uint desired): the value observed, or -1 in all 64 bits on a fault.
.macro COMPARE_EXCHANGE_USER32 name, smap
.globl \name
\name:
    ALLOW_USER_ACCESS \smap
    mov eax, esi
.Laccess_\name:
    lock cmpxchg [rdi], edx
.Laccess_end_\name:
    mov eax, eax
    FORBID_USER_ACCESS \smap
    ret
    MAY_FAULT .Laccess_\name, .Laccess_end_\name, word_fault_\smap
.endm

.macro WORD_FAULT smap
word_fault_\smap:
    mov rax, -1
    FORBID_USER_ACCESS \smap
    ret
.endm

.section .rodata
.balign 8
.globl exception_table, exception_table_end
exception_table:                    # first instruction, one past the last, fix-up
.text

COPY_USER copy_user_smap, 1
LOAD_USER32 load_user32_smap, 1
COMPARE_EXCHANGE_USER32 compare_exchange_user32_smap, 1
WORD_FAULT 1
COPY_USER copy_user, 0
LOAD_USER32 load_user32, 0
COMPARE_EXCHANGE_USER32 compare_exchange_user32, 0
WORD_FAULT 0

.section .rodata
exception_table_end:

.section .note.GNU-stack, "", @progbits
