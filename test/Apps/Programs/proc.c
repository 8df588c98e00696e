/* /proc: what can be written, looked up and mapped there, and whether it tells the truth about the program. */
#include "answers.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static char contents[8192];

static const char *read_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, contents, sizeof contents - 1);
    if (fd >= 0) close(fd);
    contents[length < 0 ? 0 : length] = 0;
    return length < 0 ? strerrorname_np(errno) : contents;
}

static void write_file(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | flags, 0666);
    long result = fd < 0 ? -1 : write(fd, text, strlen(text));
    char what[64];
    snprintf(what, sizeof what, "%s%s: \"%.*s\"", path, flags & O_TRUNC ? " (cut)" : "", (int)strcspn(text, "\n"), text);
    answer(what, result);
    if (fd >= 0) close(fd);
}

static const char *status(const char *name)
{
    char *line = strstr(read_file("/proc/self/status"), name);
    if (!line) return "missing";
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void writing(void)
{
    for (int cut = 0; cut < 2; cut++) {
        int flags = cut ? O_TRUNC | O_CREAT : 0;
        write_file("/proc/self/comm", flags, cut ? "second" : "first");
        printf("%s", read_file("/proc/self/comm"));
        write_file("/proc/self/oom_score_adj", flags, cut ? "12\n" : "700");
        printf("%s", read_file("/proc/self/oom_score_adj"));
    }
    write_file("/proc/self/comm", 0, "longer than there is room for");
    printf("%s", read_file("/proc/self/comm"));
    char name[16];
    prctl(PR_GET_NAME, name);
    printf("%s\n", name);
    write_file("/proc/self/oom_score_adj", 0, "1001");
    write_file("/proc/self/oom_score_adj", 0, "-1001");
    write_file("/proc/self/oom_score_adj", 0, "text");
    write_file("/proc/self/oom_score_adj", 0, "");
    write_file("/proc/self/oom_score_adj", 0, "0");
    write_file("/proc/self/stat", 0, "x");
    write_file("/proc/self/maps", O_TRUNC, "x");
    write_file("/proc/version", 0, "x");
    write_file("/proc/uptime", O_TRUNC, "x");
    write_file("/proc/sys/kernel/osrelease", 0, "x");
    write_file("/proc/sys/kernel/ostype", O_TRUNC, "x");
    ASK(truncate("/proc/version", 0));
    ASK(truncate("/proc/self/comm", 100));
    ASK(chmod("/proc/self/stat", 0777));
    ASK(chmod("/proc/self", 0777));
    ASK(chmod("/proc/sys/kernel/ostype", 0777));
}

static void looking_up(void)
{
    static const char *const names[] = { "/proc/self/task", "/proc/self/task/abc", "/proc/self/task/0", "/proc/self/task/-1",
        "/proc/self/task/+1",
        "/proc/self/task/999999", "/proc/self/task/99999999999", "/proc/self/task/4294967297", "/proc/self/task/1 ", "/proc/self/fd/x",
        "/proc/self/fd/00", "/proc/self/fd/01", "/proc/self/fd/-1", "/proc/self/fd/999", "/proc/self/fd/0", "/proc/self/fdinfo/0",
        "/proc/self/fdinfo/999", "/proc/0", "/proc/01", "/proc/-1", "/proc/99999999999", "/proc/thread-self/stat", "/proc/self/task/self" };
    struct stat stat_of;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        printf("%s: ", names[i]);
        ASK(lstat(names[i], &stat_of));
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    ASK(stat(path, &stat_of));
    snprintf(path, sizeof path, "/proc/self/task/0%d", getpid());
    ASK(stat(path, &stat_of));
    ASK(mkdir("/proc/self/new", 0700));
    ASK(mkdir("/proc/new", 0700));
    ASK(open("/proc/self/new", O_CREAT | O_RDWR, 0600));
    ASK(open("/proc/sys/kernel/new", O_CREAT | O_RDWR, 0600));
    ASK(mkdir("/proc/self/stat", 0700));
    ASK(symlink("a", "/proc/self/new"));
    ASK(mknod("/proc/self/new", S_IFIFO | 0600, 0));
    ASK(unlink("/proc/self/stat"));
    ASK(unlink("/proc/self/new"));
    ASK(rmdir("/proc/self/task"));
    ASK(rename("/proc/self/stat", "/proc/self/tats"));
    ASK(rename("/proc/self/stat", "/proc/self/maps"));
    ASK(link("/proc/self/stat", "/tmp/answers-link"));
    ASK(link("/proc/self/stat", "/proc/self/new"));
}

static void mapping(void)
{
    static const char *const files[] = { "/proc/self/maps", "/proc/self/status", "/proc/version", "/proc/cpuinfo",
        "/proc/sys/kernel/ostype", "/proc/self" };
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        printf("%s: ", files[i]);
        ASK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(files[i], O_RDONLY), 0) == MAP_FAILED ? -1 : 0);
    }
}

