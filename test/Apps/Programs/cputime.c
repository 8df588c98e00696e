/* Clocks and timers that count time on the CPU, and the limit of it. All of it is counted in the time of this process, so that a busy host
/* changes nothing. */
#include "answers.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static volatile int caught[64];
static volatile int code_caught;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    caught[signal]++;
    code_caught = info->si_code;
}

static long read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static long used_ns(void) { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

/* Spends time on the CPU until a signal comes; says how much. */
static long spin_until(int signal, int count, long limit_ns)
{
    long start = used_ns();
    while (caught[signal] < count && used_ns() - start < limit_ns) {
        for (volatile int i = 0; i < 20000; i++) { }
    }
    return used_ns() - start;
}

/*
 * Linux looks at its ticks,
     and counts time by them for some of these: the bounds say what is gross. A virtual machine of a busy host loses ticks.
 */
/* Profiling timers and limits Linux counts by its ticks alone, each for a whole one. */
static const char *roughly(long ns, long wanted_ns) { return ns >= wanted_ns / 3 && ns < wanted_ns * 2 + 1000 * MS ? "in time"
    : "not in time"; }

static const char *near(long ns, long wanted_ns) { return ns >= wanted_ns - 40 * MS && ns < wanted_ns + 700 * MS ? "in time"
    : "not in time"; }

static void catch(int signal)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(signal, &action, NULL);
    caught[signal] = 0;
}

static void interval_timers(void)
{
    struct { int which, signal; const char *name; } kinds[] = { { ITIMER_PROF, SIGPROF, "prof" },
        { ITIMER_VIRTUAL, SIGVTALRM, "virtual" } };
    for (int i = 0; i < 2; i++) {
        printf("%s\n", kinds[i].name);
        catch(kinds[i].signal);
        struct itimerval once = { .it_value = { 0, 100000 } }, old;
        ASK(setitimer(kinds[i].which, &once, NULL));
        ASK(getitimer(kinds[i].which, &old));
        printf("left: %d, interval %ld\n", old.it_value.tv_sec == 0 && old.it_value.tv_usec > 10000 && old.it_value.tv_usec <= 110000,
            (long)old.it_interval.tv_usec);

        /* Sleeping does not count. */
        usleep(200000);
        printf("slept: %d signals\n", caught[kinds[i].signal]);
        long ns = spin_until(kinds[i].signal, 1, 3000 * MS);
        printf("%d signals %s\n", caught[kinds[i].signal], roughly(ns, 100 * MS));
        ASK(getitimer(kinds[i].which, &old));
        printf("left: %ld\n", (long)(old.it_value.tv_sec + old.it_value.tv_usec));
        struct itimerval often = { .it_value = { 0, 50000 }, .it_interval = { 0, 50000 } };
        ASK(setitimer(kinds[i].which, &often, NULL));
        caught[kinds[i].signal] = 0;
        ns = spin_until(kinds[i].signal, 4, 3000 * MS);
        printf("%d signals %s\n", caught[kinds[i].signal], roughly(ns, 200 * MS));
        ASK(setitimer(kinds[i].which, NULL, &old));
        printf("interval %ld\n", (long)old.it_interval.tv_usec);
        caught[kinds[i].signal] = 0;
        spin_until(kinds[i].signal, 1, 100 * MS);
        printf("stopped: %d signals\n", caught[kinds[i].signal]);
    }
    struct itimerval wrong = { .it_value = { 0, 1000000 } };
    ASK(setitimer(ITIMER_PROF, &wrong, NULL));
    ASK(syscall(SYS_setitimer, 3, &wrong, NULL));
    ASK(syscall(SYS_getitimer, 3, &wrong));
}

