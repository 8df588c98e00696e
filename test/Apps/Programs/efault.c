// Gives bad pointers to system calls: each must answer EFAULT, and nothing else may happen.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void try(const char *name, long result)
{
    printf("%s: %s\n", name, result == -1 ? strerror(errno) : "no error");
}

int main(void)
{
    static void *const bad[] = {(void *)8, (void *)0x123456789000, (void *)0x8000000000000000, (void *)0xffffffff81000000, (void *)-4096};
    int zero = open("/dev/zero", O_RDONLY);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        void *p = bad[i];
        printf("pointer %u\n", i);
        try("write", syscall(SYS_write, 1, p, 10));
        try("read", syscall(SYS_read, zero, p, 10));
        try("open", syscall(SYS_open, p, O_RDONLY));
        try("stat", syscall(SYS_stat, "/", p));
        try("stat path", syscall(SYS_stat, p, p));
        try("uname", syscall(SYS_uname, p));
        try("clock_gettime", syscall(SYS_clock_gettime, 0, p));
        try("gettimeofday", syscall(SYS_gettimeofday, p, 0));
        try("getcwd", syscall(SYS_getcwd, p, 100));
        try("writev", syscall(SYS_writev, 1, p, 1));
        struct iovec vector = {p, 5};
        try("writev base", syscall(SYS_writev, 1, &vector, 1));
        try("nanosleep", syscall(SYS_nanosleep, p, 0));
        try("getrlimit", syscall(SYS_getrlimit, 7, p));
        try("rt_sigaction", syscall(SYS_rt_sigaction, 10, p, 0, 8));
        try("rt_sigprocmask", syscall(SYS_rt_sigprocmask, 0, p, 0, 8));
        try("chdir", syscall(SYS_chdir, p));
        try("futex", syscall(SYS_futex, (char *)p + (-(long)p & 3), 0, 0, 0));
        try("getrandom", syscall(SYS_getrandom, p, 8, 0));
        fflush(stdout);
    }
    return 0;
}
