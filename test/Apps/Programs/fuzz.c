// Makes system calls with random, nearly valid and wild arguments, from several threads at once, for a while: fuzz SEED SECONDS [THREADS].
// Whatever it does to itself, the machine has to go on. When it has broken itself (a fatal signal, or no progress) it executes itself anew
// with the next seed; when its time is over it ends with status 0, unless it has lost the means to: a signal's status is no failure either.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;

enum { MaxThreads = 8, ArenaPages = 64, PageSize = 4096 };

static const u64 ArenaBase = 0x10000000000, MapBase = 0x20000000000, MapSize = 64 << 20;

static char s_seedText[24], s_endText[24], s_threadText[24];
static u64 s_seed;
static long s_end;
static int s_threads;
static _Atomic u64 s_progress;
static char *s_self;
extern char __executable_start[], _end[];

static long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return result;
}

static long now(void)
{
    struct timespec time;
    call(SYS_clock_gettime, CLOCK_MONOTONIC, (u64)&time, 0, 0, 0, 0);
    return time.tv_sec;
}

// Gives memory back, of which the next program needs some.
static void dropFiles(void)
{
    static const char *const folders[] = {"/", "/tmp", "/dev/shm", "."};
    call(SYS_close_range, 3, ~(u64)0, 0, 0, 0, 0);
    call(SYS_munmap, MapBase, MapSize, 0, 0, 0, 0);
    for (unsigned i = 0; i < sizeof folders / sizeof *folders; i++) {
        call(SYS_chdir, (u64)folders[i], 0, 0, 0, 0, 0);
        for (int n = 0; n < 203; n++) {
            char name[] = {'n', (char)('0' + n / 100), (char)('0' + n / 10 % 10), (char)('0' + n % 10), 0};
            char *start = n < 10 ? &name[2] : n < 100 ? &name[1] : &name[0];
            start[0] = n >= 200 ? "abc"[n - 200] : 'n';
            if (n >= 200) {
                start[1] = 0;
            } else if (n < 10) {
                start[1] = (char)('0' + n);
            }
            call(SYS_truncate, (u64)start, 0, 0, 0, 0, 0);
            call(SYS_unlink, (u64)start, 0, 0, 0, 0, 0);
        }
    }
    call(SYS_truncate, (u64)"/tmp/x", 0, 0, 0, 0, 0);
}

// Starts over with the next seed, or ends. Uses nothing of the C library: there may be no more of it.
static void again(void)
{
    if (now() >= s_end) {
        call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    }
    u64 seed = s_seed + 1;
    int i = sizeof s_seedText - 1;
    s_seedText[i] = 0;
    do {
        s_seedText[--i] = (char)('0' + seed % 10);
        seed /= 10;
    } while (seed != 0);
    char *arguments[] = {s_self, s_seedText + i, "until", s_endText, s_threadText, 0};
    char *environment[] = {0};
    dropFiles();
    u64 none = 0, ignore[4] = {(u64)SIG_IGN};
    for (int signal = 1; signal < 65; signal++) {
        call(SYS_rt_sigaction, (u64)signal, (u64)ignore, 0, 8, 0, 0); // timers and what is pending survive
    }
    call(SYS_rt_sigprocmask, SIG_SETMASK, (u64)&none, 0, 8, 0, 0);
    call(SYS_execve, (u64)"/proc/self/exe", (u64)arguments, (u64)environment, 0, 0, 0);
    call(SYS_execve, (u64)s_self, (u64)arguments, (u64)environment, 0, 0, 0);
    call(SYS_exit_group, 1, 0, 0, 0, 0, 0); // no memory, no file system
}

static void onSignal(int signal)
{
    if (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP || signal == SIGSYS) {
        again();
    }
}

// --- Random values -----------------------------------------------------------------------------------------------------------------------

typedef struct {
    u64 state;
} Random;

static u64 next(Random *random)
{
    u64 x = random->state += 0x9E3779B97F4A7C15;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
    x = (x ^ x >> 27) * 0x94D049BB133111EB;
    return x ^ x >> 31;
}