static void try_timer(const char *name, clockid_t clock)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7 };
    int id = -1;
    printf("%s\n", name);
    errno = 0;
    int result = syscall(SYS_timer_create, clock, &event, &id);
    answer("timer_create", result);
    if (result < 0) return;
    catch(SIGUSR1);
    struct itimerspec value = { .it_value = { 0, 100 * MS } }, old;
    ASK(syscall(SYS_timer_settime, id, 0, &value, NULL));
    ASK(syscall(SYS_timer_gettime, id, &old));
    printf("left: %d\n", old.it_value.tv_sec == 0 && old.it_value.tv_nsec > 50 * MS && old.it_value.tv_nsec <= 100 * MS);
    usleep(150000);
    printf("slept: %d signals\n", caught[SIGUSR1]);
    long ns = spin_until(SIGUSR1, 1, 3000 * MS);
    printf("%d signals %s, code %d\n", caught[SIGUSR1], near(ns, 95 * MS), code_caught);
    ASK(syscall(SYS_timer_gettime, id, &old));
    printf("left: %ld\n", (long)(old.it_value.tv_sec + old.it_value.tv_nsec));

    /* At a time of that clock, and one that has passed. */
    long now = read_ns(clock) + 100 * MS;
    value.it_value = (struct timespec) { now / (1000 * MS), now % (1000 * MS) };
    caught[SIGUSR1] = 0;
    ASK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &value, NULL));
    ns = spin_until(SIGUSR1, 1, 3000 * MS);
    printf("%d signals %s\n", caught[SIGUSR1], near(ns, 95 * MS));
    caught[SIGUSR1] = 0;
    value.it_value = (struct timespec) { 0, 1 };
    ASK(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &value, NULL));
    spin_until(SIGUSR1, 1, 100 * MS);
    printf("%d signals\n", caught[SIGUSR1]);

    /* Overruns: blocked for five intervals. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    value = (struct itimerspec) { .it_value = { 0, 20 * MS }, .it_interval = { 0, 20 * MS } };
    ASK(syscall(SYS_timer_settime, id, 0, &value, NULL));
    caught[SIGUSR1] = 0;
    spin_until(SIGUSR1, 1, 150 * MS);
    siginfo_t info;
    printf("%d", sigwaitinfo(&set, &info));
    int overrun = syscall(SYS_timer_getoverrun, id);
    printf(": value %d, overrun %d\n", info.si_value.sival_int, overrun >= 3 && overrun <= 60);
    value = (struct itimerspec) { };
    ASK(syscall(SYS_timer_settime, id, 0, &value, &old));
    printf("interval %ld\n", old.it_interval.tv_nsec);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    ASK(syscall(SYS_timer_delete, id));
}

static volatile int is_over;
static void *spin_to_the_end(void *unused)
{
    while (!is_over) { }
    return NULL;
}

static void *spin_for_a_while(void *unused)
{
    long start = read_ns(CLOCK_THREAD_CPUTIME_ID);
    while (read_ns(CLOCK_THREAD_CPUTIME_ID) - start < 150 * MS) { }
    return NULL;
}

static void other_threads(void)
{
    /* What another thread uses counts for the process and not for this thread. */
    pthread_t thread;
    is_over = 0;
    int id, own;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 },
        event_own = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    catch(SIGUSR1);
    catch(SIGUSR2);
    ASK(syscall(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, &event, &id));
    ASK(syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event_own, &own));
    struct itimerspec value = { .it_value = { 0, 100 * MS } };
    syscall(SYS_timer_settime, id, 0, &value, NULL);
    syscall(SYS_timer_settime, own, 0, &value, NULL);
    pthread_create(&thread, NULL, spin_to_the_end, NULL);
    while (!caught[SIGUSR1]) usleep(10000);
    printf("%d of the process, %d of the thread\n", caught[SIGUSR1], caught[SIGUSR2]);

    /* A sleep by the clock of the process ends when the other one has used that much. */
    struct timespec time = { 0, 100 * MS };
    long start = used_ns();
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &time, NULL));
    printf("slept %s\n", near(used_ns() - start, 100 * MS));
    start = used_ns() + 100 * MS;
    time = (struct timespec) { start / (1000 * MS), start % (1000 * MS) };
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &time, NULL));
    printf("slept %s\n", near(used_ns() - start, 0));
    time = (struct timespec) { };
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &time, NULL));

    /* Another thread's clock. */
    clockid_t clock;
    pthread_getcpuclockid(thread, &clock);
    time = (struct timespec) { 0, 50 * MS };
    start = read_ns(clock);
    ASK(syscall(SYS_clock_nanosleep, clock, 0, &time, NULL));
    printf("slept %s\n", near(read_ns(clock) - start, 50 * MS));
    int others;
    catch(SIGUSR1);
    ASK(syscall(SYS_timer_create, clock, &event, &others));
    value.it_value.tv_nsec = 50 * MS;
    ASK(syscall(SYS_timer_settime, others, 0, &value, NULL));
    while (!caught[SIGUSR1]) usleep(10000);
    ASK(syscall(SYS_timer_settime, others, 0, &(struct itimerspec) { .it_value = { 100 } }, NULL));
    is_over = 1;
    pthread_join(thread, NULL);
    while (clock_gettime(clock, &time) == 0) usleep(1000);
    struct itimerspec left;
    ASK(syscall(SYS_timer_gettime, others, &left));
    printf("left of a thread that ended: %ld\n", (long)left.it_value.tv_sec);
    ASK(syscall(SYS_timer_settime, others, 0, &value, NULL));
    ASK(syscall(SYS_timer_create, clock, &event, &others));

    /* Refused, or never done. */
    time = (struct timespec) { 0, 1 };
    ASK(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
    pthread_getcpuclockid(pthread_self(), &clock);
    ASK(syscall(SYS_clock_nanosleep, clock, 0, &time, NULL));
    ASK(syscall(SYS_clock_nanosleep, ~0u << 3 | 6, 0, &time, NULL));
    ASK(syscall(SYS_clock_nanosleep, ~12345678u << 3 | 2, 0, &time, NULL));
    ASK(syscall(SYS_clock_nanosleep, ~0u << 3 | 3, 0, &time, NULL));
    ASK(syscall(SYS_timer_create, ~12345678u << 3 | 2, &event, &others));
    ASK(syscall(SYS_timer_create, ~12345678u << 3 | 6, &event, &others));
    time = (struct timespec) { 0, 1000 * MS };
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &time, NULL));
}

