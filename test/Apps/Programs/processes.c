/* fork, vfork, clone and what belongs to them: who shares what, how a child's end is told, orphans, groups, execve. */
#include "answers.h"
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int common = 1;
static volatile sig_atomic_t signals_seen, last_code, last_status, last_pid;
static char stack[65536] __attribute__((aligned(64)));

static void on_signal(int number, siginfo_t *info, void *context)
{
    signals_seen++;
    last_code = info->si_code;
    last_status = info->si_status;
    last_pid = info->si_pid;
}

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
    sigaction(number, &action, NULL);
}

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static void tell(const char *what, int status)
{
    if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) printf("%s: signal %d\n", what, WTERMSIG(status));
    else if (WIFSTOPPED(status)) printf("%s: stopped by %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status)) printf("%s: continued\n", what);
    else printf("%s: status %x\n", what, status);
}

static pid_t start(int (*body)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = body();
        fflush(stdout);
        _exit(code);
    }
    return child;
}

static void run(const char *what, int (*body)(void))
{
    int status = 0;
    pid_t child = start(body);
    printf("%s: %s\n", what, waitpid(child, &status, 0) == child ? "waited" : "not waited");
    tell(what, status);
}

static int change_common(void) { common = 2; printf("in the child %d\n", common); return 3; }
static int abort_self(void) { abort(); }
static int kill_self(void) { raise(SIGKILL); return 0; }
static int big_code(void) { return 0x1234; }
static int sleep_for_ever(void) { for (;;) pause(); }
static int nothing(void) { return 0; }

static void memory(void)
{
    puts("-- memory");
    run("copy", change_common);
    printf("common is %d\n", common);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *private = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *wiped = private + 1024, *absent = private + 2048;
    *shared = *private = *wiped = *absent = 1;
    ASK(madvise(wiped, 4096, MADV_WIPEONFORK));
    ASK(madvise(absent, 4096, MADV_DONTFORK));
    pid_t child = fork();
    if (child == 0) {
        unsigned char there;
        int is_absent = mincore(absent, 4096, &there) == -1 && errno == ENOMEM;
        *shared = 10 + *wiped + is_absent;
        *private = 20;
        _exit(*private);
    }
    int status;
    ASK_IF(wait(&status));
    tell("mappings", status);
    printf("shared %d private %d wiped %d absent %d\n", *shared, *private, *wiped, *absent);

    /* Many generations write the same pages. */
    size_t size = 64 * 4096;
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 'a', size);
    for (int generation = 0; generation < 6; generation++) {
        fflush(stdout);
        child = fork();
        if (child != 0) {
            ASK_IF(waitpid(child, &status, 0));
            tell("generation", status);
            printf("%d: %c%c\n", generation, pages[0], pages[size - 1]);
            fflush(stdout);
            if (generation != 0) _exit(generation);
            break;
        }
        for (size_t i = 0; i < size; i += 4096) pages[i] = 'b' + generation;
        pages[size - 1] = 'B' + generation;
        if (generation == 5) _exit(9);
    }
}

static int vfork_child(void *argument) { common = 77; return *(int *)argument; }
static int close_and_move(void *argument) { close(*(int *)argument); chdir("/tmp"); umask(0117); return 0; }

static int leave_numbers_open(void *argument)
{
    return syscall(SYS_close_range, *(int *)argument, ~0U, 2 /* CLOSE_RANGE_UNSHARE */);
}

/* Somebody else's process. */
static int change_another(void)
{
    pid_t other = getppid();
    struct rlimit limit;
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    ASK(syscall(SYS_prlimit64, other, RLIMIT_NOFILE, NULL, &limit));
    ASK(setpriority(PRIO_PROCESS, other, 5));
    ASK(sched_setscheduler(other, SCHED_BATCH, &(struct sched_param){ 0 }));
    ASK(sched_setaffinity(other, sizeof(cpu_set_t), &(cpu_set_t){ { 1 } }));
    ASK(kill(other, 0));
    return 0;
}

static void pipes(void)
{
    /* A pipe that is opened again waits for nobody, as a fifo would. */
    int ends[2];
    char name[32], bytes[8];
    pipe(ends);
    write(ends[1], "abc", 3);
    close(ends[1]);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    int again = open(name, O_RDONLY);
    ASK(read(again, bytes, sizeof bytes));
    ASK(read(again, bytes, sizeof bytes));
    close(again);
    close(ends[0]);
    pipe(ends);
    close(ends[0]);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[1]);
    again = open(name, O_WRONLY | O_NONBLOCK);
    signal(SIGPIPE, SIG_IGN);
    ASK(write(again, bytes, 1));
    close(again);
    close(ends[1]);
}