static u64 below(Random *random, u64 bound)
{
    return next(random) % bound;
}

static int chance(Random *random, u64 of)
{
    return below(random, of) == 0;
}

static u64 wildNumber(Random *random)
{
    static const u64 edges[] = {
        0, 1, 2, 3, 7, 8, 63, 64, 255, 256, 511, 1023, 1024, 4095, 4096, 4097, 65535, 65536, 0xFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
        0x100000000,
        0x7F7FFFFFF000, 0x7F8000000000, 0x7FFFFFFFF000, 0x800000000000, 0x7FFFFFFFFFFFF000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000,
        0xFFFF800000000000,
        0xFFFFFFFF80000000, 0xFFFFFFFF90000000, 0xFFFFFFFFFFFFF000, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF,
    };
    switch (below(random, 6)) {
    case 0:
        return next(random);
    case 1:
        return next(random) >> below(random, 64);
    case 2:
        return edges[below(random, sizeof edges / sizeof *edges)] + below(random, 17) - 8;
    case 3:
        return (u64)1 << below(random, 64);
    default:
        return edges[below(random, sizeof edges / sizeof *edges)];
    }
}

// The arena: writable pages, then one read-only, one without access, a writable one at an end, then nothing.
static u64 pointer(Random *random)
{
    u64 page = ArenaBase + below(random, ArenaPages) * PageSize;
    switch (below(random, 24)) {
    case 0:
        return 0;
    case 1:
        return wildNumber(random);
    case 2:
        return ArenaBase + (u64)ArenaPages * PageSize; // read-only
    case 3:
        return ArenaBase + (u64)(ArenaPages + 1) * PageSize; // no access
    case 4:
        return ArenaBase + (u64)(ArenaPages + 3) * PageSize - below(random, 64); // runs into nothing
    case 5:
        return ArenaBase + (u64)ArenaPages * PageSize - below(random, 64); // runs into read-only
    case 6:
        return MapBase + below(random, MapSize);
    case 7:
        return 0x7F8000000000 + below(random, 0x100000000); // the kernel's heap
    case 8:
        return 0xFFFF800000000000 + below(random, 0x4000000); // all of memory
    case 9:
        return page + below(random, PageSize);
    default:
        return page + (below(random, PageSize) & ~(u64)15);
    }
}

static u64 good(Random *random)
{
    return ArenaBase + below(random, ArenaPages - 16) * PageSize + (below(random, PageSize) & ~(u64)15);
}

static u64 descriptor(Random *random)
{
    switch (below(random, 12)) {
    case 0:
        return wildNumber(random);
    case 1:
        return (u64)-100; // AT_FDCWD
    default:
        return below(random, 40);
    }
}

static u64 path(Random *random)
{
    static const char *const paths[] = {
        "/", ".", "..", "", "//", "/.", "/..", "a", "a/", "a/.", "a/..", "a/b", "a/b/c", "b", "c", "../a", "./b", "/tmp", "/tmp/x",
        "/tmp/x/", "/tmp/x/y", "/proc", "/proc/self", "/proc/self/fd",
        "/proc/self/maps", "/proc/self/fd/3", "/proc/self/cwd", "/proc/self/root", "/proc/self/mem", "/proc/1/status", "/proc/self/task",
        "/proc/thread-self/stat", "/proc/meminfo", "/proc/self/environ",
        "/proc/self/cmdline", "/proc/self/stat", "/proc/cpuinfo", "/proc/sys", "/proc/mounts", "/proc/self/auxv", "/proc/self/fdinfo/3",
        "/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/tty", "/dev/ptmx", "/dev/console", "/dev/stdout", "/dev/fd/4",
        "/dev/shm/a", "/sys", "/sys/devices/system/cpu/online", "loop", "loop/x", "link", "fifo",
    };
    u64 place = good(random);
    char *text = (char *)place;
    switch (below(random, 20)) {
    case 0:
        return pointer(random);
    case 1: { // long
        u64 length = 200 + below(random, 5000);
        for (u64 i = 0; i < length; i++) {
            text[i] = chance(random, 60) ? '/' : 'l';
        }
        text[length] = 0;
        return place;
    }
    case 2: { // ends at the edge of memory, perhaps without a NUL
        const char *from = paths[below(random, sizeof paths / sizeof *paths)];
        size_t length = strlen(from);
        char *at = (char *)(ArenaBase + (u64)(ArenaPages + 3) * PageSize - length - below(random, 2));
        memcpy(at, from, length);
        return (u64)at;
    }
    case 3: { // many steps
        u64 length = below(random, 4096) & ~(u64)1;
        for (u64 i = 0; i < length; i += 2) {
            text[i] = '.';
            text[i + 1] = '/';
        }
        text[length] = 0;
        return place;
    }
    case 4: { // a name of the fuzzer's own
        snprintf(text, 16, "n%u", (unsigned)below(random, 200));
        return place;
    }
    default:
        strcpy(text, paths[below(random, sizeof paths / sizeof *paths)]);
        return place;
    }
}

