/* What can be asked of descriptors: fcntl(2), seals, packets, epoll(7), offsets and counts beyond all bounds. */
#include "answers.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY (F_LINUX_SPECIFIC_BASE + 4)
#endif
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY (F_LINUX_SPECIFIC_BASE + 3)
#endif
#ifndef F_LINUX_SPECIFIC_BASE
#define F_LINUX_SPECIFIC_BASE 1024
#endif

static void owners(void)
{
    int ends[2], file = open("/tmp/answers-file", O_CREAT | O_TRUNC | O_RDWR, 0600);
    pipe(ends);
    struct f_owner_ex owner = { F_OWNER_PID, getpid() };
    ASK(fcntl(ends[0], F_GETOWN));
    ASK(fcntl(ends[0], F_GETSIG));
    ASK(fcntl(ends[0], F_SETOWN, 1 << 30));
    ASK(fcntl(ends[0], F_SETOWN, -(1 << 30)));
    ASK(fcntl(ends[0], F_SETOWN, 0x80000000));
    ASK(fcntl(ends[0], F_SETSIG, 65));
    ASK(fcntl(ends[0], F_SETSIG, -1));
    ASK(fcntl(ends[0], F_SETOWN_EX, NULL));
    owner.type = 9;
    ASK(fcntl(ends[0], F_SETOWN_EX, &owner));
    owner.type = F_OWNER_PGRP;
    owner.pid = getpgrp();
    ASK(fcntl(ends[0], F_SETOWN_EX, &owner));
    ASK(fcntl(ends[0], F_SETOWN, getpid()));
    ASK(fcntl(ends[0], F_GETOWN) == getpid());
    ASK(fcntl(ends[0], F_GETOWN_EX, &owner));
    printf("type %d, us %d\n", owner.type, owner.pid == getpid());
    ASK(fcntl(file, F_SETOWN, getpid()));
    ASK(fcntl(file, F_GETOWN) == getpid());

    ASK(fcntl(ends[0], F_SETSIG, SIGRTMIN));
    ASK(fcntl(ends[0], F_GETSIG) == SIGRTMIN);

    ASK(fcntl(file, F_SETFL, O_ASYNC | O_APPEND));
    ASK(fcntl(file, F_GETFL) & (O_ASYNC | O_APPEND));
    ASK(fcntl(open("/dev/null", O_RDWR), F_SETFL, O_ASYNC));
}

static void queries(void)
{
    uint64_t hint = 99;
    unlink("/tmp/answers-new");
    int made = open("/tmp/answers-new", O_CREAT | O_RDWR, 0600), found = open("/tmp/answers-new", O_CREAT | O_RDWR, 0600);
    ASK(fcntl(made, F_GETLEASE));
    ASK(fcntl(open("/dev/null", O_RDONLY), F_GETLEASE) == F_UNLCK || errno == EINVAL);
    ASK(fcntl(made, F_GET_RW_HINT, &hint));
    printf("%d\n", (int)hint);
    hint = 3;
    ASK(fcntl(made, F_SET_RW_HINT, &hint));
    hint = 6;
    ASK(fcntl(made, F_SET_RW_HINT, &hint));
    ASK(fcntl(made, F_SET_RW_HINT, NULL));
    ASK(fcntl(found, F_GET_RW_HINT, &hint));
    printf("%d\n", (int)hint);
    ASK(fcntl(99, F_GET_RW_HINT, &hint));
    ASK(fcntl(open("/", O_PATH), F_GET_RW_HINT, &hint));
    unlink("/tmp/answers-new");
}

static void seals(void)
{
    char byte = 'x';
    int plain = memfd_create("plain", 0), file = memfd_create("sealed", MFD_ALLOW_SEALING);
    ASK(memfd_create("bad", 0x1000));
    ASK(fcntl(plain, F_GET_SEALS));
    ASK(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
    ASK(fcntl(file, F_GET_SEALS));
    ASK(fcntl(file, F_ADD_SEALS, 0x1000));
    ASK(ftruncate(file, 8192));
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK));
    ASK(ftruncate(file, 4096));
    ASK(ftruncate(file, 12288));
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
    ASK(fcntl(file, F_GET_SEALS));
    ASK(ftruncate(file, 16384));
    ASK(pwrite(file, &byte, 1, 12287));
    ASK(pwrite(file, &byte, 1, 12288));
    ASK(pwrite(file, "across the end", 14, 12280));
    ASK(fallocate(file, 0, 0, 16384));
    ASK(fallocate(file, 0, 0, 12288));
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(shared, 4096);
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
    ASK(write(file, &byte, 1));
    ASK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    ASK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED ? -1 : 0);
    ASK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0);
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_SEAL));
    ASK(fcntl(file, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    ASK(fcntl(file, F_GET_SEALS));
    ASK(fcntl(0, F_GET_SEALS) >= 0 || errno == EINVAL);

    int future = memfd_create("future", MFD_ALLOW_SEALING);
    ftruncate(future, 4096);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0);
    ASK(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    *shared = 'y';
    ASK(write(future, &byte, 1));
    ASK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED ? -1 : 0);
    void *readable = mmap(NULL, 4096, PROT_READ, MAP_SHARED, future, 0);
    ASK(mprotect(readable, 4096, PROT_READ | PROT_WRITE));
}

