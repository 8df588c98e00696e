/* Signals of files that become ready: O_ASYNC, F_SETOWN, F_SETSIG and FIOASYNC; and what has none, leases among it. */
#include "answers.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[65536];
static int count;
static siginfo_t last;

static void take(int signal, siginfo_t *info, void *context)
{
    count++;
    last = *info;
}

static void tell(const char *what)
{
    printf("%s: %d", what, count);
    if (count) printf(", signal %d code %d band %lx fd %d", last.si_signo, last.si_code, (long)last.si_band, last.si_fd);
    printf("\n");
    count = 0;
}

#define TELL(call) do { call; tell(#call); } while (0)

static void kinds(void)
{
    static const char *const names[] = { "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc/self/stat", "/tmp/file", "/tmp" };
    int on = 1, off = 0;
    for (int i = 0; i < sizeof names / sizeof *names; i++) {
        int file = open(names[i], O_RDONLY);
        printf("%s\n", names[i]);
        ASK(ioctl(file, FIOASYNC, &off));
        ASK(ioctl(file, FIOASYNC, &on));
        ASK(fcntl(file, F_SETFL, 0));
        ASK(fcntl(file, F_SETFL, O_ASYNC));
        ASK(fcntl(file, F_GETFL) & O_ASYNC);
        close(file);
    }
    int event = eventfd(0, 0);
    ASK(ioctl(event, FIOASYNC, &on));
    ASK(fcntl(event, F_SETFL, O_ASYNC));
    ASK(fcntl(event, F_GETFL) & O_ASYNC);
    close(event);
}

static void locks(int file)
{
    static const int operations[] = { 32, 32 | 64, 32 | 192, 32 | 1, 32 | 8, 0, 3, 16 | 1, 64, 1 | 64, 4 | 1, 9, 8 | 4, 0x10001 };
    for (int i = 0; i < sizeof operations / sizeof *operations; i++) {
        printf("%x\n", operations[i]);
        ASK(flock(file, operations[i]));
        ASK(flock(999, operations[i]));
    }
}

int main(void)
{
    static const int signals[] = { SIGIO, SIGUSR1, SIGCHLD, SIGURG };
    struct sigaction action = { .sa_sigaction = take, .sa_flags = SA_SIGINFO };
    int ends[2];
    mkdir("/tmp", 01777);
    int file = open("/tmp/file", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 4; i++) sigaction(signals[i], &action, NULL);
    for (int i = SIGRTMIN; i <= SIGRTMAX; i++) sigaction(i, &action, NULL);
    kinds();

    unlink("/tmp/answers-fifo");
    mkfifo("/tmp/answers-fifo", 0600);
    int fifo = open("/tmp/answers-fifo", O_RDWR | O_ASYNC);
    ASK(fcntl(fifo, F_GETFL) & O_ASYNC);
    fcntl(fifo, F_SETOWN, getpid());
    fcntl(fifo, F_SETFL, O_ASYNC);
    TELL(write(fifo, "a", 1));
    fcntl(fifo, F_SETFL, 0);
    fcntl(fifo, F_SETFL, O_ASYNC);
    TELL(write(fifo, "a", 1));
    close(fifo);

    pipe(ends);
    ASK(ioctl(ends[0], FIOASYNC, NULL));
    fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    TELL(write(ends[1], "a", 1));
    fcntl(ends[0], F_SETOWN, getpid());
    ASK(fcntl(ends[0], F_GETFL));
    TELL(write(ends[1], "a", 1));
    TELL(write(ends[1], "a", 1));
    TELL(write(ends[1], "a", 0));
    fcntl(ends[1], F_SETOWN, getpid());
    fcntl(ends[1], F_SETFL, O_ASYNC | O_NONBLOCK);
    TELL(read(ends[0], buffer, 1));
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    static const int chosen[] = { 35, SIGUSR1, SIGIO, SIGCHLD, SIGURG, 36 };
    for (int i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        fcntl(ends[0], F_SETSIG, chosen[i]);
        TELL(write(ends[1], "a", 1));
    }
    int duplicate = dup(ends[0]);
    TELL(write(ends[1], "a", 1));
    close(ends[0]);
    TELL(write(ends[1], "a", 1));
    fcntl(duplicate, F_SETFL, O_ASYNC);
    TELL(write(ends[1], "a", 1));
    fcntl(duplicate, F_SETFL, 0);
    fcntl(duplicate, F_SETFL, O_ASYNC | O_NONBLOCK);
    TELL(write(ends[1], "a", 1));
    fcntl(ends[1], F_SETFL, O_ASYNC | O_NONBLOCK);
    fcntl(ends[1], F_SETSIG, 37);
    TELL(read(duplicate, buffer, 1));
    TELL(read(duplicate, buffer, sizeof buffer));
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 50; i++) write(ends[1], "x", 1);
    TELL(sigprocmask(SIG_UNBLOCK, &set, NULL));
    fcntl(ends[1], F_SETFL, 0);
    TELL(close(ends[1]));
    close(duplicate);
    pipe(ends);
    fcntl(ends[1], F_SETOWN, getpid());
    fcntl(ends[1], F_SETFL, O_ASYNC);
    TELL(close(ends[0]));

    locks(file);
    int leases[] = { file, ends[1], open("/dev/null", O_RDONLY), open("/tmp", O_RDONLY) };
    for (int i = 0; i < 4; i++) {
        ASK(fcntl(leases[i], F_GETLEASE));
        if (i) ASK(fcntl(leases[i], F_SETLEASE, F_RDLCK));
        ASK(fcntl(leases[i], F_SETLEASE, 77));
    }
    return 0;
}
