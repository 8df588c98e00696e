// What the files of this library share. The public declarations are the host's headers.

#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define HIDDEN __attribute__((visibility("hidden")))
#define EXPORT __attribute__((visibility("default")))

enum { PAGE_SIZE = 4096, KEYS = 8 };

// What FS points to: the thread control block, with the thread's TLS image right below it (System V ABI's variant II, "ELF Handling For
// Thread-Local Storage", 3.4.6). The compiler knows the first word (the address of the block) and the canary at 0x28.
struct thread {
    struct thread *self;
    uintptr_t reserved[4];
    uintptr_t canary;
    int id; // Metal clears it when the thread has ended
    int error;
    uintptr_t stack_start;
    uintptr_t stack_end;
    void *values[KEYS]; // pthread_setspecific
    void *(*routine)(void *);
    void *argument;
    struct thread *next;
};

_Static_assert(offsetof(struct thread, canary) == 0x28, "the compiler reads the canary there");

static inline struct thread *current_thread(void) {
    struct thread *thread;
    __asm__("mov %%fs:0, %0" : "=r"(thread));
    return thread;
}

// Metal serves the system calls of ring 0 with Linux's numbers and conventions.
static inline long metal_call(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

#define METAL_CALL_0(n) metal_call(n, 0, 0, 0, 0, 0, 0)
#define METAL_CALL_1(n, a) metal_call(n, (long)(a), 0, 0, 0, 0, 0)
#define METAL_CALL_2(n, a, b) metal_call(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define METAL_CALL_3(n, a, b, c) metal_call(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define METAL_CALL_4(n, a, b, c, d) metal_call(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define METAL_CALL_6(n, a, b, c, d, e, f) metal_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

// Turns a result of Metal's into C's: -1 with errno, or the value.
static inline long with_errno(long result) {
    if ((unsigned long)result > -4096UL) {
        current_thread()->error = (int)-result;
        return -1;
    }
    return result;
}

static inline int fail(int error) {
    current_thread()->error = error;
    return -1;
}

// Fills in a thread control block, and the TLS image below it.
HIDDEN void prepare_thread(struct thread *thread);

// How far below the control block the TLS image begins.
HIDDEN size_t tls_size(void);

HIDDEN _Noreturn void die(const char *message);