static u64 size(Random *random)
{
    return chance(random, 4) ? wildNumber(random) : below(random, 3) == 0 ? below(random, 65536) : below(random, 300);
}

static u64 mapAddress(Random *random)
{
    switch (below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return wildNumber(random);
    default:
        return MapBase + (below(random, MapSize) & (chance(random, 20) ? ~(u64)0 : ~(u64)(PageSize - 1)));
    }
}

static u64 mapLength(Random *random)
{
    switch (below(random, 10)) {
    case 0:
        return wildNumber(random);
    case 1:
        return below(random, MapSize);
    default:
        return (1 + below(random, 16)) * PageSize;
    }
}

static u64 vector(Random *random, u64 *count)
{
    struct iovec *vectors = (struct iovec *)good(random);
    *count = chance(random, 8) ? wildNumber(random) : below(random, 8);
    for (unsigned i = 0; i < 8; i++) {
        vectors[i].iov_base = (void *)pointer(random);
        vectors[i].iov_len = chance(random, 6) ? wildNumber(random) : below(random, 5000);
    }
    return chance(random, 10) ? pointer(random) : (u64)vectors;
}

static u64 timespec(Random *random)
{
    if (chance(random, 8)) {
        return pointer(random);
    }
    struct timespec *time = (struct timespec *)good(random);
    time->tv_sec = chance(random, 6) ? (long)wildNumber(random) : 0;
    time->tv_nsec = chance(random, 6) ? (long)wildNumber(random) : (long)below(random, 2000000);
    time[1] = time[0];
    return (u64)time;
}

static u64 strings(Random *random)
{
    if (chance(random, 8)) {
        return pointer(random);
    }
    u64 *array = (u64 *)good(random);
    u64 count = below(random, chance(random, 10) ? 500 : 6);
    for (u64 i = 0; i < count; i++) {
        array[i] = chance(random, 20) ? pointer(random) : path(random);
    }
    array[count] = 0;
    return (u64)array;
}

static u64 sets(Random *random)
{
    u64 *set = (u64 *)good(random);
    set[0] = next(random) & next(random) & ~((u64)1 << (SIGALRM - 1) | (u64)1 << (SIGSEGV - 1));
    return chance(random, 10) ? pointer(random) : (u64)set;
}

// --- The calls ---------------------------------------------------------------------------------------------------------------------------

typedef struct {
    int number;
    // d descriptor, p pointer, s path, n size, x any number, b bits (few), o offset, a address to map, l length to map, v vector (and its
    // count), t timespec, A strings, S signal set and its size, g signal, i thread, 0 nothing
    const char *arguments;
} Call;

