// Runs short streams of instructions that no compiler makes, each from the same registers, and writes which signal ended each, where, and
// with what in its registers. Every stream ends in INT3. What it prints is the same on any x86-64 Linux with FSGSBASE, whatever the CPU.
//   instructions           a fixed list: system and segment instructions, far transfers with all sorts of frames, wild addresses
//   instructions SEED N    N streams put together at random from the same pieces
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;

static unsigned char *s_code;
static u64 *s_stack, *s_data;
u64 g_fs, g_kept_rsp;
static int s_signal, s_code_of_signal;
static greg_t s_registers[23];

void leave(void);
void enter(u64 *registers, void *rip);
void handler_entry(int, siginfo_t *, void *);

// A stream may have changed the FS base, which compiled code needs, and set DF, AC or NT: put all that right first.
__asm__(
    ".text\n"
    "restore:\n"
    "  cld\n"
    "  pushfq\n"
    "  andq $~0x44000, (%rsp)\n"
    "  popfq\n"
    "  mov g_fs(%rip), %rax\n"
    "  wrfsbase %rax\n"
    "  ret\n"
    "handler_entry:\n"
    "  call restore\n"
    "  jmp handle\n"
    "leave:\n"
    "  mov g_kept_rsp(%rip), %rsp\n"
    "  call restore\n"
    "  xor %eax, %eax\n"
    "  mov %eax, %ds\n"
    "  mov %eax, %es\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    "enter:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, g_kept_rsp(%rip)\n"
    "  mov %rsi, %r15\n"
    "  mov 0(%rdi), %rax\n"
    "  mov 8(%rdi), %rbx\n"
    "  mov 16(%rdi), %rcx\n"
    "  mov 24(%rdi), %rdx\n"
    "  mov 32(%rdi), %rsi\n"
    "  mov 48(%rdi), %rbp\n"
    "  mov 56(%rdi), %rsp\n"
    "  mov 40(%rdi), %rdi\n"
    "  mov $8, %r8d; mov $9, %r9d; mov $10, %r10d; mov $11, %r11d; mov $12, %r12d; mov $13, %r13d; mov $14, %r14d\n"
    "  jmp *%r15\n");

__attribute__((used)) void handle(int signal, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    s_signal = signal;
    s_code_of_signal = info->si_code;
    memcpy(s_registers, user->uc_mcontext.gregs, sizeof s_registers);
    user->uc_mcontext.gregs[REG_RIP] = (greg_t)leave;
    user->uc_mcontext.gregs[REG_RSP] = (greg_t)s_stack + 2048;
    user->uc_mcontext.gregs[REG_EFL] = 0x202;
}

static u64 sum(u64 sum, u64 value)
{
    return (sum ^ value) * 0x100000001B3 ^ sum >> 29;
}

static void run(const char *name, const unsigned char *bytes, unsigned count, u64 *registers)
{
    const greg_t Flags = 0x244DD5 & ~0x10000; // without IF, IOPL and RF
    memset(s_code, 0xCC, 256);
    memcpy(s_code, bytes, count);
    enter(registers, s_code);
    greg_t *r = s_registers;
    u64 total = 0;
    for (int i = 0; i < REG_RIP; i++) {
        total = sum(total, (u64)r[i]);
    }
    for (int i = 0; i < 512; i++) {
        total = sum(total, s_data[i]);
    }
    printf("%s: signal %d code %d trap %d fault %x at %ld flags %llx rax %llx sum %lx\n", name, s_signal, s_code_of_signal,
        (int)r[REG_TRAPNO],
        r[REG_TRAPNO] == 14 ? (unsigned)r[REG_ERR] & ~0x20u : 0, (long)(r[REG_RIP] - (greg_t)s_code), (long long)(r[REG_EFL] & Flags),
        (long long)r[REG_RAX], total);
}

static u64 s_plain[8];

// Memory and registers as every stream finds them.
static void prepare(u64 *registers, u64 rax)
{
    for (int i = 0; i < 512; i++) {
        s_data[i] = 0x1111111111111111u * (u64)(i & 15);
        s_stack[i] = 0;
    }
    memcpy(registers, s_plain, sizeof s_plain);
    registers[0] = rax;
}

