/* sigreturn with a floating-point state at all sorts of places: what is refused, and what a handler of SIGSEGV sees then. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { marks_at = 464, marks_size = 48, mxcsr_at = 24, header_at = 512 };

static int way;
static char *area;
static sigjmp_buf back;
static unsigned long expected;

static void refused(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    printf("refused: code %d, address %p, trap %d, at the frame's place %d, its register %llx, its mask %d\n", info->si_code, info->si_addr,
        (int)user->uc_mcontext.gregs[REG_TRAPNO], user->uc_mcontext.gregs[REG_RIP] == expected, user->uc_mcontext.gregs[REG_RBX],
        sigismember(&user->uc_sigmask, SIGUSR2));
    siglongjmp(back, 1);
}

static char *put(long offset, const char *state, unsigned size, int has_marks)
{
    memcpy(area + offset, state, size);
    if (!has_marks) memset(area + offset + marks_at, 0, marks_size);
    return area + offset;
}

static void change(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    char *state = (char *)user->uc_mcontext.fpregs;
    unsigned with_end, size;
    memcpy(&with_end, state + marks_at + 4, 4);
    memcpy(&size, state + marks_at + 16, 4);
    expected = user->uc_mcontext.gregs[REG_RIP];
    user->uc_mcontext.gregs[REG_RBX] = 0x1234;
    sigaddset(&user->uc_sigmask, SIGUSR2);
    char *moved = NULL;
    switch (way) {
    case 0: moved = put(64, state, with_end, 1); break;
    case 1: moved = put(65, state, with_end, 1); break;
    case 2: moved = put(80, state, with_end, 1); break;
    case 3: moved = put(80, state, with_end, 0); break;
    case 4: moved = put(72, state, with_end, 0); break;
    case 5: moved = (char *)64; break;
    case 6: moved = put(8192 - 512, state, 512, 1); break;
    case 7: moved = put(8192 - 512, state, 512, 0); break;
    case 8: moved = put(8192 - 256, state, 256, 1); break;
    case 9: moved = (char *)0xffff800000000000; break;
    case 10: moved = (char *)0x8000000000000000; break;
    case 11: moved = put(64, state, with_end, 1), memset(moved + mxcsr_at, 0xff, 4); break;
    case 12: moved = put(64, state, with_end, 1), moved[header_at + 8] = 1; break;
    case 13: moved = put(64, state, with_end, 1), memset(moved + header_at, 0xff, 8); break;
    case 14: moved = put(64, state, with_end, 1), memset(moved + size, 0, 4); break;
    case 15: moved = put(80, state, with_end, 1), memset(moved + size, 0, 4); break;
    }
    user->uc_mcontext.fpregs = (void *)moved;
}

int main(void)
{
    struct sigaction changes = { .sa_sigaction = change, .sa_flags = SA_SIGINFO };
    struct sigaction refuses = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    stack_t stack = { malloc(65536), 0, 65536 };
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaction(SIGUSR1, &changes, NULL);
    sigaction(SIGSEGV, &refuses, NULL);
    sigaltstack(&stack, NULL);
    area = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area + 8192, 4096, PROT_NONE);
    for (way = 0; way <= 16; way++) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        printf("%d: ", way);
        if (!sigsetjmp(back, 1)) {
            raise(SIGUSR1);
            printf("taken\n");
        }
    }
    fflush(stdout);
    signal(SIGSEGV, SIG_DFL);
    way = 1;
    raise(SIGUSR1);
    return 0;
}
