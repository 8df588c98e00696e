/* signalfd and timerfd; splice, tee and vmsplice; the seals of memory files. */
#include "answers.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SET_TICKS _IOW('T', 0, uint64_t)

static char buffer[70000];

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static void tell_file(int fd, const char *from)
{
    char path[64], text[1024];
    sprintf(path, "/proc/self/fdinfo/%d", fd);
    int file = open(path, O_RDONLY);
    ssize_t length = read(file, text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    close(file);
    char *start = strstr(text, from);
    printf("%s", start ? start : "not there\n");
}

static void tell_signals(int fd)
{
    struct signalfd_siginfo infos[4];
    ssize_t length = read(fd, infos, sizeof infos);
    if (length < 0) { printf("no signal: %s\n", strerrorname_np(errno)); return; }
    for (ssize_t i = 0; i < length / (ssize_t)sizeof *infos; i++) {
        struct signalfd_siginfo *info = &infos[i];
        printf("signal %u errno %d code %d pid %d uid %u int %d status %d overrun %d fd %d band %x ptr %llx addr %llx\n", info->ssi_signo,
            info->ssi_errno, info->ssi_code, info->ssi_pid != 0, info->ssi_uid, info->ssi_int, info->ssi_status, info->ssi_overrun,
            info->ssi_fd, info->ssi_band, (unsigned long long)info->ssi_ptr, (unsigned long long)info->ssi_addr);
    }
}

static void signals(void)
{
    puts("-- signals");
    sigset_t set;
    sigemptyset(&set);
    int wanted[] = { SIGUSR1, SIGUSR2, SIGCHLD, SIGALRM, SIGRTMIN, SIGPIPE, SIGIO };
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) sigaddset(&set, wanted[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd;
    ASK((fd = signalfd(-1, &set, SFD_NONBLOCK)) >= 0);
    ASK(fcntl(fd, F_GETFL));
    tell_signals(fd);
    ASK(read(fd, buffer, 127));
    ASK(write(fd, buffer, 8));
    ASK(lseek(fd, 5, SEEK_SET));
    ASK(pread(fd, buffer, 128, 0));
    struct pollfd poll_for = { fd, -1 };
    ASK(poll(&poll_for, 1, 0));
    raise(SIGUSR1);
    ASK(poll(&poll_for, 1, 0));
    printf("events %x\n", poll_for.revents);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR2);
    union sigval value = { .sival_int = 1234 };
    sigqueue(getpid(), SIGRTMIN, value);
    value.sival_int = 1235;
    sigqueue(getpid(), SIGRTMIN, value);
    tell_signals(fd);
    tell_signals(fd);
    fflush(stdout);
    if (fork() == 0) {
        /* The file is the parent's, the signals are one's own. */
        tell_signals(fd);
        raise(SIGUSR2);
        tell_signals(fd);
        fflush(stdout);
        _exit(7);
    }
    pause_for(200);
    tell_signals(fd);
    wait(NULL);
    raise(SIGUSR1);
    ASK(read(fd, (void *)1, 128));
    tell_signals(fd);
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = 77 };
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    struct itimerspec once = { .it_value = { 0, 1000000 } };
    timer_settime(timer, 0, &once, NULL);
    pause_for(20);
    tell_signals(fd);
    int pipes[2];
    pipe(pipes);
    close(pipes[0]);
    ASK(write(pipes[1], "x", 1));
    tell_signals(fd);
    close(pipes[1]);

    ASK(syscall(SYS_signalfd4, -1, &set, 4, 0));
    ASK(syscall(SYS_signalfd4, -1, NULL, 8, 0));
    ASK(syscall(SYS_signalfd4, -1, &set, 8, 1));
    ASK(syscall(SYS_signalfd4, 99, &set, 8, 0));
    ASK(syscall(SYS_signalfd4, 0, &set, 8, 0));
    tell_file(fd, "sigmask");
    sigfillset(&set);
    ASK(signalfd(fd, &set, 0) == fd);
    tell_file(fd, "sigmask");

    /* epoll and a reader that waits. */
    fcntl(fd, F_SETFL, 0);
    int poll = epoll_create1(0);
    struct epoll_event wait_for = { EPOLLIN, { .u32 = 5 } }, found;
    ASK(epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wait_for));
    ASK(epoll_wait(poll, &found, 1, 0));
    pid_t parent = getpid();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        pause_for(100);
        kill(parent, SIGUSR1);
        pause_for(100);
        kill(parent, SIGUSR2);
        _exit(0);
    }
    ASK(epoll_wait(poll, &found, 1, 2000));
    ASK(read(fd, buffer, 128));
    ASK(read(fd, buffer, 128));
    printf("signal %u\n", ((struct signalfd_siginfo *)buffer)->ssi_signo);
    waitpid(child, NULL, 0);
    tell_signals(fd);
    close(poll);
    close(fd);
}

