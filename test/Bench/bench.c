// Costs of single operations, as "name<TAB>cost" lines. Runs as any program, and as the init of a Linux guest.
// `bench time [ROW [TIMES]]`: ticks of the time-stamp counter, the first decile of many rounds; of one row; or that row so many times,
// without measuring. `bench insn`: the same under QEMU's -icount shift=0, where the counter counts guest instructions. `bench rows`: the
// names alone. The guest's clock is what may be wrong, so costs are in ticks; lines "@ TICKS NS" have the counter and the clock, for the
// host to hold against its own clock.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

// A round is shorter than a time slice of a busy host, so that many rounds are not interrupted.
enum { ROUNDS = 101, ROUND_NS = 1000 * 1000, INSTRUCTION_ROUNDS = 5, INSTRUCTION_CALLS = 200, MARKS = 10, MARK_PAUSE_US = 2000 };

static int zero, null, file, counts_instructions;
static char buffer[4096];
static _Atomic int word;

static void check(long result, const char *what)
{
    if (result < 0) {
        printf("# %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void empty(long n)
{
    for (long i = 0; i < n; i++) {
        __asm__ volatile("");
    }
}

static void getppid_(long n)
{
    for (long i = 0; i < n; i++) {
        syscall(SYS_getppid);
    }
}

static void read_zero(long n)
{
    for (long i = 0; i < n; i++) {
        read(zero, buffer, 1);
    }
}

static void write_null(long n)
{
    for (long i = 0; i < n; i++) {
        write(null, buffer, 1);
    }
}

static void clock_raw(long n)
{
    struct timespec time;
    for (long i = 0; i < n; i++) {
        syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    }
}

static void clock_libc(long n)
{
    struct timespec time;
    for (long i = 0; i < n; i++) {
        clock_gettime(CLOCK_MONOTONIC, &time);
    }
}

static void futex_wake(long n)
{
    for (long i = 0; i < n; i++) {
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void yield(long n)
{
    for (long i = 0; i < n; i++) {
        sched_yield();
    }
}

static void map_touch_unmap(long n)
{
    for (long i = 0; i < n; i++) {
        char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int page = 0; page < 4; page++) {
            pages[page * 4096] = 1;
        }
        munmap(pages, 4 * 4096);
    }
}

// One fault for each page of a fresh mapping; the two calls around 256 of them hardly count.
static void page_fault(long n)
{
    while (n > 0) {
        long pages = n < 256 ? n : 256;
        char *start = mmap(NULL, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(start, 256 * 4096, MADV_NOHUGEPAGE);
        for (long page = 0; page < pages; page++) {
            start[page * 4096] = 1;
        }
        munmap(start, 256 * 4096);
        n -= pages;
    }
}

static void open_close(long n)
{
    for (long i = 0; i < n; i++) {
        close(open("/bench.data", O_RDONLY));
    }
}

static void stat_(long n)
{
    struct stat status;
    for (long i = 0; i < n; i++) {
        stat("/bench.data", &status);
    }
}

static void pread_file(long n)
{
    for (long i = 0; i < n; i++) {
        pread(file, buffer, 4096, (i & 15) * 4096);
    }
}

static void *nothing(void *argument)
{
    return argument;
}

static void create_join(long n)
{
    for (long i = 0; i < n; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, nothing, NULL);
        pthread_join(thread, NULL);
    }
}

static void await_turn(int mine)
{
    int value;
    while ((value = word) != mine) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
    }
}

static void give_turn(int theirs)
{
    word = theirs;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static long turns;

static void *partner(void *argument)
{
    for (long i = 0; i < turns; i++) {
        await_turn(1);
        give_turn(0);
    }
    return argument;
}

// There and back; making and joining the partner counts little over many turns.
static void ping_pong(long n)
{
    pthread_t thread;
    word = 0;
    turns = n;
    pthread_create(&thread, NULL, partner, NULL);
    for (long i = 0; i < n; i++) {
        give_turn(1);
        await_turn(0);
    }
    pthread_join(thread, NULL);
}

static const struct {
    const char *name;
    void (*run)(long n);
} rows[] = {
    {"getppid", getppid_},
    {"read 1 byte of /dev/zero", read_zero},
    {"write 1 byte to /dev/null", write_null},
    {"clock_gettime, raw call", clock_raw},
    {"clock_gettime, libc", clock_libc},
    {"futex wake, nobody waits", futex_wake},
    {"sched_yield, one thread", yield},
    {"mmap 4 pages, touch, munmap", map_touch_unmap},
    {"anonymous page fault", page_fault},
    {"open+close", open_close},
    {"stat", stat_},
    {"pread 4 KiB of the root file system", pread_file},
    {"futex ping-pong, two threads", ping_pong},
    {"pthread create+join", create_join},
};

static uint64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static uint64_t measure(void (*run)(long), long n)
{
    uint64_t start = __rdtsc();
    run(n);
    return __rdtsc() - start;
}

// Several, as each may be held up on its way to the host: the one that was not tells the time.
static void mark_time(void)
{
    for (int i = 0; i < MARKS; i++) {
        printf("@ %llu %llu\n", (unsigned long long)__rdtsc(), (unsigned long long)clock_ns());
        usleep(MARK_PAUSE_US);
    }
}

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

// The cost of one operation, less that of the empty loop: the median over rounds, of times the first decile. A busy host only ever adds, to
// half of the rounds and more.
static double cost(void (*run)(long))
{
    double costs[ROUNDS];
    long n = INSTRUCTION_CALLS;
    int rounds = INSTRUCTION_ROUNDS;
    run(n);
    if (!counts_instructions) {
        rounds = ROUNDS;
        uint64_t elapsed;
        for (n = 16;; n *= 2) {
            uint64_t start = clock_ns();
            run(n);
            if ((elapsed = clock_ns() - start) >= ROUND_NS / 4) {
                break;
            }
        }
        n = (long)((double)n * ROUND_NS / elapsed) + 1;
    }
    for (int round = 0; round < rounds; round++) {
        uint64_t nothing_done = measure(empty, n);
        uint64_t done = measure(run, n);
        costs[round] = (double)(done - (done < nothing_done ? 0 : nothing_done)) / n;
    }
    qsort(costs, rounds, sizeof *costs, compare);
    return counts_instructions ? costs[rounds / 2] : costs[rounds / 10];
}

int main(int argc, char **argv)
{
    counts_instructions = argc > 1 && !strcmp(argv[1], "insn");
    const char *only = argc > 2 ? argv[2] : NULL;
    long repeat = argc > 3 ? atol(argv[3]) : 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    check(zero = open("/dev/zero", O_RDONLY), "/dev/zero");
    check(null = open("/dev/null", O_WRONLY), "/dev/null");
    check(file = open("/bench.data", O_RDONLY), "/bench.data");
    int marks_time = argc > 1 && !strcmp(argv[1], "time") && !repeat;
    if (marks_time) {
        mark_time();
    }
    for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++) {
        if (argc > 1 && !strcmp(argv[1], "rows")) {
            puts(rows[row].name);
            continue;
        }
        if (only && strcmp(only, rows[row].name)) {
            continue;
        }
        if (repeat) {
            rows[row].run(repeat);
        } else {
            printf("%s\t%.2f\n", rows[row].name, cost(rows[row].run));
        }
    }
    if (marks_time) {
        mark_time();
    }
    printf("done\n");
    return 0;
}
