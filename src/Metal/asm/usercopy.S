# Access to guest memory through the guest's own mappings. A fault at an instruction that exception_table lists does not
# reach compiled code: Metal goes on at the fix-up. SMAP is lifted for exactly these routines.

.include "layout.inc"
.intel_syntax noprefix
.text

.macro ALLOW_USER_ACCESS
    cmp dword ptr gs:[CPU_HAS_SMAP], 0
    je 90f
    stac
90:
.endm

.macro FORBID_USER_ACCESS
    cmp dword ptr gs:[CPU_HAS_SMAP], 0
    je 91f
    clac
91:
.endm

.globl copy_user, load_user32, compare_exchange_user32, exception_table, exception_table_end

# long copy_user(void* destination, void* source, long count): returns the bytes not copied; 0 when all were.
# Plain moves: short copies dominate, and emulators interpret REP MOVS a byte at a time.
.balign 64
copy_user:
    ALLOW_USER_ACCESS
    mov rax, rdx
    sub rax, 64
    jb 2f
copy_blocks:
    movups xmm0, [rsi]
    movups xmm1, [rsi + 16]
    movups xmm2, [rsi + 32]
    movups xmm3, [rsi + 48]
    movups [rdi], xmm0
    movups [rdi + 16], xmm1
    movups [rdi + 32], xmm2
    movups [rdi + 48], xmm3
copy_blocks_end:
    add rsi, 64
    add rdi, 64
    sub rax, 64
    jae copy_blocks
2:  add rax, 64 - 8
    js 4f
copy_words:
    mov rcx, [rsi]
    mov [rdi], rcx
copy_words_end:
    add rsi, 8
    add rdi, 8
    sub rax, 8
    jae copy_words
4:  add rax, 8
    jz copy_done
copy_bytes:
    mov cl, [rsi]
    mov [rdi], cl
copy_bytes_end:
    inc rsi
    inc rdi
    dec rax
    jnz copy_bytes
copy_done:
    FORBID_USER_ACCESS
    ret

copy_blocks_fault:                  # somewhere in these 64 bytes: find out byte by byte
    add rax, 64
    jmp copy_bytes
copy_words_fault:
    add rax, 8
    jmp copy_bytes

# long load_user32(void* source): the value, or -1 in all 64 bits on a fault.
load_user32:
    ALLOW_USER_ACCESS
load_word:
    mov eax, [rdi]
load_word_end:
    FORBID_USER_ACCESS
    ret

# long compare_exchange_user32(void* target, uint expected, uint desired): the value observed, or -1 in all 64 bits on a fault.
compare_exchange_user32:
    ALLOW_USER_ACCESS
    mov eax, esi
exchange_word:
    lock cmpxchg [rdi], edx
exchange_word_end:
    mov eax, eax
    FORBID_USER_ACCESS
    ret

word_fault:
    mov rax, -1
    FORBID_USER_ACCESS
    ret

.section .rodata
.balign 8
exception_table:                    # first instruction, one past the last, fix-up
    .quad copy_blocks, copy_blocks_end, copy_blocks_fault
    .quad copy_words, copy_words_end, copy_words_fault
    .quad copy_bytes, copy_bytes_end, copy_done
    .quad load_word, load_word_end, word_fault
    .quad exchange_word, exchange_word_end, word_fault
exception_table_end:

.section .note.GNU-stack, "", @progbits
