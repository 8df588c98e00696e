// Signals as programs use them: timers that interrupt, state that handlers must not disturb, faults that are handled, exec out of a thread.
#include <cerrno>
#include <cmath>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/time.h>
#include <thread>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t hits;
static siginfo_t last;
static sigjmp_buf escape;
static char alternate[65536];

static void set(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(signal, &action, nullptr);
}

static void note(int, siginfo_t *info, void *)
{
    last = *info;
    hits = hits + 1;
}

// A handler is free to use every vector register.
static void clobber(int, siginfo_t *, void *)
{
    if (__builtin_cpu_supports("avx"))
        asm volatile(".byte 0xc5, 0xfc, 0x77" ::: "memory"); // vzeroall
    else
        asm volatile("xorps %%xmm0, %%xmm0\n xorps %%xmm7, %%xmm7" ::: "xmm0", "xmm7");
    hits = hits + 1;
}

static void leave(int, siginfo_t *info, void *)
{
    last = *info;
    siglongjmp(escape, 1);
}

static void nest(int signal, siginfo_t *, void *)
{
    hits = hits + 1;
    if (hits < 5)
        raise(signal);
}

static void fail(int, siginfo_t *, void *)
{
    throw std::runtime_error("thrown by a handler");
}

static double sum()
{
    double total = 0;
    for (int i = 1; i < 2000000; i++)
        total += std::sin(i) / i;
    return total;
}

static int recurse(int depth)
{
    volatile char frame[1000];
    frame[0] = (char)depth;
    return depth == -1 ? 0 : recurse(depth + 1) + frame[0];
}

int main(int count, char **arguments)
{
    if (count > 1)
    {
        printf("executed again with %s, thread is process: %d\n", arguments[1], getpid() == (int)gettid());
        return 300;
    }

    // An interrupted sleep says what is left.
    set(SIGALRM, note, SA_RESTART);
    itimerval soon = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    timespec sleep = {5, 0}, rest = {};
    int result = nanosleep(&sleep, &rest);
    printf("nanosleep: %d %s, %ld s left\n", result, strerror(errno), (long)rest.tv_sec);

    // A storm of signals does not change what the program computes.
    double calm = sum();
    set(SIGALRM, clobber, SA_RESTART);
    itimerval storm = {{0, 500}, {0, 500}};
    hits = 0;
    setitimer(ITIMER_REAL, &storm, nullptr);
    double disturbed;
    do
        disturbed = sum();
    while (hits < 20);
    storm = {};
    setitimer(ITIMER_REAL, &storm, nullptr);
    printf("same sum: %d\n", calm == disturbed);

    // Who sent it, and nesting with SA_NODEFER.
    set(SIGUSR1, note, 0);
    raise(SIGUSR1);
    printf("from this process: %d, code %d\n", last.si_pid == getpid(), last.si_code);
    set(SIGUSR1, nest, SA_NODEFER);
    hits = 0;
    raise(SIGUSR1);
    printf("nested %d deep\n", (int)hits);

    // Blocked, and taken without a handler.
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN, sigval{.sival_int = i + 10});
    siginfo_t taken;
    for (int i = 0; i < 3; i++)
    {
        sigwaitinfo(&blocked, &taken);
        printf("took %d with %d\n", taken.si_signo - SIGRTMIN, taken.si_value.sival_int);
    }
    timespec moment = {0, 1000000};
    result = sigtimedwait(&blocked, &taken, &moment);
    printf("nothing more: %d %s\n", result, strerror(errno));

    // A POSIX timer.
    set(SIGUSR2, note, 0);
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR2;
    event.sigev_value.sival_int = 77;
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    itimerspec once = {{0, 0}, {0, 10000000}};
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigset_t before;
    sigprocmask(SIG_BLOCK, &blocked, &before);
    timer_settime(timer, 0, &once, nullptr);
    sigsuspend(&before);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    printf("timer: code %d, value %d\n", last.si_code, last.si_value.sival_int);

    // Faults that the program handles.
    set(SIGSEGV, leave, 0);
    set(SIGFPE, leave, 0);
    set(SIGILL, leave, 0);
    if (!sigsetjmp(escape, 1))
        *(volatile int *)0x123 = 1;
    printf("nothing mapped: code %d at %p\n", last.si_code, last.si_addr);
    if (!sigsetjmp(escape, 1))
        *(volatile char *)&recurse = 0;
    printf("not writable: code %d\n", last.si_code);
    volatile int zero = 0;
    if (!sigsetjmp(escape, 1))
        zero = 12345 / zero;
    printf("divided: signal %d, code %d\n", last.si_signo, last.si_code);
    if (!sigsetjmp(escape, 1))
        asm volatile("ud2");
    printf("illegal: signal %d, code %d\n", last.si_signo, last.si_code);

    // An exception out of a handler is unwound through the signal's frame.
    set(SIGSEGV, fail, SA_NODEFER);
    try
    {
        *(volatile int *)8 = 1;
    }
    catch (const std::exception &exception)
    {
        printf("caught: %s\n", exception.what());
    }

    // A stack that has run out is reported on another one.
    stack_t stack = {alternate, 0, sizeof alternate};
    sigaltstack(&stack, nullptr);
    set(SIGSEGV, leave, SA_ONSTACK);
    if (!sigsetjmp(escape, 1))
        recurse(0);
    printf("the stack is full\n");

    for (int i = 0; i < 200; i++)
        std::thread([] {}).join();
    fflush(stdout);
    std::thread([arguments] {
        char word[] = "argument";
        char *again[] = {arguments[0], word, nullptr};
        execv("/proc/self/exe", again);
        perror("execv");
    }).join();
    return 1;
}
