/* prctl(2), capset(2), membarrier(2), personality(2) and what user IDs do to capabilities: the rules, by their answers. */
#include "answers.h"
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <unistd.h>

static struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

static uint64_t get(int which)
{
    struct __user_cap_data_struct d[2] = { { 0 } };
    if (syscall(SYS_capget, &header, d)) return ~0ULL;
    return which == 0 ? d[0].effective | (uint64_t)d[1].effective << 32
        : which == 1 ? d[0].permitted | (uint64_t)d[1].permitted << 32 : d[0].inheritable | (uint64_t)d[1].inheritable << 32;
}

static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_data_struct d[2] = {
        { effective, permitted, inheritable }, { effective >> 32, permitted >> 32, inheritable >> 32 } };
    return syscall(SYS_capset, &header, d);
}

/* What is left of a few sets that every environment with root has. */
#define OURS (1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_KILL \
    | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SETPCAP)

static void show(const char *when)
{
    printf("%s: effective %llx permitted %llx inheritable %llx keep %d\n", when, (unsigned long long)(get(0) & OURS),
        (unsigned long long)(get(1) & OURS), (unsigned long long)(get(2) & OURS), prctl(PR_GET_KEEPCAPS));
}

static void membarriers(void)
{
    printf("query %lx\n", syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) & 0x7f);
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
    ASK(syscall(SYS_membarrier, 1 << 20, 0, 0));
    ASK(syscall(SYS_membarrier, 3, 0, 0));
    ASK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 4, 0));
}

static void options(void)
{
    int number = -1;
    ASK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    ASK(prctl(PR_GET_CHILD_SUBREAPER, &number, 0, 0, 0));
    ASK(number);
    ASK(prctl(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0));
    ASK(prctl(PR_SET_PDEATHSIG, 64, 0, 0, 0));
    ASK(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
    ASK(prctl(PR_SET_PDEATHSIG, -1, 0, 0, 0));
    ASK(prctl(PR_GET_PDEATHSIG, &number, 0, 0, 0));
    ASK(number);
    ASK(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    ASK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    ASK(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0));
    ASK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    ASK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    ASK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    ASK(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    ASK(prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0));
    ASK(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    ASK(prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0));
    ASK(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
    ASK(prctl(PR_GET_TIMING, 0, 0, 0, 0));
    ASK(prctl(PR_SET_TIMING, 1, 0, 0, 0));
    ASK(prctl(PR_GET_TSC, &number, 0, 0, 0));
    ASK(number);
    ASK(prctl(PR_SET_TSC, 3, 0, 0, 0));
    ASK(prctl(PR_SET_THP_DISABLE, 0, 1, 0, 0));
    ASK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
    ASK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    ASK(prctl(PR_GET_THP_DISABLE, 1, 1, 1, 1));
    ASK(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
    ASK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    ASK(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
    ASK(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
    ASK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    ASK(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0));
    ASK(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0));
    ASK(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
    ASK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    ASK(prctl(12345, 0, 0, 0, 0));
}

static void capabilities(void)
{
    ASK(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0));
    ASK(prctl(PR_CAPBSET_READ, 63, 0, 0, 0));
    ASK(prctl(PR_CAPBSET_DROP, 63, 0, 0, 0));
    ASK(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
    ASK(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0));
    ASK(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    ASK(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
    ASK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    ASK(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_FOWNER, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_FOWNER, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 63, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_FOWNER, 1, 0));
    ASK(prctl(PR_CAP_AMBIENT, 9, CAP_FOWNER, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));

    /* What is inherited may be made ambient; nothing may be inherited that the bounding set has lost. */
    uint64_t effective = get(0), permitted = get(1);
    ASK(set(effective, permitted, 1ULL << CAP_FOWNER));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_FOWNER, 0, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_FOWNER, 0, 0));
    ASK(set(effective, permitted, 1ULL << CAP_KILL));
    ASK(set(effective, permitted, 0));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_FOWNER, 0, 0));
    show("before");

    header.version = 1;
    ASK(syscall(SYS_capget, &header, NULL));
    printf("version %x\n", header.version);
    header.version = 1;
    ASK(syscall(SYS_capset, &header, NULL));
    header.version = _LINUX_CAPABILITY_VERSION_3;
    header.pid = 1 << 30;
    ASK(syscall(SYS_capget, &header, &effective));
    ASK(set(effective, permitted, 0));
    header.pid = -1;
    ASK(syscall(SYS_capget, &header, &effective));
    header.pid = 0;
    ASK(syscall(SYS_capget, 8, NULL));

    /* Another user: with SECBIT_KEEP_CAPS what is permitted stays, and nothing is in force until it is asked for. */
    ASK(setresuid(-1, 1000, -1));
    show("another effective user");
    ASK(setresuid(-1, 0, -1));
    show("root again");
    ASK(setfsuid(1000));
    show("another user of files");
    ASK(setfsuid(0));
    ASK(setresuid(1000, 1000, 1000));
    show("another user");
    ASK(prctl(PR_CAPBSET_DROP, CAP_FOWNER, 0, 0, 0));
    ASK(setuid(0));
    ASK(set(1ULL << CAP_SETUID | 1ULL << CAP_KILL, 1ULL << CAP_SETUID, 0));
    ASK(set(1ULL << CAP_SETUID, 1ULL << CAP_SETUID, 1ULL << CAP_FSETID));
    ASK(set(1ULL << CAP_SETUID, 1ULL << CAP_SETUID, 0));
    ASK(set(1ULL << CAP_SETUID, 1ULL << CAP_SETUID | 1ULL << CAP_CHOWN, 0));
    ASK(setgid(0) == 0 || errno == EPERM ? 0 : -1);
    ASK(setuid(0));
    show("root, with one capability");
    ASK(setgroups(0, NULL));
    ASK(chown("/tmp", 0, 0));
    ASK(sethostname("x", 1));
    ASK(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
    ASK(setuid(1000));
    show("another user, for good");
    ASK(setuid(0));
    ASK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0));
}