/* The fields of /proc/self/stat behind the name, of which the third of the file is the first. */
static long long field(const char *path, int number)
{
    const char *text = read_file(path);
    text = strrchr(text, ')') + 1;
    for (int i = 3; i < number; i++) text = strchr(text + 1, ' ');
    return strtoull(text, NULL, 10);
}

extern char **environ;

static void *thread(void *argument)
{
    char path[64];
    pid_t id = syscall(SYS_gettid);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    printf("a thread's own number %d\n", atoi(read_file(path)) == id);
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", id);
    write_file("/proc/thread-self/comm", 0, "worker");
    printf("%s", read_file(path));
    printf("the process's threads %lld\n", field("/proc/self/stat", 20));
    setpriority(PRIO_PROCESS, id, 7);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    printf("priority %lld, nice %lld\n", field(path, 18), field(path, 19));
    printf("the first one's: priority %lld, nice %lld\n", field("/proc/self/stat", 18), field("/proc/self/stat", 19));
    return NULL;
}

static void telling(char **arguments)
{
    unsigned long start = field("/proc/self/stat", 48), end = field("/proc/self/stat", 49);
    unsigned long environment = field("/proc/self/stat", 50), environment_end = field("/proc/self/stat", 51);
    printf("arguments start %d, end %d\n", start == (unsigned long)arguments[0], end == environment);
    size_t length = 0;
    for (int i = 0; arguments[i]; i++) length += strlen(arguments[i]) + 1;
    printf("length %d\n", end - start == length);
    printf("environment %d, longer than nothing %d\n", !environ[0] || environment == (unsigned long)environ[0],
        environment_end >= environment);
    printf("stack %d\n", (unsigned long)field("/proc/self/stat", 28) < start);
    printf("resident limit %d\n", field("/proc/self/stat", 25) == -1);
    pthread_t other;
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL);

    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%s\n", status("VmLck:"));
    ASK(mlock(page, 8192));
    printf("%s\n", status("VmLck:"));
    ASK(munlock(page, 4096));
    printf("%s\n", status("VmLck:"));
    munmap(page, 8192);
    printf("%s\n", status("VmLck:"));
    printf("%s\n", status("NoNewPrivs:"));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    printf("%s\n", status("NoNewPrivs:"));
    prctl(PR_CAPBSET_DROP, 3, 0, 0, 0);
    printf("bounding %lx\n", strtoul(status("CapBnd:") + 8, NULL, 16) & 0xff);

    int fd = open("/tmp/answers-info", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    unlink("/tmp/answers-info");
    write(fd, "four", 4);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    const char *text = read_file(path);
    printf("%.*s\n", (int)(strstr(text, "mnt_id") - text), text);
    printf("%s", read_file("/proc/self/loginuid"));
    printf("\n%s%s%s\n", read_file("/proc/self/uid_map"), "", "");
    printf("%s", read_file("/proc/self/setgroups"));
    printf("%s", read_file("/sys/devices/system/cpu/cpu0/topology/core_id"));
    printf("%s", read_file("/sys/devices/system/node/node0/distance"));
}

