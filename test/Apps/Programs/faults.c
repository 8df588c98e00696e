// Dies in the way that its argument names.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int zero, hundred = 100;

__attribute__((noinline)) static int recurse(int depth)
{
    volatile char frame[4096];
    memset((char *)frame, depth, sizeof frame);
    return recurse(depth + 1) + frame[17];
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    printf("dying of %s\n", way);
    fflush(stdout);
    if (!strcmp(way, "null-read")) {
        return *(volatile int *)zero;
    } else if (!strcmp(way, "wild-write")) {
        *(volatile long *)0x123456789000 = 1;
    } else if (!strcmp(way, "non-canonical")) {
        *(volatile long *)0x8000000000001234 = 1;
    } else if (!strcmp(way, "kernel-read")) {
        return *(volatile int *)0xffffffff81000000;
    } else if (!strcmp(way, "kernel-jump")) {
        ((void (*)(void))0xffffffff81000000)();
    } else if (!strcmp(way, "null-jump")) {
        ((void (*)(void))(intptr_t)zero)();
    } else if (!strcmp(way, "divide")) {
        return hundred / zero;
    } else if (!strcmp(way, "illegal")) {
        __asm__ volatile("ud2");
    } else if (!strcmp(way, "privileged")) {
        __asm__ volatile("hlt");
    } else if (!strcmp(way, "port")) {
        __asm__ volatile("outb %%al, $0x80" ::"a"(0));
    } else if (!strcmp(way, "breakpoint")) {
        __asm__ volatile("int3");
    } else if (!strcmp(way, "stack-overflow")) {
        return recurse(0);
    } else if (!strcmp(way, "write-text")) {
        *(volatile char *)(intptr_t)main = 0;
    } else if (!strcmp(way, "execute-data")) {
        static char code[] = {(char)0xc3};
        ((void (*)(void))code)();
    } else if (!strcmp(way, "unmapped")) {
        char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *page = 1;
        munmap(page, 4096);
        *(volatile char *)page = 2;
    } else if (!strcmp(way, "read-only")) {
        *(volatile char *)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 2;
    } else if (!strcmp(way, "abort")) {
        abort();
    } else if (!strcmp(way, "kill")) {
        kill(getpid(), SIGKILL);
    } else if (!strcmp(way, "term")) {
        raise(SIGTERM);
    }
    puts("still alive");
    return 99;
}
