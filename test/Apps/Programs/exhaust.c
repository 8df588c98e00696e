// Takes all there is of one thing, until the kernel says no: exhaust WHAT. Says what the kernel said, and how often it said yes before.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BufferSize = 65536, PageSize = 4096, ManyFiles = 1 << 20 };

static char s_buffer[BufferSize];

static const char *nameOf(const char *format, long number)
{
    static char name[300];
    snprintf(name, sizeof name, format, number);
    return name;
}

static int openNew(const char *name)
{
    return open(name, O_RDWR | O_CREAT, 0666);
}

static int makeFile(long number)
{
    int file = openNew(nameOf("/%ld", number));
    return file >= 0 && close(file) == 0;
}

static int makeSmallFile(long number)
{
    int file = openNew(nameOf("/%ld", number));
    int isWritten = file >= 0 && write(file, s_buffer, 10) == 10;
    return file >= 0 && close(file) == 0 && isWritten;
}

static int makeLongName(long number)
{
    int file = openNew(nameOf("/%0200ld", number));
    return file >= 0 && close(file) == 0;
}

static int makeLink(long number)
{
    return number == 0 ? makeFile(0) : link("/0", nameOf("/%ld", number)) == 0;
}

static int makeSymbolicLink(long number)
{
    s_buffer[4000] = 0;
    return symlink(s_buffer, nameOf("/%ld", number)) == 0;
}

static int makeFolder(long number)
{
    return mkdir(nameOf("/%ld", number), 0777) == 0;
}

static int makeFolderInFolder(long number)
{
    (void)number;
    return mkdir("d", 0777) == 0 && chdir("d") == 0;
}

static int writeFile(long number)
{
    static int file;
    file = number == 0 ? openNew("/big") : file;
    return write(file, s_buffer, BufferSize) == BufferSize;
}

static int writeFarApart(long number)
{
    static int file;
    file = number == 0 ? openNew("/big") : file;
    return pwrite(file, "x", 1, number << 24) == 1;
}

static int writeVector(long number)
{
    static int file;
    static struct iovec vectors[1024];
    file = number == 0 ? openNew("/big") : file;
    for (int i = 0; i < 1024; i++) {
        vectors[i] = (struct iovec){s_buffer, BufferSize};
    }
    return writev(file, vectors, 1024) > 0;
}

static int fillMemoryFile(long number)
{
    (void)number;
    int file = memfd_create("m", 0);
    return file >= 0 && write(file, s_buffer, PageSize) == PageSize;
}

static int fillPipe(long number)
{
    (void)number;
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) < 0) {
        return 0;
    }
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    while (write(ends[1], s_buffer, BufferSize) > 0) {
    }
    return 1;
}

static int openFolder(long number)
{
    (void)number;
    return open("/", O_RDONLY) >= 0;
}

static int duplicate(long number)
{
    (void)number;
    return dup(1) >= 0;
}

static int duplicateHigh(long number)
{
    return dup2(1, ManyFiles - 1 - (int)number) >= 0 && number < 100;
}

static int makeCounter(long number)
{
    (void)number;
    return eventfd(0, 0) >= 0;
}

static int watch(long number)
{
    static int epoll, files[1000];
    struct epoll_event event = {EPOLLIN, {0}};
    if (number < 1000) {
        files[number] = eventfd(0, 0);
    }
    if (number % 1000 == 0) {
        epoll = epoll_create1(0);
    }
    return epoll_ctl(epoll, EPOLL_CTL_ADD, files[number % 1000], &event) == 0;
}

static int pollMany(long number)
{
    static struct pollfd *entries;
    entries = number == 0 ? calloc(ManyFiles, sizeof *entries) : entries;
    for (long i = 0; number == 0 && entries && i < ManyFiles; i++) {
        entries[i] = (struct pollfd){.fd = 1, .events = 0};
    }
    return entries && poll(entries, ManyFiles, 1) >= 0 && number < 3;
}

