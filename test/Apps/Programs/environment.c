// Prints what the kernel hands to a new program.
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        printf("argv[%d] = \"%s\"\n", i, argv[i]);
    }
    for (char **variable = environ; *variable; variable++) {
        printf("%s\n", *variable);
    }
    printf("page size %lu, entry %s, phdr %s, random %s, execfn is argv[0]: %d\n", getauxval(AT_PAGESZ),
        getauxval(AT_ENTRY) ? "there" : "missing",
           getauxval(AT_PHDR) ? "there" : "missing", getauxval(AT_RANDOM) ? "there" : "missing",
           !strcmp((char *)getauxval(AT_EXECFN), argv[0]));
    printf("vdso %s, secure %lu, clock ticks %lu, platform %s\n", getauxval(AT_SYSINFO_EHDR) ? "there" : "missing", getauxval(AT_SECURE),
        getauxval(AT_CLKTCK),
           (char *)getauxval(AT_PLATFORM));
    char folder[100];
    printf("folder %s, terminal %d\n", getcwd(folder, sizeof folder), isatty(0) | isatty(1) << 1 | isatty(2) << 2);
    struct timespec before, after, pause = {0, 20 * 1000 * 1000};
    clock_gettime(CLOCK_MONOTONIC, &before);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long elapsed = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    printf("slept 20 ms: %s\n", elapsed >= 20000000 && elapsed < 5000000000LL ? "yes" : "no");
    printf("year %s\n", time(NULL) > 1700000000 ? "known" : "unknown");
    return 0;
}