static void names(void)
{
    static const char *const files[] = { "/proc/sys/vm/max_map_count", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/pid_max",
        "/proc/sys/kernel/threads-max", "/proc/sys/kernel/random/uuid", "/proc/sys/kernel/random/boot_id", "/proc/sys/fs/file-max",
        "/proc/sys/fs/nr_open", "/proc/sys/fs/pipe-max-size", "/proc/sys/kernel/cap_last_cap", "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/ngroups_max", "/proc/self/cgroup", "/proc/self/mountinfo",
        "/proc/self/limits",
        "/proc/self/statm", "/proc/self/environ", "/proc/self/auxv", "/proc/self/wchan", "/proc/self/loginuid", "/proc/self/sessionid",
        "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/fdinfo", "/proc/diskstats", "/proc/partitions",
        "/proc/swaps",
        "/proc/devices", "/proc/vmstat", "/proc/interrupts", "/sys/devices/system/cpu/cpu0/topology/core_id",
        "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "/sys/devices/system/node/node0/cpulist", "/dev/fd/0" };
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        if (access(files[i], F_OK)) printf("%s is not there\n", files[i]);
    }
}

/* Cuts the part of smaps or numa_maps that tells of an address out. */
static char *part_of(const char *path, void *address)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t length = 0, count;
    while (fd >= 0 && (count = read(fd, text + length, sizeof text - 1 - length)) > 0) length += count;
    if (fd >= 0) close(fd);
    text[length] = 0;
    char start[32];
    snprintf(start, sizeof start, "%lx", (long)address);
    char *part = strstr(text, start);
    return part ? part : "missing";
}

static long kib_of(const char *part, const char *name)
{
    const char *line = strstr(part, name);
    return line ? atol(line + strlen(name)) : -1;
}

static void show_smaps(const char *what, void *address)
{
    static const char *const names[] = {
        "\nSize:", "\nKernelPageSize:", "\nMMUPageSize:", "\nRss:", "\nPss:", "\nShared_Clean:", "\nPrivate_Clean:", "\nPrivate_Dirty:",
        "\nReferenced:", "\nAnonymous:", "\nAnonHugePages:", "\nSwap:", "\nLocked:",
    };
    char *part = part_of("/proc/self/smaps", address);
    printf("%s:", what);
    for (int i = 0; i < sizeof names / sizeof *names; i++) printf(" %s%ld", names[i] + 1, kib_of(part, names[i]));
    char *flags = strstr(part, "VmFlags:");
    if (flags) {
        flags[strcspn(flags, "\n")] = 0;
        char *soft_dirty = strstr(flags, " sd");
        if (soft_dirty) memmove(soft_dirty, soft_dirty + 3, strlen(soft_dirty + 3) + 1);
    }
    printf(" [%s]\n", flags ? flags : "no flags");
}

static void show_node(const char *what, void *address)
{
    char *part = part_of("/proc/self/numa_maps", address);
    part[strcspn(part, "\n")] = 0;
    char *active = strstr(part, " active=");
    if (active) memmove(active, active + 9, strlen(active + 9) + 1);
    char *policy = strchr(part, ' ');
    printf("%s:%s\n", what, policy ? policy : part);
}

static void show_page(const char *what, void *address)
{
    unsigned long entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    unsigned long last = 1;
    ssize_t length = pread(fd, &last, 8, 0x7fffffffeL * 8);
    printf("the last page of pagemap: %zd, entry %lu\n", length, last);
    long count = pread(fd, &entry, 8, (long)address / 4096 * 8);
    close(fd);
    printf("%s: %ld present %d file %d once %d frame %d\n", what, count, (int)(entry >> 63), (int)(entry >> 61 & 1),
        (int)(entry >> 56 & 1), (entry & ((1UL << 55) - 1)) != 0);
}