static void interrupted_sleep(void)
{
    /* The only thread sleeps by a clock that stands still meanwhile; a signal ends that. */
    struct timespec time = { 0, 500 * MS }, left = { };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval soon = { .it_value = { 0, 50000 } };
    setitimer(ITIMER_REAL, &soon, NULL);
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &time, &left));
    printf("left: %d\n", left.tv_sec == 0 && left.tv_nsec > 400 * MS && left.tv_nsec <= 500 * MS);
    setitimer(ITIMER_REAL, &soon, NULL);
    long then = used_ns() + 500 * MS;
    time = (struct timespec) { then / (1000 * MS), then % (1000 * MS) };
    ASK(syscall(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &time, &left));
}

static void resolutions(void)
{
    clockid_t clocks[] = { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, ~0u << 3 | 2, ~0u << 3 | 6, ~0u << 3, ~0u << 3 | 1,
        ~0u << 3 | 4, ~0u << 3 | 5 };
    for (int i = 0; i < 8; i++) {
        struct timespec time;
        errno = 0;
        printf("%d ", i);
        answer("clock_getres", syscall(SYS_clock_getres, clocks[i], &time));
        printf("%ld %ld\n", (long)time.tv_sec, time.tv_nsec);
        answer("clock_settime", syscall(SYS_clock_settime, clocks[i], &time));
    }
}

static void limit(void)
{
    struct rlimit limit;
    long used = used_ns() / (1000 * MS);
    catch(SIGXCPU);
    limit = (struct rlimit) { used + 1, used + 4 };
    ASK(setrlimit(RLIMIT_CPU, &limit));
    for (int i = 1; i <= 2; i++) {
        spin_until(SIGXCPU, i, 5000 * MS);
        getrlimit(RLIMIT_CPU, &limit);
        printf("%d signals %s, code %d, limits %ld %ld\n", caught[SIGXCPU], roughly(used_ns(), (used + i) * 1000 * MS), code_caught,
            (long)limit.rlim_cur - used, (long)limit.rlim_max - used);
    }

    /* No limit, no signal. */
    limit.rlim_cur = limit.rlim_max;
    ASK(setrlimit(RLIMIT_CPU, &limit));
    caught[SIGXCPU] = 0;
    spin_until(SIGXCPU, 1, 1000 * MS);
    printf("%d signals\n", caught[SIGXCPU]);
    fflush(stdout);

    /* The hard limit is the end. */
    for (;;) { }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    interval_timers();
    try_timer("process", CLOCK_PROCESS_CPUTIME_ID);
    try_timer("thread", CLOCK_THREAD_CPUTIME_ID);
    try_timer("process by number", ~(unsigned)getpid() << 3 | 2);
    try_timer("process by number, in the program", ~(unsigned)getpid() << 3 | 1);
    try_timer("this thread", ~0u << 3 | 6);
    other_threads();
    interrupted_sleep();
    resolutions();
    limit();
}