static void sharing(void)
{
    puts("-- sharing");
    int status;
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        common = 5;
        _exit(6);
    }
    printf("after vfork %d\n", common);
    ASK_IF(waitpid(child, &status, 0));
    tell("vfork", status);
    int code = 12;
    child = clone(vfork_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &code);
    printf("after clone(CLONE_VM | CLONE_VFORK) %d\n", common);
    ASK_IF(waitpid(child, &status, 0));
    tell("clone", status);

    mkdir("/tmp", 01777);
    chdir("/");
    umask(022);
    char where[64];
    int file = open("/", O_RDONLY);
    child = clone(close_and_move, stack + sizeof stack, SIGCHLD, &file);
    ASK_IF(waitpid(child, &status, 0));
    printf("copied: %s %s %o\n", fcntl(file, F_GETFD) == -1 ? "closed" : "open", getcwd(where, sizeof where), umask(022));
    child = clone(close_and_move, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, &file);
    ASK_IF(waitpid(child, &status, 0));
    printf("shared: %s %s %o\n", fcntl(file, F_GETFD) == -1 ? "closed" : "open", getcwd(where, sizeof where), umask(022));

    file = open("/", O_RDONLY);
    child = clone(leave_numbers_open, stack + sizeof stack, CLONE_FILES | SIGCHLD, &file);
    ASK_IF(waitpid(child, &status, 0));
    tell("close_range", status);
    ASK(fcntl(file, F_GETFD));
    close(file);
    handle(SIGRTMAX, 0);
    for (int number = 64; number < 256; number += 63) {
        fflush(stdout);
        child = syscall(SYS_clone, number, 0, 0, 0, 0);
        if (child == 0) _exit(3);
        ASK_IF(waitpid(child, &status, __WALL));
        tell("no such signal", status);
    }
    run("another", change_another);
    pipes();
    ASK(clone(vfork_child, stack + sizeof stack, CLONE_SIGHAND | SIGCHLD, &code));
    ASK(clone(vfork_child, stack + sizeof stack, CLONE_THREAD | CLONE_VM, &code));
    ASK(clone(vfork_child, stack + sizeof stack, CLONE_FS | CLONE_NEWNS | SIGCHLD, &code));
    ASK(unshare(CLONE_FILES | CLONE_FS));
    ASK(unshare(0x10));
    ASK(unshare(CLONE_VM));
    ASK(unshare(CLONE_THREAD | CLONE_SIGHAND));

    /* The offset belongs to the open file, and descriptors to who has them. */
    file = open("/tmp/answers-shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/answers-shared");
    fflush(stdout);
    if ((child = fork()) == 0) {
        write(file, "child", 5);
        close(file);
        _exit(0);
    }
    waitpid(child, &status, 0);
    ASK(lseek(file, 0, SEEK_CUR));
    ASK(close(file));
}

