/* mmap(2) and its family at the edges: huge pages that are not there, low addresses, locked pages, and futexes in pages that cannot be
   touched. */
#include "answers.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAP(address, length, access, flags) \
    (mmap((void *)(address), length, access, MAP_PRIVATE | MAP_ANONYMOUS | (flags), -1, 0) == MAP_FAILED ? -1 : 0)

static void places(void)
{
    ASK(MAP(0, 0, PROT_READ, MAP_HUGETLB));
    ASK(MAP(0, 4096, PROT_READ, MAP_HUGETLB | 22 << MAP_HUGE_SHIFT));
    ASK(MAP(0, 0, PROT_READ, 0));
    ASK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, open("/dev/zero", O_RDONLY), 0) == MAP_FAILED ? -1 : 0);
    ASK(MAP(0x1000, 4096, PROT_READ | PROT_WRITE, MAP_FIXED));
    *(volatile char *)0x1000 = 1;
    ASK(*(volatile char *)0x1000);
    ASK(MAP(0x1000, 4096, PROT_READ, MAP_FIXED_NOREPLACE));
    ASK(munmap((void *)0x1000, 4096));
    ASK(mmap((void *)0x2000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (void *)0x2000);
    ASK(mmap((void *)0x12000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (void *)0x12000);
}

static void locks(void)
{
    char *page = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *page = 1;
    ASK(mlock(page + 4096, 4096));
    ASK(msync(page, 4 * 4096, MS_SYNC));
    ASK(msync(page, 4 * 4096, MS_INVALIDATE));
    ASK(msync(page, 4096, MS_INVALIDATE | MS_SYNC));
    ASK(madvise(page, 4096, MADV_DONTNEED));
    ASK(*page);
    ASK(madvise(page + 4096, 4096, MADV_DONTNEED));
    ASK(madvise(page + 4096, 4096, MADV_DONTNEED_LOCKED));
    ASK(madvise(page + 4096, 4096, MADV_FREE));
    ASK(madvise(page + 4096, 4096, MADV_COLD));
    ASK(madvise(page + 4096, 4096, MADV_PAGEOUT));
    ASK(madvise(page + 4096, 4096, MADV_WILLNEED));
    ASK(mlock(shared, 4096));
    ASK(madvise(shared, 4096, MADV_REMOVE));
    ASK(munlock(page, 4 * 4096));
    ASK(madvise(page + 4096, 4096, MADV_DONTNEED));
    ASK(MAP(0, 4096, PROT_READ | PROT_WRITE, MAP_LOCKED));
    ASK(mlockall(0));
    ASK(mlockall(8));
    ASK(mlockall(MCL_ONFAULT));
    ASK(mlockall(MCL_CURRENT));
    ASK(madvise(page, 4096, MADV_DONTNEED));
    ASK(munlockall());
    ASK(madvise(page, 4096, MADV_DONTNEED));
    ASK(mlockall(MCL_FUTURE));
    char *later = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASK(madvise(later, 4096, MADV_DONTNEED));
    ASK(munlockall());
    ASK(madvise(later, 4096, MADV_DONTNEED));
    munmap(page + 2 * 4096, 4096);
    ASK(mlock(page, 4 * 4096));
    ASK(madvise(page, 4096, MADV_DONTNEED));
    ASK(mlock(page, -1));
    ASK(munlock(page, 4 * 4096));

    /* The limit, for who has no CAP_IPC_LOCK. */
    struct rlimit limit = { 8192, 8192 };
    setrlimit(RLIMIT_MEMLOCK, &limit);
    ASK(seteuid(1000));
    ASK(mlock(page, 4096));
    ASK(mlock(page, 8192));
    char *more = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASK(mlock(more, 4096));
    ASK(mlockall(MCL_CURRENT));
    ASK(MAP(0, 4096, PROT_READ, MAP_LOCKED));
    ASK(munlock(page, 4096));
    ASK(mlock(more, 4096));
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_MEMLOCK, &limit);
    ASK(mlock(more, 4096));
    ASK(MAP(0, 4096, PROT_READ, MAP_LOCKED));
    seteuid(0);
}

static void futexes(void)
{
    static int word;
    char *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(gone, 4096);
    int file = memfd_create("short", 0);
    ftruncate(file, 4096);
    void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *readable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *beyond = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    void *const places[] = { gone, none, readable, beyond, beyond + 4096, &word, (void *)8, (void *)-4096 };
    static const char *const names[] = { "unmapped", "no access", "readable", "shared", "beyond the file", "variable", "low",
        "the kernel's" };
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        void *p = places[i];
        printf("%s\n", names[i]);
        ASK(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0));
        ASK(syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
        ASK(syscall(SYS_futex, p, FUTEX_WAIT, 1, NULL, NULL, 0));
        ASK(syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
        ASK(syscall(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, p, 0));
        ASK(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, p, 0));
        ASK(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, p, 1));
        ASK(syscall(SYS_futex, p, FUTEX_REQUEUE, 1, 1, &word, 0));
        ASK(syscall(SYS_futex, &word, FUTEX_WAKE_OP, 1, 1, p, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)));
    }
}

int main(void)
{
    places();
    locks();
    futexes();
    return 0;
}
