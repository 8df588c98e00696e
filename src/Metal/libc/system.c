// What Metal serves, and questions with one answer.

#include "libc.h"

#include <asm/unistd.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    RANDOM_DESCRIPTOR = 100,
    SIGNAL_SET_SIZE = 8,
    SA_RESTORER = 0x04000000,
};

extern HIDDEN const Elf64_Phdr *program_headers;
extern HIDDEN size_t program_header_count;
extern HIDDEN void __restore_rt(void);
extern HIDDEN const char __ehdr_start[];

EXPORT int *__errno_location(void) {
    return &current_thread()->error;
}

EXPORT long syscall(long number, ...) {
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long);
    long d = va_arg(rest, long), e = va_arg(rest, long), f = va_arg(rest, long);
    va_end(rest);
    return with_errno(metal_call(number, a, b, c, d, e, f));
}

// --- The end ----------------------------------------------------------------------------------------------------------

EXPORT void exit(int status) {
    METAL_CALL_1(__NR_exit_group, status); // a panic: the kernel ends the machine by another way
    __builtin_trap();
}

EXPORT void abort(void) {
    METAL_CALL_3(__NR_tgkill, 1, current_thread()->id, SIGABRT);
    __builtin_trap();
}

HIDDEN void die(const char *message) {
    write(STDERR_FILENO, message, strlen(message));
    write(STDERR_FILENO, "\n", 1);
    abort();
}

EXPORT void __stack_chk_fail(void) {
    die("a canary on the stack is dead");
}

// The machine goes off without ceremony.
EXPORT int atexit(void (*function)(void)) {
    (void)function;
    return 0;
}

EXPORT int __cxa_atexit(void (*function)(void *), void *argument, void *module) {
    (void)function;
    (void)argument;
    (void)module;
    return 0;
}

// --- Memory -----------------------------------------------------------------------------------------------------------

EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return (void *)with_errno(METAL_CALL_6(__NR_mmap, address, length, protection, flags, descriptor, offset));
}

EXPORT void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) __attribute__((alias("mmap64")));

EXPORT int munmap(void *address, size_t length) {
    return (int)with_errno(METAL_CALL_2(__NR_munmap, address, length));
}

EXPORT int mprotect(void *address, size_t length, int protection) {
    return (int)with_errno(METAL_CALL_3(__NR_mprotect, address, length, protection));
}

EXPORT int madvise(void *address, size_t length, int advice) {
    return (int)with_errno(METAL_CALL_3(__NR_madvise, address, length, advice));
}

// Nothing is ever paged out.
EXPORT int mlock(const void *address, size_t length) {
    (void)address;
    (void)length;
    return 0;
}

EXPORT int munlock(const void *address, size_t length) {
    (void)address;
    (void)length;
    return 0;
}

// --- What there is ----------------------------------------------------------------------------------------------------

EXPORT int sysinfo(struct sysinfo *information) {
    return (int)with_errno(METAL_CALL_1(__NR_sysinfo, information));
}

EXPORT long sysconf(int name) {
    struct sysinfo information;
    switch (name) {
    case _SC_PAGESIZE:
        return PAGE_SIZE;
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return 1;
    case _SC_PHYS_PAGES:
        sysinfo(&information);
        return (long)(information.totalram / PAGE_SIZE);
    case _SC_AVPHYS_PAGES:
        sysinfo(&information);
        return (long)(information.freeram / PAGE_SIZE);
    case _SC_THREAD_STACK_MIN:
        return 16384;
    case _SC_LEVEL1_DCACHE_SIZE:
    case _SC_LEVEL2_CACHE_SIZE:
    case _SC_LEVEL3_CACHE_SIZE:
    case _SC_LEVEL4_CACHE_SIZE:
        return 0; // not known: what depends on it is configured (RuntimeStart)
    default:
        return fail(EINVAL);
    }
}

EXPORT int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit) {
    (void)resource;
    limit->rlim_cur = limit->rlim_max = RLIM64_INFINITY;
    return 0;
}

EXPORT pid_t getpid(void) {
    return 1;
}

EXPORT int sched_getcpu(void) {
    return 0;
}

EXPORT int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set) {
    (void)process;
    memset(set, 0, size);
    *(unsigned char *)set = 1;
    return 0;
}

