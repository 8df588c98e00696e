# The least that can be measured: a PVH image that prints a line on the serial port and ends the machine. The line has the time-stamp
# counter of the first instruction.
    .section .note.pvh, "a", @note
    .long 4, 4, 18                      # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long _start

    .text
    .code32
    .globl _start
_start:
    mov $stack_end, %esp
    rdtsc
    mov %edx, %ebp
    mov %eax, %edi
    mov $0x3f8, %edx
    mov $line, %esi
1:  lodsb
    test %al, %al
    jz 2f
    out %al, %dx
    jmp 1b
2:  mov %ebp, %ebx
    call print_hex
    mov %edi, %ebx
    call print_hex
    mov $10, %al
    out %al, %dx
    mov $0x501, %edx
    mov $1, %eax
    out %eax, %dx
3:  hlt
    jmp 3b

# Prints the eight digits of %ebx.
print_hex:
    mov $8, %ecx
4:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    cmp $10, %al
    sbb $0x69, %al
    das
    out %al, %dx
    loop 4b
    ret

    .bss
    .skip 64
stack_end:

    .data
line:
    .asciz "Hello from the guest, tsc 0x"
