// How the runtime's program begins: Metal has made the stack as Linux would (System V ABI, 3.4.1).

#include "libc.h"

#include <asm/prctl.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

// Metal's own entries: where the first thread's stack lies.
enum { AT_STACK_START = 0x53454D4A, AT_STACK_END = 0x53454D4B };

extern int main(int count, char **arguments, char **environment);

extern void (*const __init_array_start[])(int, char **, char **) HIDDEN;
extern void (*const __init_array_end[])(int, char **, char **) HIDDEN;

HIDDEN const Elf64_Phdr *program_headers;
HIDDEN size_t program_header_count;
HIDDEN void *__dso_handle;

EXPORT char **environ;

static const Elf64_auxv_t *auxiliary_vector;
static const Elf64_Phdr *tls_header;
static uintptr_t canary;

HIDDEN size_t tls_size(void) {
    return tls_header == NULL ? 0 : (tls_header->p_memsz + tls_header->p_align - 1) & -tls_header->p_align;
}

HIDDEN void prepare_thread(struct thread *thread) {
    thread->self = thread;
    thread->canary = canary;
    if (tls_header != NULL) {
        // The memory below is fresh, so what is beyond the file's part is zero.
        memcpy((char *)thread - tls_size(), (const void *)tls_header->p_vaddr, tls_header->p_filesz);
    }
}

EXPORT unsigned long getauxval(unsigned long type) {
    for (const Elf64_auxv_t *entry = auxiliary_vector; entry->a_type != AT_NULL; entry++) {
        if (entry->a_type == type) {
            return entry->a_un.a_val;
        }
    }
    errno = ENOENT;
    return 0;
}

EXPORT char *getenv(const char *name) {
    size_t length = strlen(name);
    for (char **variable = environ; *variable != NULL; variable++) {
        if (strncmp(*variable, name, length) == 0 && (*variable)[length] == '=') {
            return *variable + length + 1;
        }
    }
    return NULL;
}

// Called by _start (moves.S) with the first stack pointer. Before arch_prctl there is neither errno nor a canary.
HIDDEN __attribute__((no_stack_protector)) _Noreturn void start_program(uintptr_t *stack) {
    int count = (int)stack[0];
    char **arguments = (char **)(stack + 1);
    environ = arguments + count + 1;
    uintptr_t *word = (uintptr_t *)environ;
    while (*word++ != 0) {
    }

    auxiliary_vector = (const Elf64_auxv_t *)word;
    uintptr_t stack_start = 0;
    uintptr_t stack_end = 0;
    for (const Elf64_auxv_t *entry = auxiliary_vector; entry->a_type != AT_NULL; entry++) {
        uintptr_t value = entry->a_un.a_val;
        switch (entry->a_type) {
        case AT_PHDR:
            program_headers = (const Elf64_Phdr *)value;
            break;
        case AT_PHNUM:
            program_header_count = value;
            break;
        case AT_RANDOM:
            canary = *(const uintptr_t *)value & ~0xFFUL; // a zero byte stops strings that run over
            break;
        case AT_STACK_START:
            stack_start = value;
            break;
        case AT_STACK_END:
            stack_end = value;
            break;
        }
    }

    for (size_t i = 0; i < program_header_count; i++) {
        if (program_headers[i].p_type == PT_TLS) {
            tls_header = program_headers + i;
        }
    }

    // The first thread's block lies on its stack, for good: this function does not return.
    size_t alignment = tls_header == NULL || tls_header->p_align < 16 ? 16 : tls_header->p_align;
    char *memory = __builtin_alloca(tls_size() + sizeof(struct thread) + alignment);
    struct thread *thread = (struct thread *)(((uintptr_t)memory + tls_size() + alignment - 1) & -alignment);
    memset(memory, 0, (size_t)((char *)(thread + 1) - memory));
    prepare_thread(thread);
    thread->stack_start = stack_start;
    thread->stack_end = stack_end;
    METAL_CALL_2(SYS_arch_prctl, ARCH_SET_FS, thread);
    thread->id = (int)METAL_CALL_0(SYS_gettid);

    size_t constructors = (size_t)(__init_array_end - __init_array_start);
    for (size_t i = 0; i < constructors; i++) {
        __init_array_start[i](count, arguments, environ);
    }

    exit(main(count, arguments, environ));
}