static int readMaps(long number)
{
    for (int i = 0; number == 0 && i < 20000; i++) {
        mmap(0, PageSize, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    int file = open("/proc/self/maps", O_RDONLY);
    return file >= 0 && read(file, s_buffer, 1000) > 0 && number < 500;
}

static int lockRecord(long number)
{
    static int file;
    file = number == 0 ? openNew("/locked") : file;
    struct flock lock = {.l_type = F_WRLCK, .l_start = number * 2, .l_len = 1};
    return number < 8000 && fcntl(file, F_SETLK, &lock) == 0;
}

static void *waitForEver(void *argument)
{
    pause();
    return argument;
}

static int startThread(long number)
{
    (void)number;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    errno = pthread_create(&thread, &attributes, waitForEver, 0);
    return errno == 0;
}

static int makeTimer(long number)
{
    (void)number;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
}

// Mappings until the kernel has no room for one more, then holes in mappings.
static void fillKernelHeap(void)
{
    char *start = mmap(0, 1L << 32, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 0; i < 30000 && mprotect(start + i * 2 * PageSize, PageSize, PROT_READ) == 0; i++) {
    }
    for (long i = 0; i < 30000 && munmap(start + (3L << 30) + i * 2 * PageSize, PageSize) == 0; i++) {
    }
}

// Timers that expire all the time, where there is no memory left: arming them must not fail, nor their signals.
static int armTimer(long number)
{
    static timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    if (number == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, 0);
        if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
            abort();
        }
        fillKernelHeap();
    }
    timer_t another;
    if (number < 1000 && timer_create(CLOCK_MONOTONIC, &event, &another) == 0) {
        return timer_settime(another, 0, &often, 0) == 0;
    }
    int error = errno;
    siginfo_t info;
    sigset_t expired;
    sigemptyset(&expired);
    sigaddset(&expired, SIGRTMIN);
    if (timer_settime(timer, 0, &often, 0) != 0 || sigwaitinfo(&expired, &info) != SIGRTMIN || info.si_code != SI_TIMER) {
        abort();
    }
    errno = error;
    return 0;
}

static int queueSignal(long number)
{
    (void)number;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    return sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0;
}

static int mapPage(long number)
{
    return mmap(0, PageSize, number % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int touchFarApart(long number)
{
    static char *start;
    start = number == 0 ? mmap(0, 1L << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : start;
    if (start == MAP_FAILED) {
        return 0;
    }
    start[number << 21] = 1;
    return 1;
}

static int touch(long number)
{
    static char *start;
    start = number == 0 ? mmap(0, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) : start;
    if (start == MAP_FAILED) {
        return 0;
    }
    start[number * PageSize] = 1;
    return 1;
}

static int touchShared(long number)
{
    (void)number;
    char *start = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return start != MAP_FAILED && memset(start, 1, 1 << 20) == start;
}

static int execWithMore(long number)
{
    static char text[120000], *arguments[200];
    memset(text, 'a', sizeof text - 1);
    arguments[0] = "exhaust";
    for (int i = 1; i < 190; i++) {
        arguments[i] = text;
    }
    execve("/nowhere", arguments, arguments);
    return errno == ENOENT && number < 3;
}

static const struct {
    const char *name;
    int (*take)(long number);
} s_kinds[] = {
    {"files", makeFile}, {"small-files", makeSmallFile}, {"long-names", makeLongName}, {"links", makeLink},
    {"symbolic-links", makeSymbolicLink}, {"folders", makeFolder},
    {"deep-folders", makeFolderInFolder}, {"file", writeFile}, {"sparse-file", writeFarApart}, {"vectors", writeVector},
    {"memory-files", fillMemoryFile}, {"pipes", fillPipe},
    {"descriptors", openFolder}, {"duplicates", duplicate}, {"high-descriptors", duplicateHigh}, {"counters", makeCounter},
    {"watches", watch}, {"poll", pollMany},
    {"maps", readMaps}, {"locks", lockRecord}, {"threads", startThread}, {"timers", makeTimer}, {"armed-timers", armTimer},
    {"signals", queueSignal}, {"mappings", mapPage}, {"page-tables", touchFarApart},
    {"memory", touch}, {"shared-memory", touchShared}, {"arguments", execWithMore},
};

int main(int count, char **arguments)
{
    struct rlimit files = {ManyFiles, ManyFiles};
    setrlimit(RLIMIT_NOFILE, &files);
    memset(s_buffer, 'x', sizeof s_buffer);
    for (unsigned i = 0; count > 1 && i < sizeof s_kinds / sizeof *s_kinds; i++) {
        if (strcmp(s_kinds[i].name, arguments[1]) == 0) {
            long number = 0;
            while (s_kinds[i].take(number)) {
                number++;
            }
            int error = errno;
            char line[100];
            int length = snprintf(line, sizeof line, "%s: %s after %ld\n", arguments[1], strerrorname_np(error), number);
            return write(1, line, (size_t)length) == length ? 0 : 1;
        }
    }
    return 2;
}