static void ends(void)
{
    puts("-- ends");
    run("abort", abort_self);
    run("kill", kill_self);
    run("code", big_code);
    int status;
    ASK(waitpid(-1, &status, 0));
    ASK(waitpid(-1, &status, WNOHANG));
    ASK(waitpid(1 << 30, &status, 0));
    ASK(syscall(SYS_wait4, -1, &status, 0x10, NULL));
    ASK(waitid(P_ALL, 0, NULL, 0));
    ASK(waitid(P_ALL, 0, NULL, WEXITED));
    ASK(waitid(77, 0, NULL, WEXITED));
    ASK(waitid(P_PID, 0, NULL, WEXITED));

    pid_t child = start(sleep_for_ever);
    ASK(waitpid(child, &status, WNOHANG));
    siginfo_t info;
    memset(&info, 0x55, sizeof info);
    ASK(waitid(P_PID, child, &info, WEXITED | WNOHANG));
    printf("nothing: signo %d pid %d\n", info.si_signo, info.si_pid);
    ASK(kill(child, SIGSTOP));
    ASK_IF(waitpid(child, &status, WUNTRACED));
    tell("stop", status);
    ASK(waitpid(child, &status, WUNTRACED | WNOHANG));
    ASK(kill(child, SIGCONT));
    ASK(waitid(P_PID, child, &info, WCONTINUED | WNOWAIT));
    printf("continued: code %d status %d\n", info.si_code, info.si_status);
    ASK_IF(waitpid(child, &status, WCONTINUED));
    tell("continue", status);
    ASK(kill(child, SIGSTOP));
    ASK(kill(child, SIGTERM));
    ASK(kill(child, SIGCONT));
    ASK(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    printf("end: signo %d code %d status %d\n", info.si_signo, info.si_code, info.si_status);
    ASK(kill(child, 0));
    ASK_IF(waitpid(child, &status, 0));
    tell("end", status);
    ASK(kill(child, 0));

    handle(SIGCHLD, 0);
    signals_seen = 0;
    child = start(sleep_for_ever);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    printf("stopped: seen %d code %d status %d child %d\n", signals_seen, last_code, last_status, last_pid == child);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    while (signals_seen < 2) pause_for(1);
    printf("continued: code %d status %d\n", last_code, last_status);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    printf("killed: code %d status %d\n", last_code, last_status);
    handle(SIGCHLD, SA_NOCLDSTOP);
    signals_seen = 0;
    child = start(sleep_for_ever);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    printf("SA_NOCLDSTOP: seen %d\n", signals_seen);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    printf("SA_NOCLDSTOP: seen %d\n", signals_seen);
    handle(SIGCHLD, SA_NOCLDWAIT);
    start(nothing);
    ASK(wait(&status) == -1 ? -1 : 1);
    signal(SIGCHLD, SIG_IGN);
    start(nothing);
    ASK(wait(&status) == -1 ? -1 : 1);
    signal(SIGCHLD, SIG_DFL);

    int code = 0;
    child = clone(vfork_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK, &code);
    ASK(waitpid(child, &status, 0));
    ASK(waitpid(child, &status, __WCLONE) == child);
    handle(SIGUSR1, 0);
    signals_seen = 0;
    child = clone(vfork_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGUSR1, &code);
    while (signals_seen == 0) pause_for(1);
    printf("SIGUSR1: seen %d code %d\n", signals_seen, last_code);
    ASK(waitpid(child, &status, __WALL) == child);
}

static int two_levels(void)
{
    int ends[2];
    pipe(ends);
    pid_t before = getpid();
    if (fork() == 0) {
        char byte;
        close(ends[1]);
        read(ends[0], &byte, 1);
        while (getppid() == before) pause_for(1);
        _exit(getppid() == 1 ? 21 : 22);
    }
    return 4;
}

static int reap_as_subreaper(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t child = start(two_levels);
    int status, orphan_status;
    waitpid(child, &status, 0);
    pid_t orphan = wait(&orphan_status);
    printf("subreaper: %d, orphan %d %d\n", WEXITSTATUS(status), orphan > 0, WEXITSTATUS(orphan_status));
    return 0;
}

static int die_with_parent(void)
{
    int ends[2];
    pipe(ends);
    signals_seen = 0;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGUSR2);
        handle(SIGUSR2, 0);
        write(ends[1], "", 1);
        while (signals_seen == 0) pause_for(1);
        printf("the parent's death was told by %d\n", last_code);
        fflush(stdout);
        _exit(0);
    }
    char byte;
    read(ends[0], &byte, 1);
    return 0;
}

static void families(void)
{
    puts("-- families");
    run("subreaper", reap_as_subreaper);
    run("parent's death", die_with_parent);
    pause_for(50);
}

static int group_leader(void) { setpgid(0, 0); for (;;) pause(); }
static int group_rules(void)
{
    ASK(setsid() == getpid());
    ASK(setsid());
    ASK(getsid(0) == getpid());
    ASK(setpgid(0, 0));
    pid_t child = start(sleep_for_ever);
    ASK(setpgid(child, child));
    ASK(getpgid(child) == child);
    ASK(setpgid(child, 1 << 20));
    ASK(setpgid(1 << 20, 0));
    pid_t other = start(sleep_for_ever);
    ASK(setpgid(other, child));
    ASK(kill(-child, SIGTERM));
    int status;
    ASK(waitpid(-child, &status, 0) > 0);
    tell("member", status);
    ASK(waitpid(-child, &status, 0) > 0);
    tell("member", status);
    ASK(kill(-child, 0));
    ASK(waitpid(0, &status, 0));
    return 0;
}

/* The end of the process that connects a stopped group with its session wakes the group (POSIX.1, _exit). */
static int leave_stopped_group(void)
{
    pid_t child = start(sleep_for_ever);
    setpgid(child, child);
    kill(child, SIGSTOP);
    int status;
    waitpid(child, &status, WUNTRACED);
    tell("in the group", status);
    return 0;
}

static int orphan_rules(void)
{
    setsid();
    int ends[2], status;
    pipe(ends);
    pid_t child = start(leave_stopped_group);
    close(ends[1]);
    waitpid(child, &status, 0);
    char byte;
    ASK(read(ends[0], &byte, 1));
    return 0;
}