static const Call s_calls[] = {
    {SYS_read, "dpn"}, {SYS_write, "dpn"}, {SYS_open, "sxx"}, {SYS_open, "sbx"}, {SYS_close, "d"}, {SYS_stat, "sp"}, {SYS_fstat, "dp"},
    {SYS_lstat, "sp"}, {SYS_poll, "pkb"}, {SYS_lseek, "dob"},
    {SYS_mmap, "alPMdo"}, {SYS_mmap, "alPMdo"}, {SYS_mmap, "alPMdo"}, {SYS_mmap, "alPMdo"}, {SYS_mprotect, "alP"}, {SYS_mprotect, "alP"},
    {SYS_munmap, "al"}, {SYS_munmap, "al"}, {SYS_brk, "x"}, {SYS_rt_sigaction, "gpp8"}, {SYS_rt_sigprocmask, "bSp8"}, {SYS_ioctl, "dIp"},
    {SYS_ioctl, "dIp"}, {SYS_ioctl, "dxp"},
    {SYS_pread64, "dpno"}, {SYS_pwrite64, "dpno"}, {SYS_readv, "dv"}, {SYS_writev, "dv"}, {SYS_access, "sx"}, {SYS_pipe, "p"},
    {SYS_select, "npppt"}, {SYS_sched_yield, ""}, {SYS_mremap, "allba"}, {SYS_mremap, "allba"}, {SYS_msync, "alb"},
    {SYS_mincore, "alp"}, {SYS_madvise, "alk"}, {SYS_madvise, "alk"}, {SYS_dup, "d"}, {SYS_dup2, "dd"}, {SYS_nanosleep, "tp"},
    {SYS_getitimer, "bp"}, {SYS_setitimer, "bpp"}, {SYS_sendfile, "ddpn"}, {SYS_wait4, "ipbp"},
    {SYS_kill, "ig"}, {SYS_uname, "p"}, {SYS_fcntl, "dkx"}, {SYS_fcntl, "dkp"}, {SYS_flock, "db"}, {SYS_fsync, "d"}, {SYS_truncate, "so"},
    {SYS_ftruncate, "do"}, {SYS_ftruncate, "do"}, {SYS_getdents, "dpn"}, {SYS_getcwd, "pn"}, {SYS_chdir, "s"},
    {SYS_fchdir, "d"}, {SYS_rename, "ss"}, {SYS_rename, "ss"}, {SYS_mkdir, "sx"}, {SYS_mkdir, "sm"}, {SYS_rmdir, "s"}, {SYS_creat, "sm"},
    {SYS_link, "ss"}, {SYS_unlink, "s"}, {SYS_symlink, "ss"}, {SYS_readlink, "spn"}, {SYS_chmod, "sm"},
    {SYS_fchmod, "dm"}, {SYS_chown, "sxx"}, {SYS_fchown, "dxx"}, {SYS_lchown, "sxx"}, {SYS_umask, "x"}, {SYS_gettimeofday, "pp"},
    {SYS_getrlimit, "kp"}, {SYS_getrusage, "bp"}, {SYS_sysinfo, "p"}, {SYS_times, "p"}, {SYS_getgroups, "np"},
    {SYS_setgroups, "np"}, {SYS_getpgid, "i"}, {SYS_setpgid, "ii"}, {SYS_getsid, "i"}, {SYS_capget, "pp"}, {SYS_capset, "pp"},
    {SYS_rt_sigpending, "pn"}, {SYS_rt_sigtimedwait, "Spt8"}, {SYS_rt_sigqueueinfo, "igp"}, {SYS_sigaltstack, "pp"},
    {SYS_utime, "sp"}, {SYS_mknod, "smx"}, {SYS_statfs, "sp"}, {SYS_fstatfs, "dp"}, {SYS_getpriority, "bi"}, {SYS_setpriority, "bix"},
    {SYS_sched_setparam, "ip"}, {SYS_sched_getparam, "ip"}, {SYS_sched_setscheduler, "ibp"}, {SYS_sched_rr_get_interval, "ip"},
    {SYS_mlock, "al"}, {SYS_munlock, "al"}, {SYS_prctl, "kxxxx"}, {SYS_prctl, "kpxxx"}, {SYS_arch_prctl, "Cp"}, {SYS_chroot, "s"},
    {SYS_settimeofday, "pp"}, {SYS_sethostname, "pn"}, {SYS_setdomainname, "pn"}, {SYS_readahead, "don"}, {SYS_setxattr, "sspnb"},
    {SYS_lsetxattr, "sspnb"}, {SYS_fsetxattr, "dspnb"}, {SYS_getxattr, "sspn"}, {SYS_fgetxattr, "dspn"}, {SYS_listxattr, "spn"},
    {SYS_flistxattr, "dpn"}, {SYS_removexattr, "ss"}, {SYS_tkill, "ig"}, {SYS_time, "p"}, {SYS_futex, "pFbtpx"}, {SYS_futex, "pFbtpx"},
    {SYS_futex, "pFbxpx"},
    {SYS_sched_setaffinity, "inp"}, {SYS_sched_getaffinity, "inp"}, {SYS_epoll_create, "x"}, {SYS_getdents64, "dpn"},
    {SYS_set_tid_address, "p"}, {SYS_restart_syscall, ""}, {SYS_fadvise64, "dook"}, {SYS_timer_create, "kpp"}, {SYS_timer_settime, "bbpp"},
    {SYS_timer_gettime, "bp"},
    {SYS_timer_getoverrun, "b"}, {SYS_timer_delete, "b"}, {SYS_clock_settime, "kt"}, {SYS_clock_gettime, "kp"}, {SYS_clock_getres, "kp"},
    {SYS_clock_nanosleep, "kbtp"}, {SYS_epoll_wait, "dpnb"}, {SYS_epoll_ctl, "dbdp"}, {SYS_epoll_ctl, "dbdp"}, {SYS_epoll_ctl, "d1dp"},
    {SYS_tgkill, "iig"}, {SYS_utimes, "sp"},
    {SYS_waitid, "bipbp"}, {SYS_openat, "dsxx"}, {SYS_openat, "dsBm"}, {SYS_openat, "dsBm"}, {SYS_openat, "dsBm"}, {SYS_mkdirat, "dsm"},
    {SYS_mknodat, "dsmx"}, {SYS_fchownat, "dsxxx"}, {SYS_futimesat, "dsp"}, {SYS_newfstatat, "dspb"}, {SYS_newfstatat, "dspE"},
    {SYS_unlinkat, "dsE"}, {SYS_renameat, "dsds"}, {SYS_linkat, "dsdsE"},
    {SYS_symlinkat, "sds"}, {SYS_readlinkat, "dspn"}, {SYS_fchmodat, "dsm"}, {SYS_faccessat, "dsb"}, {SYS_pselect6, "npppt0"},
    {SYS_ppoll, "pktS8"}, {SYS_set_robust_list, "pR"}, {SYS_get_robust_list, "ipp"}, {SYS_sync_file_range, "doob"}, {SYS_utimensat, "dspE"},
    {SYS_epoll_pwait, "dpnbS8"}, {SYS_eventfd, "x"}, {SYS_fallocate, "dboo"}, {SYS_eventfd2, "xB"}, {SYS_epoll_create1, "B"},
    {SYS_dup3, "ddB"}, {SYS_pipe2, "pB"}, {SYS_preadv, "dvoo"}, {SYS_pwritev, "dvoo"}, {SYS_rt_tgsigqueueinfo, "iigp"},
    {SYS_prlimit64, "ikpp"},
    {SYS_syncfs, "d"}, {SYS_getcpu, "ppp"}, {SYS_renameat2, "dsdsb"}, {SYS_getrandom, "pnb"}, {SYS_memfd_create, "sb"},
    {SYS_execveat, "dsAAE"}, {SYS_membarrier, "bbb"}, {SYS_mlock2, "alb"}, {SYS_copy_file_range, "dpdpnb"}, {SYS_preadv2, "dvoob"},
    {SYS_pwritev2, "dvoob"},
    {SYS_statx, "dsExp"}, {SYS_rseq, "pnbx"}, {SYS_clone3, "pn"}, {SYS_close_range, "xxb"}, {SYS_openat2, "dspn"},
    {SYS_faccessat2, "dsbE"}, {SYS_epoll_pwait2, "dpntS8"}, {SYS_process_vm_readv, "ivvb"}, {SYS_splice, "dpdpnb"}, {SYS_execve, "sAA"},
    {SYS_mlockall, "b"}, {SYS_setrlimit, "kp"},
};