EXPORT cpu_set_t *__sched_cpualloc(size_t count) {
    return malloc((count + 63) / 64 * 8);
}

EXPORT void __sched_cpufree(cpu_set_t *set) {
    free(set);
}

EXPORT int __sched_cpucount(size_t size, const cpu_set_t *set) {
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        count += __builtin_popcount(((const unsigned char *)set)[i]);
    }
    return count;
}

EXPORT int dladdr(const void *address, Dl_info *information) {
    (void)address;
    *information = (Dl_info){.dli_fname = "semitone", .dli_fbase = (void *)__ehdr_start};
    return 1;
}

EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data) {
    struct dl_phdr_info information = {
        .dlpi_name = "semitone",
        .dlpi_phdr = program_headers,
        .dlpi_phnum = (Elf64_Half)program_header_count,
        .dlpi_adds = 1,
    };
    return callback(&information, sizeof information, data);
}

// --- Time: one clock, which counts from the boot ------------------------------------------------------------------------

EXPORT int clock_gettime(clockid_t clock, struct timespec *time) {
    return (int)with_errno(METAL_CALL_2(__NR_clock_gettime, clock, time));
}

EXPORT int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}

EXPORT int nanosleep(const struct timespec *duration, struct timespec *rest) {
    return (int)with_errno(METAL_CALL_2(__NR_nanosleep, duration, rest));
}

EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
    return (int)-METAL_CALL_4(__NR_clock_nanosleep, clock, flags, time, rest);
}

// --- Signals ----------------------------------------------------------------------------------------------------------

EXPORT int sigemptyset(sigset_t *set) {
    memset(set, 0, sizeof *set);
    return 0;
}

EXPORT int sigaddset(sigset_t *set, int signal) {
    set->__val[0] |= 1UL << (signal - 1);
    return 0;
}

EXPORT int sigaction(int signal, const struct sigaction *restrict action, struct sigaction *restrict old) {
    struct kernel_action {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } wanted, previous;
    if (action != NULL) {
        wanted = (struct kernel_action){action->sa_handler, (unsigned long)action->sa_flags | SA_RESTORER, __restore_rt,
            action->sa_mask.__val[0]};
    }
    long result = METAL_CALL_4(__NR_rt_sigaction, signal, action == NULL ? NULL : &wanted, old == NULL ? NULL : &previous, SIGNAL_SET_SIZE);
    if (result == 0 && old != NULL) {
        *old = (struct sigaction){.sa_handler = previous.handler, .sa_flags = (int)previous.flags};
        old->sa_mask.__val[0] = previous.mask;
    }
    return (int)with_errno(result);
}

EXPORT sighandler_t signal(int number, sighandler_t handler) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction old;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
    return (int)-METAL_CALL_4(__NR_rt_sigprocmask, how, set, old, SIGNAL_SET_SIZE);
}

EXPORT int __libc_current_sigrtmin(void) {
    return 34;
}

// --- The one device, and the console ------------------------------------------------------------------------------------

EXPORT int open64(const char *path, int flags, ...) {
    (void)flags;
    return strcmp(path, "/dev/urandom") == 0 ? RANDOM_DESCRIPTOR : fail(ENOENT);
}

EXPORT ssize_t read(int descriptor, void *buffer, size_t count) {
    return descriptor == RANDOM_DESCRIPTOR ? with_errno(METAL_CALL_3(__NR_getrandom, buffer, count, 0)) : fail(EBADF);
}

EXPORT ssize_t write(int descriptor, const void *buffer, size_t count) {
    return with_errno(METAL_CALL_3(__NR_write, descriptor, buffer, count));
}

EXPORT int close(int descriptor) {
    return descriptor == RANDOM_DESCRIPTOR ? 0 : fail(EBADF);
}

// --- drand48(3)'s generator: the runtime stirs it into what it reads from /dev/urandom ------------------------------------

static uint64_t random_state = 0x330E;

EXPORT void srand48(long seed) {
    random_state = ((uint64_t)(uint32_t)seed << 16) | 0x330E;
}

EXPORT long lrand48(void) {
    random_state = (random_state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF;
    return (long)(random_state >> 17);
}