static void timers(void)
{
    puts("-- timers");
    int fd;
    uint64_t count = 0;
    ASK((fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK)) >= 0);
    ASK(fcntl(fd, F_GETFL));
    ASK(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
    ASK(timerfd_create(CLOCK_TAI, 0));
    ASK(timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC) >= 0);
    ASK(timerfd_create(CLOCK_MONOTONIC, 4));
    struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } }, old;
    ASK(timerfd_settime(fd, 0, &often, &old));
    struct pollfd poll_for = { fd, -1 };
    ASK(poll(&poll_for, 1, 1000));
    printf("events %x\n", poll_for.revents);
    pause_for(20);
    ASK(timerfd_gettime(fd, &old));
    printf("left %d interval %ld\n", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 1000000, old.it_interval.tv_nsec);
    ASK(read(fd, &count, 8));
    printf("many %d\n", count >= 10);
    ASK(read(fd, &count, 4));
    ASK(write(fd, &count, 8));
    ASK(lseek(fd, 0, SEEK_CUR));
    ASK(pread(fd, &count, 8, 0));
    struct itimerspec never = { 0 };
    ASK(timerfd_settime(fd, 0, &never, NULL));
    ASK(read(fd, &count, 8));
    count = 5;
    ASK(ioctl(fd, SET_TICKS, &count));
    tell_file(fd, "clockid");
    ASK(read(fd, &count, 8));
    printf("count %lu\n", (unsigned long)count);
    count = 0;
    ASK(ioctl(fd, SET_TICKS, &count));
    ASK(ioctl(fd, FIONREAD, &count));
    ASK(timerfd_settime(fd, 4, &often, NULL));
    ASK(timerfd_settime(0, 0, &often, NULL));
    ASK(timerfd_settime(fd, 0, NULL, NULL));
    ASK(timerfd_gettime(fd, NULL));
    ASK(timerfd_gettime(0, &old));
    ASK(timerfd_gettime(77, &old));
    often.it_value.tv_nsec = -1;
    ASK(timerfd_settime(fd, 0, &often, NULL));
    often.it_value.tv_nsec = 1;
    ASK(timerfd_settime(fd, 0, &often, (void *)1));

    struct itimerspec past = { .it_value = { 5, 0 } };
    ASK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL));
    pause_for(5);
    ASK(read(fd, &count, 8));
    printf("count %lu\n", (unsigned long)count);
    tell_file(fd, "clockid");

    /* The time of day is set, to what it is nearly. */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct itimerspec later = { .it_value = { now.tv_sec + 1000, 0 } };
    ASK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &later, NULL));
    clock_gettime(CLOCK_REALTIME, &now);
    ASK(clock_settime(CLOCK_REALTIME, &now));
    ASK(poll(&poll_for, 1, 0));
    ASK(read(fd, &count, 8));
    ASK(read(fd, &count, 8));
    clock_gettime(CLOCK_REALTIME, &now);
    clock_settime(CLOCK_REALTIME, &now);
    ASK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &later, NULL));
    ASK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &later, NULL));
    close(fd);

    fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec once = { .it_value = { 0, 50000000 } };
    ASK(timerfd_settime(fd, 0, &once, NULL));
    fflush(stdout);
    if (fork() == 0) {
        ASK(read(fd, &count, 8));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    close(fd);
    fflush(stdout);
    if (fork() == 0) {
        setgid(4321);
        setuid(4321);
        ASK(timerfd_create(CLOCK_REALTIME_ALARM, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    fd = eventfd(3, 0);
    ASK(lseek(fd, 5, SEEK_SET));
    close(fd);
}

static void pipes(void)
{
    puts("-- pipes");
    char path[] = "/tmp/spliceXXXXXX", other_path[] = "/tmp/splicedXXXXXX";
    int file = mkstemp(path), other = mkstemp(other_path), in[2], out[2];
    unlink(path);
    unlink(other_path);
    pipe(in);
    pipe(out);
    ASK(write(file, "hello, splicing world", 21));
    loff_t offset = 7, to = 3;
    ASK(splice(file, &offset, in[1], NULL, 100, 0));
    printf("offset %ld\n", (long)offset);
    ASK(splice(in[0], NULL, other, &to, 8, 0));
    printf("offset %ld\n", (long)to);
    ASK(splice(in[0], NULL, other, NULL, 100, 0));
    memset(buffer, 0, 64);
    ASK(pread(other, buffer, 64, 0));
    for (int i = 0; i < 11; i++) printf("%c", buffer[i] ? buffer[i] : '.');
    puts("");
    ASK(splice(in[0], NULL, other, NULL, 1, SPLICE_F_NONBLOCK));
    ASK(splice(file, NULL, in[1], NULL, 100, 0));
    lseek(file, 0, SEEK_SET);
    ASK(splice(file, NULL, in[1], NULL, 5, SPLICE_F_MOVE | SPLICE_F_MORE));
    ASK(lseek(file, 0, SEEK_CUR));
    ASK(tee(in[0], out[1], 3, 0));
    ASK(tee(in[0], out[1], 100, 0));
    ASK(read(out[0], buffer, 100));
    printf("%.8s\n", buffer);
    ASK(splice(in[0], NULL, out[1], NULL, 2, 0));
    ASK(read(in[0], buffer, 100));
    ASK(read(out[0], buffer, 100));
    ASK(tee(in[0], out[1], 1, SPLICE_F_NONBLOCK));
    ASK(tee(in[0], in[1], 1, 0));
    ASK(tee(file, in[1], 1, 0));
    ASK(tee(in[1], in[0], 1, 0));
    ASK(tee(in[0], out[1], 0, 0));
    ASK(tee(in[0], out[1], 1, 16));
    ASK(splice(in[0], NULL, in[1], NULL, 1, 0));
    ASK(splice(file, NULL, other, NULL, 1, 0));
    ASK(splice(file, NULL, in[1], &to, 1, 0));
    ASK(splice(in[0], &offset, other, NULL, 1, 0));
    offset = -1;
    ASK(splice(file, &offset, in[1], NULL, 1, 0));
    ASK(splice(file, (void *)1, in[1], NULL, 1, 0));
    ASK(splice(99, NULL, in[1], NULL, 1, 0));
    ASK(splice(file, NULL, 99, NULL, 1, 0));
    ASK(splice(file, NULL, in[1], NULL, 1, 16));
    ASK(splice(file, NULL, in[1], NULL, 0, 16));
    ASK(splice(file, NULL, in[0], NULL, 1, 0));
    fcntl(other, F_SETFL, O_APPEND);
    write(in[1], "x", 1);
    ASK(splice(in[0], NULL, other, NULL, 1, 0));
    fcntl(other, F_SETFL, 0);
    ASK(splice(in[0], NULL, other, NULL, 1, 0));
    int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY), event = eventfd(1, 0);
    ASK(splice(zero, NULL, in[1], NULL, 10, 0));
    ASK(splice(in[0], NULL, null, NULL, 100, 0));
    ASK(splice(event, NULL, in[1], NULL, 8, 0));
    write(in[1], "12345678", 8);
    ASK(splice(in[0], NULL, event, NULL, 8, 0));
    read(in[0], buffer, 8);
    struct iovec vectors[2] = { { "gath", 4 }, { "ered", 4 } }, room[2] = { { buffer, 3 }, { buffer + 3, 100 } };
    ASK(vmsplice(in[1], vectors, 2, 0));
    ASK(vmsplice(in[0], room, 2, 0));
    printf("%.8s\n", buffer);
    ASK(vmsplice(in[0], room, 2, SPLICE_F_NONBLOCK));
    ASK(vmsplice(file, vectors, 2, 0));
    ASK(vmsplice(in[1], vectors, 1025, 0));
    ASK(vmsplice(in[1], (void *)1, 1, 0));
    ASK(vmsplice(in[1], vectors, 0, 0));
    ASK(vmsplice(in[1], vectors, 2, 16));

    /* Waits for bytes, for room, and for the end. */
    fflush(stdout);
    if (fork() == 0) {
        close(in[0]);
        pause_for(100);
        write(in[1], "late", 4);
        _exit(0);
    }
    ASK(splice(in[0], NULL, other, NULL, 100, 0));
    wait(NULL);
    close(in[1]);
    ASK(splice(in[0], NULL, other, NULL, 100, 0));
    ASK(tee(in[0], out[1], 100, 0));
    close(in[0]);
    signal(SIGPIPE, SIG_IGN);
    pipe(in);
    close(in[0]);
    lseek(file, 0, SEEK_SET);
    ASK(splice(file, NULL, in[1], NULL, 4, 0));
    close(in[1]);
    close(file);
    close(other);
}

static void seals(void)
{
    puts("-- seals");
    struct stat status;
    int file = syscall(SYS_memfd_create, "plain", 0);
    ASK(fcntl(file, F_GET_SEALS));
    ASK(fcntl(file, F_ADD_SEALS, 2));
    close(file);
    file = syscall(SYS_memfd_create, "noexec", 8);
    fstat(file, &status);
    printf("mode %o\n", status.st_mode);
    ASK(fcntl(file, F_GET_SEALS));
    ASK(fchmod(file, 0777));
    ASK(fchmod(file, 0600));
    ASK(fcntl(file, F_ADD_SEALS, 1));
    ASK(fcntl(file, F_ADD_SEALS, 2));
    close(file);
    file = syscall(SYS_memfd_create, "exec", 0x10 | 2);
    fstat(file, &status);
    printf("mode %o\n", status.st_mode);
    ASK(fcntl(file, F_ADD_SEALS, 0x40));
    ASK(fcntl(file, F_ADD_SEALS, 0x20));
    ASK(fcntl(file, F_GET_SEALS));
    ASK(fchmod(file, 0666));
    ASK(write(file, "x", 1));
    ASK(ftruncate(file, 10));
    close(file);
    ASK(syscall(SYS_memfd_create, "both", 0x18));
    ASK(syscall(SYS_memfd_create, "unknown", 0x20));
    file = syscall(SYS_memfd_create, "future", 2);
    ASK(ftruncate(file, 8192));
    char *before = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASK(fcntl(file, F_ADD_SEALS, 8));
    ASK(fcntl(file, F_ADD_SEALS, 0x10));
    before[0] = 'm';
    ASK(write(file, "x", 1));
    ASK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED);
    char *reading = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    printf("%c\n", reading[0]);
    ASK(mprotect(reading, 4096, PROT_READ | PROT_WRITE));
    char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    private[0] = 'p';
    printf("%c%c\n", reading[0], private[0]);
    close(file);
}

int main(void)
{
    signals();
    timers();
    pipes();
    seals();
    return 0;
}