static u64 argument(Random *random, char kind, u64 *pending)
{
    static const u64 requests[] = {
        0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5406, 0x5407, 0x5408, 0x5409, 0x540A, 0x540B, 0x540C, 0x540E, 0x540F, 0x5410, 0x5411,
        0x5412, 0x5413, 0x5414, 0x541B, 0x5420, 0x5421, 0x5422, 0x5423, 0x5424, 0x5429, 0x542A, 0x80045430, 0x5450, 0x5451, 0x5452,
        0x802C542A, 0x402C542B,
    };
    static const u64 flags[] = {0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x1002, 0x0};
    switch (kind) {
    case 'd':
        return descriptor(random);
    case 'p':
        return pointer(random);
    case 's':
        return path(random);
    case 'n':
        return size(random);
    case 'x':
        return wildNumber(random);
    case 'b':
        return chance(random, 12) ? wildNumber(random) : below(random, 12);
    case 'k':
        return chance(random, 12) ? wildNumber(random) : below(random, 30);
    case 'o':
        return chance(random, 2) ? wildNumber(random) : below(random, 200000);
    case 'a':
        return mapAddress(random);
    case 'l':
        return mapLength(random);
    case 'P':
        return chance(random, 20) ? wildNumber(random) : below(random, 8);
    case 'M':
        return chance(random, 20) ? wildNumber(random) : ((chance(random, 3) ? 1 : 2) | (chance(random, 2) ? 0x10 : 0)
            | (chance(random, 2) ? 0x20 : 0) | flags[below(random, 8)] | (chance(random, 8) ? 0x8000 : 0)
            | (chance(random, 8) ? 0x100000 : 0) | (chance(random, 8) ? 0x4000 : 0));
    case 't':
        return timespec(random);
    case 'A':
        return strings(random);
    case 'S':
        return sets(random);
    case 'g':
        return chance(random, 4) ? wildNumber(random) : below(random, 2) == 0 ? 0 : SIGUSR1 + below(random, 2) * 2;
    case 'i':
        return chance(random, 4) ? wildNumber(random) : below(random, 10);
    case 'I':
        return requests[below(random, sizeof requests / sizeof *requests)];
    case 'F':
        return chance(random, 10) ? wildNumber(random) : below(random, 14) | (chance(random, 2) ? 0x80 : 0)
            | (chance(random, 4) ? 0x100 : 0);
    case 'B':
        return chance(random, 20) ? wildNumber(random) : below(random, 3) | (chance(random, 2) ? 0x40 : 0)
            | (chance(random, 4) ? 0x80000 : 0) | (chance(random, 2) ? 0x800 : 0) | (chance(random, 5) ? 0x200 : 0)
            | (chance(random, 5) ? 0x400 : 0) | (chance(random, 8) ? 0x10000 : 0) | (chance(random, 8) ? 0x200000 : 0)
            | (chance(random, 20) ? 0x410000 : 0);
    case 'E':
        return chance(random, 20) ? wildNumber(random) : (chance(random, 2) ? 0x1000 : 0) | (chance(random, 3) ? 0x100 : 0)
            | (chance(random, 3) ? 0x200 : 0) | (chance(random, 4) ? 0x400 : 0);
    case 'C':
        // ARCH_SET_FS is left out: the C library lives there
        return chance(random, 4) ? wildNumber(random) : chance(random, 2) ? 0x1001 : 0x1004;
    case 'R':
        return chance(random, 4) ? wildNumber(random) : 24;
    case 'm':
        return chance(random, 4) ? wildNumber(random) : (below(random, 2) ? 0777 : 0) | below(random, 13) << 12;
    case 'v':
        return vector(random, pending);
    case '8':
        return chance(random, 20) ? wildNumber(random) : 8;
    case '1':
        return 1;
    default:
        return 0;
    }
}