static unsigned parse(const char *text, unsigned char *bytes)
{
    unsigned count = 0;
    for (; *text != 0; text += text[2] == ' ' ? 3 : 2) {
        char digits[3] = {text[0], text[1], 0};
        bytes[count++] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return count;
}

// Left out, because CPUs or Linux's own configurations differ: CPUID, RDTSC, XGETBV, VMCALL; SGDT and its kin (UMIP), SYSEXIT; INT 80h and
// SYSENTER (32-bit calls); INT1.
static const char *const s_streams[] = {
    // Privileged, or of ring 0's own business.
    "FA", "FB", "F4", "0F 06", "0F 08", "0F 09", "0F 30", "0F 32", "0F 07", "48 0F 07", "0F 01 13", "0F 01 1B", "0F 01 F0", "0F 01 33",
    "0F 00 D0", "0F 00 D8",
    "0F 00 13", "0F 00 1B", "0F 01 3B", "0F 01 F8", "0F 01 CA", "0F 01 CB", "0F 01 D1", "0F 20 C0", "0F 20 D8", "0F 20 E0", "44 0F 20 C0",
    "0F 22 C0", "0F 22 D8",
    "0F 22 E0", "44 0F 22 C0", "0F 21 C0", "0F 21 F8", "0F 23 C0", "0F 23 F8", "E4 80", "E5 80", "E6 80", "E7 80", "EC", "ED", "EE", "EF",
    "6C", "6D", "6E", "6F", "F3 6C", "F3 6E",
    // Interrupts.
    "CC", "CD 03", "CD 00", "CD 01", "CD 02", "CD 04", "CD 05", "CD 06", "CD 08", "CD 0D", "CD 0E", "CD 12", "CD 20", "CD 24", "CD 30",
    "CD 3F", "CD 40", "CD 81", "CD FE", "CD FF", "CE", "0F 0B", "0F B9 C0", "0F FF C0",
    // What 64 bits took away.
    "06", "07", "0E", "16", "17", "1E", "1F", "27", "2F", "37", "3F", "60", "61", "9A 00 00 00 00 33 00", "EA 00 00 00 00 33 00",
    "D4 0A", "D5 0A", "C5 00", "C4 00",
    // Segments.
    "8E C8", "0F A1", "0F A9", "66 0F A1", "0F A0 58", "0F A8 58", "8C D8", "8C C0", "8C E0", "8C E8", "8C D0", "8C C8",
    "F3 48 0F AE D0", "F3 48 0F AE D8", "65 48 8B 00", "65 48 8B 04 25 00 00 00 00",
    // Flags.
    "9D", "66 9D", "9C 58", "68 00 30 00 00 9D 9C 58", "68 00 40 00 00 9D 9C 58", "68 00 00 02 00 9D 9C 58", "68 00 00 18 00 9D 9C 58",
    "68 FF FF 24 00 9D 9C 58 90", "68 00 00 20 00 9D 9C 58", "6A 00 9D 9C 58",
    "68 00 04 00 00 9D 9C 58", "68 00 01 00 00 9D 90 90 90",
    // Stepping into what changes the flow of control.
    "68 00 01 00 00 9D CC", "68 00 01 00 00 9D CD 03", "68 00 01 00 00 9D 0F 0B", "68 00 01 00 00 9D B8 18 00 00 00 0F 05 90 90",
    "B8 18 00 00 00 68 00 01 00 00 9D 0F 05 90", "68 00 01 00 00 9D F4",
    "8C D2 68 00 01 00 00 9D 8E D2 90 90", "8C D2 68 00 01 00 00 9D 8E D2 CC 90", "8C D2 B8 18 00 00 00 68 00 01 00 00 9D 8E D2 0F 05 90",
    "8C D2 68 00 01 00 00 9D 8E D2 0F 0B",
    "6A 2B 68 00 01 00 00 9D 8E 14 24 90 90",
    // Addresses that are not canonical: through DS and its kin (through SS, QEMU raises the wrong exception).
    "48 B9 00 00 00 00 00 00 00 80 8B 01", "48 B9 00 00 00 00 00 80 00 00 88 01", "48 B9 FF FF FF FF FF 7F FF FF 8B 01",
    "48 B9 00 00 00 00 00 00 00 80 0F 18 01",
    // Ring 0's half, by every kind of access.
    "48 B9 00 00 00 00 00 80 FF FF 8B 01", "48 B9 00 00 00 80 FF FF FF FF 88 01", "48 B9 00 00 00 00 00 80 FF FF FF E1",
    // Vectors and their control words (QEMU raises no exception of x87 and SSE arithmetic, and none for reserved bits of MXCSR).
    "0F 28 43 08", "0F 29 43 08", "66 0F 6F 43 04", "0F AE 4B 08", "0F AE 5B 10 8B 43 10", 
    "31 C9 F7 F1", "B8 00 00 00 80 99 83 C9 FF F7 F9", "48 0F C7 4B 08", "F0 0F C7 4B 04", "F0 90", "F0 01 C0",
    "D9 EE D9 2B D9 E8 DE F1 9B",
    // String instructions and repetition.
    "B9 08 00 00 00 F3 A4", "FD B9 08 00 00 00 F3 48 A5", "B9 00 10 00 00 48 C7 C7 00 00 00 00 F3 AA", "67 F3 AA",
    // A system call that there is not.
    "B8 00 00 01 00 0F 05", "48 C7 C0 FF FF FF FF 0F 05", "B8 18 00 00 00 66 0F 05 31 C0",
};

static const u64 s_selectors[] = {0, 1, 3, 4, 7, 0x10, 0x13, 0x18, 0x1B, 0x28, 0x29, 0x2B, 0x2C, 0x2F, 0x30, 0x33, 0x37, 0x40, 0x43, 0x4B,
    0x53, 0xFFF8, 0xFFFB, 0xFFFF};

static const char *const s_loads[] = {"8E D8", "8E C0", "8E E0", "8E E8", "8E D0 90", "50 0F A1", "50 0F A9", "0F 00 E0", "0F 00 E8"};

static const char *const s_returns[] = {"48 CF", "CF", "66 CF", "48 CB", "CB", "66 CB", "48 CA 08 00", "FF 2B", "66 FF 2B", "FF 1B"};

static void runAll(void)
{
    char name[128];
    unsigned char bytes[64];
    u64 registers[8];
    for (unsigned i = 0; i < sizeof s_streams / sizeof *s_streams; i++) {
        prepare(registers, 0);
        run(s_streams[i], bytes, parse(s_streams[i], bytes), registers);
    }

    for (unsigned i = 0; i < sizeof s_loads / sizeof *s_loads; i++) {
        for (unsigned j = 0; j < sizeof s_selectors / sizeof *s_selectors; j++) {
            prepare(registers, s_selectors[j]);
            snprintf(name, sizeof name, "%s with %lx", s_loads[i], s_selectors[j]);
            run(name, bytes, parse(s_loads[i], bytes), registers);
        }
    }

    // Far returns and jumps: target, code segment, flags, stack, stack segment; the first that is wrong decides. (VM among the flags is
    // nothing to CPUs, and a way into 16-bit code for QEMU's translator.)
    u64 target = (u64)s_code + 16, stack = (u64)s_stack + 3072;
    u64 frames[][5] = {
        {target, 0x33, 0x202, stack, 0x2B}, {target, 0x33, 0x3202, stack, 0x2B}, {target, 0x33, 0x302, stack, 0x2B},
        {target, 0x33, 0x4202, stack, 0x2B},
        {target, 0x33, 0x2, stack, 0x2B}, {target, 0x33, 0x240ED7, stack, 0x2B}, {target, 0x10, 0x202, stack, 0x18},
        {target, 0x13, 0x202, stack, 0x2B}, {target, 0, 0x202, stack, 0x2B}, {target, 3, 0x202, stack, 0x2B},
        {target, 0x2B, 0x202, stack, 0x2B}, {target, 0x30, 0x202, stack, 0x2B}, {target, 0x33, 0x202, stack, 0},
        {target, 0x33, 0x202, stack, 0x18}, {target, 0x33, 0x202, stack, 0x28}, {target, 0x33, 0x202, stack, 0x33},
        {target, 0x33, 0x202, stack, 0x2F}, {target, 0x43, 0x202, stack, 0x2B}, {target, 0xFFFF, 0x202, stack, 0x2B},
        {target, 0x37, 0x202, stack, 0x2B}, {0x1000, 0x33, 0x202, stack, 0x2B},
    };
    for (unsigned i = 0; i < sizeof s_returns / sizeof *s_returns; i++) {
        for (unsigned j = 0; j < sizeof frames / sizeof *frames; j++) {
            prepare(registers, 0);
            memcpy((char *)s_stack + 2048, frames[j], sizeof frames[j]);
            memcpy(s_data, frames[j], sizeof frames[j]);
            if (s_returns[i][0] != '4') { // four bytes each, and two
                for (int k = 0; k < 5; k++) {
                    ((uint32_t *)((char *)s_stack + 2048))[k] = (uint32_t)frames[j][k];
                    if (s_returns[i][0] == '6') {
                        ((uint16_t *)((char *)s_stack + 2048))[k] = (uint16_t)frames[j][k];
                    }
                }
                ((uint32_t *)s_data)[1] = (uint32_t)frames[j][1];
            }
            snprintf(name, sizeof name, "%s to %lx %lx", s_returns[i], frames[j][1], frames[j][4]);
            run(name, bytes, parse(s_returns[i], bytes), registers);
        }
    }
}

static u64 next(u64 *state)
{
    u64 x = *state += 0x9E3779B97F4A7C15;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
    x = (x ^ x >> 27) * 0x94D049BB133111EB;
    return x ^ x >> 31;
}

static void runRandom(u64 seed, long count)
{
    static const char *const prefixes[] = {"66", "67", "F2", "F3", "2E", "36", "64", "65", "48"};
    for (long i = 0; i < count; i++) {
        char name[256] = "";
        unsigned char bytes[256];
        unsigned length = 0;
        u64 registers[8], state = seed + (u64)i * 0x10001;
        for (u64 pieces = 1 + next(&state) % 3; pieces > 0 && length < 48; pieces--) {
            const char *piece = next(&state) % 3 == 0 ? s_loads[next(&state) % (sizeof s_loads / sizeof *s_loads)]
                : s_streams[next(&state) % (sizeof s_streams / sizeof *s_streams)];
            const char *prefix = next(&state) % 4 == 0 ? prefixes[next(&state) % (sizeof prefixes / sizeof *prefixes)] : "";
            length += parse(prefix, bytes + length);
            length += parse(piece, bytes + length);
            snprintf(name + strlen(name), sizeof name - strlen(name), "%s %s, ", prefix, piece);
        }
        prepare(registers, s_selectors[next(&state) % (sizeof s_selectors / sizeof *s_selectors)]);
        run(name, bytes, length, registers);
    }
}

int main(int argc, char **argv)
{
    const int Access = PROT_READ | PROT_WRITE, Kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    s_code = mmap((void *)0x10000000, 4096, Access | PROT_EXEC, Kind, -1, 0);
    s_stack = mmap((void *)0x10010000, 4096, Access, Kind, -1, 0);
    s_data = mmap((void *)0x10020000, 4096, Access, Kind, -1, 0);
    void *alternate = mmap((void *)0x10100000, 65536, Access, Kind, -1, 0);
    sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = 65536}, NULL);
    syscall(SYS_arch_prctl, ARCH_GET_FS, &g_fs);
    struct sigaction action = {.sa_sigaction = handler_entry, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (int signal = 1; signal < 32; signal++) {
        if (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP || signal == SIGSYS) {
            sigaction(signal, &action, NULL);
        }
    }
    u64 plain[8] = {0, (u64)s_data, 0, 0, (u64)s_data + 256, (u64)s_data + 512, (u64)s_data + 1024, (u64)s_stack + 2048};
    memcpy(s_plain, plain, sizeof plain);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2) {
        runRandom(strtoull(argv[1], NULL, 0), atol(argv[2]));
    } else {
        runAll();
    }
    puts("done");
    return 0;
}
