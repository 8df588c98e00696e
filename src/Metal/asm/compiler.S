# What compiled code refers to by name.

.intel_syntax noprefix

# A frame with a buffer keeps a copy of this value above the buffer and compares before it returns. boot.S makes it random.
.section .data
.balign 8
.globl __security_cookie
__security_cookie: .quad 0

.text
.globl RhpFallbackFailFast, RhpReversePInvoke, RhpReversePInvokeReturn
RhpFallbackFailFast:                # the two values differed
    and rsp, -16
    call metal_stack_smashed
    ud2

# The library entry point that the compiler makes calls these; Metal has no runtime to tell, and nothing calls it.
RhpReversePInvoke:
RhpReversePInvokeReturn:
    ret

.section .note.GNU-stack, "", @progbits