static int overlaps(u64 start, u64 length, u64 from, u64 to)
{
    u64 end = start + length < start ? ~(u64)0 : start + length;
    return start < to && end > from;
}

// Whether a call would only end the fuzzer: it has to try other things.
static int isSuicide(long number, const u64 *a, Random *random)
{
    u64 page = ~(u64)(PageSize - 1);
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_rt_sigreturn: case SYS_pause: case SYS_rt_sigsuspend: case SYS_fork: case SYS_vfork:
        case SYS_clone: case SYS_reboot: case SYS_umount2: case SYS_kexec_load:
        return 1;
    case SYS_execve: case SYS_execveat: case SYS_chroot:
        return !chance(random, 30);
    case SYS_kill: case SYS_tkill: case SYS_rt_sigqueueinfo: case SYS_tgkill: case SYS_rt_tgsigqueueinfo: {
        unsigned signal = (unsigned)(number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo ? a[2] : a[1]);
        return signal == SIGKILL || signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU || signal == SIGABRT;
    }
    case SYS_arch_prctl:
        return (unsigned)a[0] == 0x1002;
    case SYS_munmap: case SYS_mprotect: case SYS_mmap: case SYS_madvise: case SYS_mremap: {
        if (number == SYS_mmap && (a[3] & 0x10) == 0) {
            return 0;
        }
        u64 stack = (u64)&page;
        u64 length = a[1] > (u64)1 << 46 ? (u64)1 << 46 : a[1] + PageSize;
        return overlaps(a[0] & page, length, (u64)__executable_start & page, (u64)_end + (64 << 20))
            || overlaps(a[0] & page, length, stack - (9 << 20), stack + (9 << 20)) || overlaps(a[0] & page, length, ArenaBase,
            ArenaBase + (ArenaPages + 3) * PageSize)
            || (number == SYS_mremap && overlaps(a[4] & page, a[2], (u64)__executable_start & page, (u64)_end + (64 << 20)))
            || (number == SYS_mremap && overlaps(a[4] & page, a[2], ArenaBase, ArenaBase + (ArenaPages + 3) * PageSize))
            || (number != SYS_mmap && a[0] > 0x7F0000000000 && a[0] < 0x800000000000)
            || (number == SYS_mmap && a[0] > 0x7F0000000000 && a[0] < 0x800000000000 && a[1] < (u64)1 << 46);
    }
    case SYS_brk:
        return a[0] < (u64)_end + (64 << 20) && a[0] > 4096;
    case SYS_setrlimit: case SYS_sigaltstack:
        return a[0] != 0 && !chance(random, 100);
    case SYS_prlimit64:
        return a[2] != 0 && !chance(random, 100);
    case SYS_rt_sigaction:
        return (unsigned)a[0] < SIGRTMIN;
    default:
        return 0;
    }
}