static void secure_bits(void)
{
    ASK(prctl(PR_SET_SECUREBITS, 1 << 20, 0, 0, 0));
    ASK(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0));
    ASK(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    ASK(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
    ASK(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0));
    ASK(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS, 0, 0, 0));
    ASK(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
}

static int reads_as_executable(void)
{
    char line[256];
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char access[8];
        sscanf(line, "%lx-%lx %7s", &start, &end, access);
        if (start <= (unsigned long)page && (unsigned long)page < end) {
            fclose(maps);
            return access[2] == 'x';
        }
    }
    return -1;
}

static void personalities(void)
{
    struct utsname name;
    ASK(personality(0xffffffff));
    ASK(personality(READ_IMPLIES_EXEC | ADDR_COMPAT_LAYOUT));
    ASK(personality(0xffffffff));
    ASK(reads_as_executable());
    ASK(personality(PER_LINUX32 | UNAME26 | STICKY_TIMEOUTS));
    ASK(reads_as_executable());
    uname(&name);
    printf("%s, release %.4s\n", name.machine, name.release);
    struct timeval time = { 0, 20000 };
    select(0, NULL, NULL, NULL, &time);
    printf("%ld\n", (long)time.tv_usec);
    ASK(personality(PER_LINUX));
    uname(&name);
    printf("%s, 2.6: %d\n", name.machine, !strncmp(name.release, "2.6", 3));
    time.tv_usec = 1000;
    select(0, NULL, NULL, NULL, &time);
    printf("%ld\n", (long)time.tv_usec);
}