static void packets(void)
{
    static char buffer[10000];
    int ends[2], available, count = 0;
    ASK(pipe2(ends, O_DIRECT | O_NONBLOCK));
    ASK(fcntl(ends[0], F_GETFL) == (O_RDONLY | O_NONBLOCK));
    ASK(fcntl(ends[1], F_GETFL) == (O_WRONLY | O_NONBLOCK | O_DIRECT));
    ASK(write(ends[1], "one", 3));
    ASK(write(ends[1], "second", 6));
    ioctl(ends[0], FIONREAD, &available);
    printf("%d bytes\n", available);
    ASK(read(ends[0], buffer, sizeof buffer));
    ASK(read(ends[0], buffer, 2));
    ASK(read(ends[0], buffer, sizeof buffer));
    ASK(write(ends[1], buffer, 9000));
    ASK(read(ends[0], buffer, sizeof buffer));
    ASK(read(ends[0], buffer, sizeof buffer));
    ASK(read(ends[0], buffer, sizeof buffer));
    while (write(ends[1], "x", 1) == 1) count++;
    printf("%d packets\n", count);
    struct pollfd poll_one = { ends[1], POLLOUT, 0 };
    ASK(poll(&poll_one, 1, 0));
    ASK(read(ends[0], buffer, sizeof buffer));
    ASK(poll(&poll_one, 1, 0));
    while (read(ends[0], buffer, sizeof buffer) == 1) count--;
    printf("%d left\n", count - 1);
    ASK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    ASK(write(ends[1], "stream", 6));
    ASK(write(ends[1], "stream", 6));
    ASK(fcntl(ends[1], F_SETFL, O_NONBLOCK | O_DIRECT));
    ASK(write(ends[1], "packet", 6));
    ASK(read(ends[0], buffer, 8));
    ASK(read(ends[0], buffer, 8));
    ASK(read(ends[0], buffer, 8));
    ASK(pipe2(ends, O_APPEND));
}

static void watched(void)
{
    static const char *const files[] = { "/dev/zero", "/dev/null", "/dev/full", "/dev/urandom", "/dev/random", "/proc/self/maps",
        "/proc/self/status",
        "/proc/self/mounts", "/proc/self/mountinfo", "/proc/version", "/proc/swaps", "/proc/sys/kernel/hostname", "/proc/self",
        "/proc/self/fd" };
    int epoll = epoll_create1(0);
    struct epoll_event event = { EPOLLIN };
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        printf("%s: ", files[i]);
        ASK(epoll_ctl(epoll, EPOLL_CTL_ADD, open(files[i], O_RDONLY), &event));
    }
    ASK(epoll_ctl(epoll, EPOLL_CTL_ADD, memfd_create("x", 0), &event));
}

static void bounds(void)
{
    static char buffer[4096];
    int file = open("/tmp/answers-file", O_CREAT | O_TRUNC | O_RDWR, 0600), zero = open("/dev/zero", O_RDONLY), ends[2];
    int directory = open("/proc/self/task", O_RDONLY), text = open("/proc/version", O_RDONLY);
    struct iovec vector = { buffer, 10 };
    pipe(ends);
    ASK(pread(file, buffer, 10, INT64_MAX));
    ASK(pread(file, buffer, 10, INT64_MAX - 10));
    ASK(pread(file, buffer, 10, INT64_MIN));
    ASK(pwrite(file, buffer, 10, INT64_MAX - 5));
    ASK(preadv(file, &vector, 1, INT64_MAX - 5));
    ASK(pread(zero, buffer, 10, INT64_MAX));
    ASK(pread(text, buffer, 10, INT64_MAX));
    ASK(syscall(SYS_getdents64, directory, buffer, 0x100000000UL));
    ASK(syscall(SYS_getdents64, directory, buffer, 0x180000000UL));
    ASK(syscall(SYS_getdents64, directory, buffer, -1UL));
    ASK(syscall(SYS_getdents64, directory, buffer, 0x100000200UL) > 0);
    ASK(syscall(SYS_getdents64, directory, buffer, 0UL));
    ASK(sync_file_range(ends[0], 0, 0, 0));
    ASK(sync_file_range(zero, 0, 0, 0));
    ASK(sync_file_range(directory, 0, 0, 0));
    ASK(sync_file_range(file, 0, 0, 8));
    ASK(sync_file_range(file, -1, 0, 0));
    ASK(sync_file_range(file, 0, 0, 1));
}

static void timers(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    static const int clocks[] = { 0, 1, 4, 5, 6, 7, 10, 11, 12, 16, -1 };
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int id;
        printf("clock %d: ", clocks[i]);
        ASK_IF(syscall(SYS_timer_create, clocks[i], &event, &id));
    }
}

int main(void)
{
    mkdir("/tmp", 01777);
    owners();
    queries();
    seals();
    packets();
    watched();
    bounds();
    timers();
    unlink("/tmp/answers-file");
    return 0;
}