static void fillArena(Random *random)
{
    u64 *words = (u64 *)good(random);
    for (int i = 0; i < 16; i++) {
        words[i] = chance(random, 2) ? below(random, 64) : chance(random, 3) ? pointer(random) : wildNumber(random);
    }
}

static void oneCall(Random *random)
{
    u64 a[8] = {0};
    long number;
    if (chance(random, 6)) {
        number = (long)(chance(random, 50) ? wildNumber(random) : below(random, 460));
        for (int i = 0; i < 6; i++) {
            a[i] = argument(random, "dpsnxboalt"[below(random, 10)], &a[7]);
        }
    } else {
        const Call *one = &s_calls[below(random, sizeof s_calls / sizeof *s_calls)];
        number = one->number;
        int place = 0;
        for (const char *kind = one->arguments; *kind != 0 && place < 6; kind++) {
            u64 count = 0;
            a[place++] = argument(random, chance(random, 60) ? 'x' : *kind, &count);
            if (*kind == 'v' && place < 6) {
                a[place++] = count;
            }
        }
    }
    if (isSuicide((int)number, a, random)) {
        return;
    }
    call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void makeFiles(void)
{
    static const char *const files[] = {"/tmp/x", "b", "c"};
    int pair[2];
    mkdir("/tmp", 0777);
    mkdir("a", 0777);
    symlink("loop", "loop");
    symlink("a", "link");
    mknod("fifo", S_IFIFO | 0666, 0);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        int file = open(files[i], O_RDWR | O_CREAT, 0666);
        if (write(file, files, sizeof files) < 0) {
            close(file);
        }
    }
    if (pipe(pair) == 0) {
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        fcntl(pair[1], F_SETFL, O_NONBLOCK);
    }
    open("/dev/tty", O_RDWR | O_NONBLOCK);
    open("/dev/null", O_RDWR);
    open("/dev/zero", O_RDWR);
    open("/", O_RDONLY | O_DIRECTORY);
    open("/proc", O_RDONLY | O_DIRECTORY);
    open("/proc/self/maps", O_RDONLY);
    int epoll = (int)syscall(SYS_epoll_create1, 0);
    int other = (int)syscall(SYS_epoll_create1, 0);
    (void)epoll;
    (void)other;
    syscall(SYS_eventfd2, 1, O_NONBLOCK);
    syscall(SYS_memfd_create, "m", 0);
}