/* Attributes of security modules: capabilities in their format, and who may set what. */
static void attributes(void)
{
    printf("attributes\n");
    unlink("/tmp/attributes");
    int file = open("/tmp/attributes", O_RDWR | O_CREAT, 0755);
    unsigned v2[6] = { 0x02000001, 0x400, 0, 0, 0, 0 }, v3[6] = { 0x03000001, 0x400, 0, 0, 0, 1000 }, v1[3] = { 0x01000001, 0x400, 0 },
        read[16];
    char list[256];
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fremovexattr(file, "security.capability"));
    ASK(fsetxattr(file, "security.capability", v2, 20, XATTR_REPLACE));
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(fsetxattr(file, "security.capability", v2, 20, XATTR_CREATE));
    ASK(fgetxattr(file, "security.capability", NULL, 0));
    ASK(fgetxattr(file, "security.capability", read, 19));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    printf("%x %x %x\n", read[0], read[1], read[4]);
    ASK(flistxattr(file, list, sizeof list));
    printf("%s\n", list);
    ASK(fsetxattr(file, "security.capability", v2, 0, 0));
    ASK(fsetxattr(file, "security.capability", v2, 19, 0));
    ASK(fsetxattr(file, "security.capability", v2, 24, 0));
    ASK(fsetxattr(file, "security.capability", v3, 20, 0));
    ASK(fsetxattr(file, "security.capability", v1, 12, 0));
    v2[0] = 0x04000000;
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    v2[0] = 0x02fffffe;
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    printf("%x\n", read[0]);
    ASK(fsetxattr(file, "security.capability", v3, 24, 0));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    printf("%x %x %u\n", read[0], read[1], read[5]);
    v3[5] = 0;
    ASK(fsetxattr(file, "security.capability", v3, 24, 0));
    ASK(fgetxattr(file, "security.capability", NULL, 0));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    printf("%x\n", read[0]);

    /* Who changes the file's contents or its owner, takes them away, be it the superuser. */
    v2[0] = 0x02000001;
    ASK(write(file, "x", 1));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(ftruncate(file, 10));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(fchown(file, 1000, 1000));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(fchmod(file, 0700));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(pwrite(file, "", 0, 0));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fallocate(file, 0, 0, 100));
    ASK(fgetxattr(file, "security.capability", read, sizeof read));
    ASK(fremovexattr(file, "security.capability"));

    ASK(fsetxattr(file, "security.other", "x", 1, 0));
    ASK(fgetxattr(file, "security.other", read, sizeof read));
    ASK(fsetxattr(file, "security.", "x", 1, 0));
    ASK(fgetxattr(file, "security.", read, sizeof read));
    ASK(fsetxattr(file, "trusted.other", "x", 1, 0));
    ASK(fsetxattr(file, "system.other", "x", 1, 0));
    ASK(fgetxattr(file, "system.other", read, sizeof read));
    ASK(fsetxattr(file, "nothing.other", "x", 1, 0));
    ASK(setxattr("/proc/self/stat", "security.capability", v2, 20, 0));
    ASK(setxattr("/proc/self/stat", "security.other", v2, 20, 0));
    ASK(mkdir("/tmp/attributes.d", 0700));
    ASK(setxattr("/tmp/attributes.d", "security.capability", v2, 20, 0));
    ASK(symlink("x", "/tmp/attributes.l"));
    ASK(lsetxattr("/tmp/attributes.l", "security.capability", v2, 20, 0));

    /* Without the rights. */
    ASK(seteuid(1000));
    ASK(fsetxattr(file, "security.capability", v2, 20, 0));
    ASK(fsetxattr(file, "security.capability", v2, 19, 0));
    ASK(fsetxattr(file, "security.other", "x", 1, 0));
    ASK(fsetxattr(file, "trusted.other", "x", 1, 0));
    ASK(fgetxattr(file, "security.other", read, sizeof read));
    ASK(fgetxattr(file, "trusted.other", read, sizeof read));
    ASK(fremovexattr(file, "security.other"));
    ASK(fremovexattr(file, "security.capability"));
    ASK(fremovexattr(file, "trusted.other"));
    ASK(flistxattr(file, list, sizeof list));
    printf("%s\n", list);
    ASK(seteuid(0));
    unlink("/tmp/attributes");
    rmdir("/tmp/attributes.d");
    unlink("/tmp/attributes.l");
    close(file);
}

int main(void)
{
    mkdir("/tmp", 01777);
    attributes();
    membarriers();
    options();
    personalities();
    secure_bits();
    capabilities();
    ASK(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    ASK(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    ASK(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    ASK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    ASK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return 0;
}