static void groups(void)
{
    run("orphans", orphan_rules);
    puts("-- groups");
    run("groups", group_rules);
}

static void pidfds(void)
{
    puts("-- pidfds");
    int status;
    siginfo_t info;
    pid_t child = start(sleep_for_ever);
    int pidfd = syscall(SYS_pidfd_open, child, 0);
    struct pollfd entry = { pidfd, POLLIN };
    ASK(poll(&entry, 1, 0));
    ASK(fcntl(pidfd, F_GETFD));
    ASK(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
    ASK(syscall(SYS_pidfd_send_signal, pidfd, 99, NULL, 0));
    ASK(syscall(SYS_pidfd_send_signal, 0, SIGTERM, NULL, 0));
    ASK(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
    ASK(poll(&entry, 1, 5000));
    printf("events %x\n", entry.revents);
    ASK(waitid(3 /* P_PIDFD */, pidfd, &info, WEXITED));
    printf("code %d status %d\n", info.si_code, info.si_status);
    ASK(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
    ASK(waitid(3, pidfd, &info, WEXITED));
    ASK(waitid(3, 0, &info, WEXITED));
    char byte;
    ASK(read(pidfd, &byte, 1));
    close(pidfd);
    ASK(syscall(SYS_pidfd_open, 1 << 21, 0));
    ASK(syscall(SYS_pidfd_open, 0, 0));
    ASK(syscall(SYS_pidfd_open, getpid(), 1));

    struct clone_args arguments = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (unsigned long)&pidfd };
    fflush(stdout);
    child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(31);
    ASK(waitid(3, pidfd, &info, WEXITED));
    printf("clone3: pid %d status %d\n", info.si_pid == child, info.si_status);
    ASK(waitpid(child, &status, 0));
    close(pidfd);
    arguments = (struct clone_args){ .exit_signal = 100 };
    ASK(syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments = (struct clone_args){ .flags = 1UL << 40, .exit_signal = SIGCHLD };
    ASK(syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments = (struct clone_args){ .flags = SIGCHLD };
    ASK(syscall(SYS_clone3, &arguments, sizeof arguments));
    arguments = (struct clone_args){ .exit_signal = SIGCHLD, .stack = 4096 };
    ASK(syscall(SYS_clone3, &arguments, sizeof arguments));
    ASK(syscall(SYS_clone3, &arguments, 8));
    ASK(syscall(SYS_clone3, 8L, sizeof arguments));
}

static void programs(char *self)
{
    puts("-- programs");
    int status;
    handle(SIGUSR1, 0);
    signal(SIGUSR2, SIG_IGN);
    int kept = dup(1), closed = fcntl(1, F_DUPFD_CLOEXEC, 100);
    char number[16];
    snprintf(number, sizeof number, "%d", kept);
    fflush(stdout);
    pid_t child = vfork();
    if (child == 0) {
        execl("/proc/self/exe", self, "executed", number, (char *)NULL);
        _exit(99);
    }
    ASK_IF(waitpid(child, &status, 0));
    tell("executed", status);
    child = vfork();
    if (child == 0) {
        execl("/nonexistent", "x", (char *)NULL);
        _exit(errno);
    }
    waitpid(child, &status, 0);
    tell("missing", status);
    close(kept);
    close(closed);
}

static int executed(char *number)
{
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    printf("SIGUSR1 %s", action.sa_handler == SIG_DFL ? "default" : "handled");
    sigaction(SIGUSR2, NULL, &action);
    printf(", SIGUSR2 %s, kept %d, closed %d\n", action.sa_handler == SIG_IGN ? "ignored" : "default", fcntl(atoi(number), F_GETFD),
        fcntl(100, F_GETFD));
    return 44;
}

static void limits(void)
{
    puts("-- many");
    int status, count = 0;

    /* Orphans come to whoever is the first process. */
    while (waitpid(-1, &status, WNOHANG) > 0) { }
    for (int i = 0; i < 200; i++) {
        if (fork() == 0) _exit(i & 1);
    }
    int sum = 0;
    while (wait(&status) > 0) {
        count++;
        sum += WEXITSTATUS(status);
    }
    printf("%d children, %d of them odd\n", count, sum);
    struct rusage usage;
    ASK(getrusage(RUSAGE_CHILDREN, &usage));
}

int main(int count, char **arguments)
{
    if (count == 3) return executed(arguments[2]);
    memory();
    sharing();
    ends();
    families();
    groups();
    pidfds();
    programs(arguments[0]);
    limits();
    return 0;
}