static void *fuzz(void *seed)
{
    Random random = {(u64)seed};
    static const u64 PeriodUs = 20000;
    for (;;) {
        fillArena(&random);
        if (below(&random, 16) == 0) {
            // Waits end by this; the mask and the timer may have been changed.
            u64 none = 0, period[4] = {0, PeriodUs, 0, PeriodUs};
            call(SYS_rt_sigprocmask, SIG_SETMASK, (u64)&none, 0, 8, 0, 0);
            call(SYS_setitimer, ITIMER_REAL, (u64)period, 0, 0, 0, 0);
        }
        oneCall(&random);
        if (atomic_fetch_add(&s_progress, 1) % 20000 == 19999) {
            again();
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    int isAgain = count > 3 && strcmp(arguments[2], "until") == 0;
    s_seed = count > 1 ? strtoull(arguments[1], 0, 0) : 1;
    s_end = isAgain ? atol(arguments[3]) : now() + (count > 2 ? atol(arguments[2]) : 5);
    s_threads = count > (isAgain ? 4 : 3) ? atoi(arguments[isAgain ? 4 : 3]) : 2;
    s_threads = s_threads < 1 ? 1 : s_threads > MaxThreads ? MaxThreads : s_threads;
    snprintf(s_endText, sizeof s_endText, "%ld", s_end);
    snprintf(s_threadText, sizeof s_threadText, "%d", s_threads);
    static char self[256];
    strcpy(self, arguments[0]);
    s_self = self;

    mmap((void *)ArenaBase, (size_t)(ArenaPages + 3) * PageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mprotect((void *)(ArenaBase + (u64)ArenaPages * PageSize), PageSize, PROT_READ);
    mprotect((void *)(ArenaBase + (u64)(ArenaPages + 1) * PageSize), PageSize, PROT_NONE);

    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, 0);
    for (int signal = 1; signal < 65; signal++) {
        struct sigaction action = {.sa_handler = onSignal, .sa_flags = SA_ONSTACK | SA_NODEFER};
        sigaction(signal, &action, 0);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    for (int file = 3; file < 40; file++) {
        close(file);
    }
    makeFiles();

    for (int i = 0; i < s_threads; i++) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 256 << 10);
        pthread_create(&thread, &attributes, fuzz, (void *)(s_seed * 1000 + (u64)i));
    }

    u64 seen = ~(u64)0;
    for (int idle = 0;;) {
        struct timespec pause = {0, 100000000};
        call(SYS_nanosleep, (u64)&pause, 0, 0, 0, 0, 0);
        u64 progress = s_progress;
        idle = progress == seen ? idle + 1 : 0;
        seen = progress;
        if (idle >= 5 || now() >= s_end) {
            again();
        }
    }
}
