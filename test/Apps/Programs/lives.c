// A machine's program that lives on: it says so ten times a second, and when a signal tells it to end, says which and ends with status 5.
// With the argument "deaf" it hears none; with "echo" it repeats what it reads, line by line, and ends with status 6 at the end.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t told;

static void hear(int signal)
{
    told = signal;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = argc > 1 && strcmp(argv[1], "deaf") == 0 ? SIG_IGN : hear};
    struct timespec tenth = {.tv_nsec = 100 * 1000 * 1000};
    char line[256];

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("up");
    fputs("to standard error\n", stderr);
    if (argc > 1 && strcmp(argv[1], "echo") == 0) {
        while (fgets(line, sizeof line, stdin)) {
            printf("<%s>\n", strtok(line, "\n"));
        }
        return 6;
    }
    for (int i = 0; !told; i++) {
        printf("tick %d\n", i);
        nanosleep(&tenth, NULL);
    }
    printf("told %d\n", (int)told);
    return 5;
}
