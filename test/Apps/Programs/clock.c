// Says what the clocks show: a line at the start, and one for each line of input. "seconds nanoseconds" of CLOCK_MONOTONIC, then of
// CLOCK_REALTIME, then of CLOCK_MONOTONIC by a system call, behind the word "clock".

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void say(void) {
    struct timespec monotonic, realtime, raw;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_REALTIME, &realtime);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &raw);
    printf("clock %ld.%09ld %ld.%09ld %ld.%09ld\n", monotonic.tv_sec, monotonic.tv_nsec, realtime.tv_sec, realtime.tv_nsec, raw.tv_sec,
        raw.tv_nsec);
    fflush(stdout);
}

int main(void) {
    char line[64];
    say();
    while (fgets(line, sizeof line, stdin) && strncmp(line, "end", 3) != 0) {
        say();
    }
    return 0;
}