static void memory(void)
{
    printf("memory\n");
    volatile char *own = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    /* Its neighbours must not grow together with it. */
    mprotect((void *)(own + 3 * 4096), 4096, PROT_READ | PROT_EXEC);
    own[0] = own[4096] = 1;
    show_smaps("own", (void *)own);
    show_node("own", (void *)own);
    show_page("touched", (void *)own);
    show_page("not touched", (void *)(own + 2 * 4096));
    mlock((void *)own, 3 * 4096);
    show_smaps("locked", (void *)own);
    munlock((void *)own, 3 * 4096);
    madvise((void *)own, 4096, MADV_DONTNEED);
    show_smaps("given back", (void *)own);

    volatile char *shared = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[0] = shared[4096] = 1;
    show_smaps("shared", (void *)shared);
    show_page("shared", (void *)shared);
    volatile char *again = mremap((void *)shared, 0, 4096, MREMAP_MAYMOVE);
    again[0] = 2;
    show_page("mapped twice", (void *)shared);
    show_page("mapped once", (void *)(shared + 4096));
    printf("half of one page: %ld\n", kib_of(part_of("/proc/self/smaps", (void *)again), "\nPss:"));

    int file = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write(file, contents, 8192);
    volatile char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    mapped[0] = 1;
    show_page("copy of a file's page", (void *)mapped);
    volatile char *shown = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    char first = shown[0];
    show_page("a file's page", (void *)shown);
    char name[64], target[64];
    snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", (long)shown, (long)shown + 4096);
    ssize_t length = readlink(name, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    printf("map_files: %s\n", target);
    struct stat direct, through;
    fstat(file, &direct);
    ASK(stat(name, &through));
    printf("the same: %d\n", direct.st_ino == through.st_ino);
    unlink("/tmp/mapped");
    length = readlink(name, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = 0;
    printf("map_files: %s\n", target);
    ASK(stat(name, &through));
    snprintf(name, sizeof name, "/proc/self/map_files/%lx-%lx", (long)own, (long)own + 3 * 4096);
    ASK(readlink(name, target, sizeof target));
    ASK(readlink("/proc/self/map_files/0-1000", target, sizeof target));
    ASK(readlink("/proc/self/map_files/x", target, sizeof target));
    int entries = 0, links = 0;
    DIR *directory = opendir("/proc/self/map_files");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        entries += strchr(entry->d_name, '-') != NULL;
        links += entry->d_type == DT_LNK;
    }
    closedir(directory);
    printf("entries that are links: %d\n", entries > 2 && entries == links);

    int fd = open("/proc/self/pagemap", O_RDONLY);
    unsigned long pair[2];
    ASK(pread(fd, pair, 8, 4));
    ASK(pread(fd, pair, 7, 0));
    ASK(pread(fd, pair, 16, (long)own / 4096 * 8));
    ASK(pread(fd, pair, 8, 1L << 40));
    close(fd);

    long sum = 0;
    for (char *part = part_of("/proc/self/smaps", (void *)0x400000), *line = part; (line = strstr(line, "\nRss:")); line++)
        sum += kib_of(line, "\nRss:");
    long all = kib_of(read_file("/proc/self/smaps_rollup"), "\nRss:");
    printf("rollup: %d %d\n", all > 0 && all - sum < 200 && sum - all < 200, strstr(contents, "[rollup]") != NULL);
    printf("filter %s", read_file("/proc/self/coredump_filter"));
    static const char *const filters[] = { "0x7f", "17", "017\n", "0xfff", "0", "x", "", "4294967296", "0x33\n" };
    for (int i = 0; i < sizeof filters / sizeof *filters; i++) {
        write_file("/proc/self/coredump_filter", 0, filters[i]);
        printf("filter %s", read_file("/proc/self/coredump_filter"));
    }
    read_file("/proc/self/sched");
    printf("sched: %d %d %d %d\n", strstr(contents, "#threads: 1)\n---") != NULL, strstr(contents, "\nse.sum_exec_runtime   ") != NULL,
        strstr(contents, "\nnr_voluntary_switches    ") != NULL,
        strstr(contents, "\nprio                                         :                  120\n") != NULL);
    long a, b, c;
    printf("schedstat: %d\n", sscanf(read_file("/proc/self/schedstat"), "%ld %ld %ld", &a, &b, &c));
    printf("zones: %d %d\n", strstr(read_file("/proc/buddyinfo"), "Node 0, zone ") != NULL,
        strstr(read_file("/proc/zoneinfo"), "\n  pages free     ") != NULL);
    static const char *const modes[] = { "smaps", "smaps_rollup", "pagemap", "numa_maps", "map_files", "schedstat", "coredump_filter" };
    for (int i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct stat attributes;
        snprintf(name, sizeof name, "/proc/self/%s", modes[i]);
        stat(name, &attributes);
        printf("%s %o", modes[i], attributes.st_mode);
        snprintf(name, sizeof name, "/proc/self/task/%d/%s", getpid(), modes[i]);
        printf(" in tasks %d\n", stat(name, &attributes));
    }
}

int main(int count, char **arguments)
{
    mkdir("/tmp", 01777);
    writing();
    looking_up();
    mapping();
    telling(arguments);
    names();
    memory();
    return 0;
}
