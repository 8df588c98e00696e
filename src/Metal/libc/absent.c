// What the runtime's code names, and a kernel has not: each says so as POSIX would, and the callers go on without.

#include "libc.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED(...) __attribute__((unused)) __VA_ARGS__

// --- Files: /proc, /sys and cgroups of a Linux that is not there ----------------------------------------------------------

EXPORT FILE *fopen64(UNUSED(const char *restrict path), UNUSED(const char *restrict mode)) {
    errno = ENOENT;
    return NULL;
}

EXPORT int statfs64(UNUSED(const char *path), UNUSED(struct statfs64 *result)) {
    return fail(ENOENT);
}

EXPORT DIR *opendir(UNUSED(const char *path)) {
    errno = ENOENT;
    return NULL;
}

// No stream or directory was ever opened, so none comes here; and no line was read that could be taken apart.
EXPORT int fclose(UNUSED(FILE *stream)) {
    return fail(EBADF);
}

EXPORT int fgetc(UNUSED(FILE *stream)) {
    return EOF;
}

EXPORT ssize_t __getdelim(UNUSED(char **restrict line), UNUSED(size_t *restrict capacity), UNUSED(int delimiter),
    UNUSED(FILE *restrict stream)) {
    return fail(EBADF);
}

int isoc99_fscanf(FILE *restrict stream, const char *restrict format, ...) __asm__("__isoc99_fscanf");
EXPORT int isoc99_fscanf(UNUSED(FILE *restrict stream), UNUSED(const char *restrict format), ...) {
    return EOF;
}

int plain_sscanf(const char *restrict text, const char *restrict format, ...) __asm__("sscanf");
EXPORT int plain_sscanf(UNUSED(const char *restrict text), UNUSED(const char *restrict format), ...) {
    return EOF;
}

// Nobody calls it; the SDK's link of a static program gives it another name.
EXPORT int mknod(UNUSED(const char *path), UNUSED(mode_t mode), UNUSED(dev_t device)) {
    return fail(ENOSYS);
}

EXPORT struct dirent64 *readdir64(UNUSED(DIR *directory)) {
    return NULL;
}

EXPORT int closedir(UNUSED(DIR *directory)) {
    return fail(EBADF);
}

EXPORT char *strtok_r(UNUSED(char *restrict text), UNUSED(const char *restrict separators), UNUSED(char **restrict state)) {
    return NULL;
}

// --- Processes: the runtime would start one to write a core dump ----------------------------------------------------------

EXPORT pid_t fork(void) {
    return fail(ENOSYS);
}

EXPORT int execv(UNUSED(const char *path), UNUSED(char *const *arguments)) {
    return fail(ENOSYS);
}

EXPORT pid_t waitpid(UNUSED(pid_t process), UNUSED(int *status), UNUSED(int options)) {
    return fail(ECHILD);
}

EXPORT int pipe(UNUSED(int *descriptors)) {
    return fail(ENOSYS);
}

EXPORT int dup2(UNUSED(int from), UNUSED(int to)) {
    return fail(ENOSYS);
}

EXPORT int prctl(UNUSED(int option), ...) {
    return fail(ENOSYS);
}

EXPORT int getrusage(UNUSED(__rusage_who_t who), UNUSED(struct rusage *usage)) {
    return fail(ENOSYS);
}

EXPORT char *strerror(UNUSED(int error)) {
    return "error";
}

// --- Mathematics: of the thread pool, which the kernel never uses, and of allocation sampling, which is off ----------------

EXPORT double sin(UNUSED(double x)) {
    die("sin is not in the kernel");
}

EXPORT double cos(UNUSED(double x)) {
    die("cos is not in the kernel");
}

EXPORT double pow(UNUSED(double x), UNUSED(double y)) {
    die("pow is not in the kernel");
}

EXPORT double log(UNUSED(double x)) {
    die("log is not in the kernel");
}

EXPORT double ceil(double x) {
    if (!(x > -0x1p52 && x < 0x1p52)) {
        return x; // an integer already, or not a number
    }
    double whole = (double)(long long)x;
    return __builtin_copysign(whole < x ? whole + 1 : whole, x);
}
