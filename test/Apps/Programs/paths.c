/* Ways to files and what is told of them: openat2(2), names of what was removed, roots, empty paths, attributes. */
#include "answers.h"
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static char home[PATH_MAX];

/* Paths without the directory that all happens in, whose name is nobody's business. */
static void show_path(const char *what, const char *path)
{
    size_t length = strlen(home);
    printf("%s: %s\n", what, !strncmp(path, home, length) ? path + length : path);
}

static void show_link(const char *what, const char *link)
{
    char target[PATH_MAX] = "";
    if (readlink(link, target, sizeof target - 1) < 0) snprintf(target, sizeof target, "%s", strerrorname_np(errno));
    show_path(what, target);
}

static void show_descriptor(const char *what, int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    show_link(what, link);
}

static long open2(int directory, const char *path, unsigned long flags, unsigned long resolve)
{
    struct open_how how = { .flags = flags, .resolve = resolve };
    long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0) close(fd);
    return fd < 0 ? -1 : 0;
}

static void ways(void)
{
    mkdir("d", 0700);
    mkdir("d/e", 0700);
    close(creat("d/e/f", 0600));
    symlink("e", "d/l");
    symlink("/proc", "d/away");
    symlink("../..", "d/e/up");
    int d = open("d", O_PATH | O_DIRECTORY);
    ASK(open2(d, "e/f", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "l/f", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "l/f", O_RDONLY, RESOLVE_NO_SYMLINKS));
    ASK(open2(d, "l", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
    ASK(open2(d, "l", O_RDONLY, RESOLVE_NO_SYMLINKS));
    ASK(open2(d, "e/..", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "..", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "e/../..", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "e/up", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "e/up/d", O_RDONLY, RESOLVE_IN_ROOT));
    ASK(open2(d, "e/up/e", O_RDONLY, RESOLVE_IN_ROOT));
    ASK(open2(d, "/e/f", O_RDONLY, RESOLVE_IN_ROOT));
    ASK(open2(d, "/e/f", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "../../../../e", O_RDONLY, RESOLVE_IN_ROOT));
    ASK(open2(d, "away", O_RDONLY, RESOLVE_IN_ROOT));
    ASK(open2(d, "away", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "away", O_RDONLY, 0));
    ASK(open2(d, "/proc/version", O_RDONLY, RESOLVE_NO_XDEV));
    ASK(open2(d, "away/version", O_RDONLY, RESOLVE_NO_XDEV));
    ASK(open2(d, "e/f", O_RDONLY, RESOLVE_NO_XDEV));
    ASK(open2(open("/proc", O_PATH), "..", O_RDONLY, RESOLVE_NO_XDEV));
    ASK(open2(open("/proc", O_PATH), "self/status", O_RDONLY, RESOLVE_NO_XDEV));
    ASK(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS));
    ASK(open2(AT_FDCWD, "/proc/self/root", O_RDONLY, RESOLVE_NO_MAGICLINKS));
    ASK(open2(AT_FDCWD, "/proc/self/" "root/proc", O_RDONLY, RESOLVE_NO_SYMLINKS));
    ASK(open2(AT_FDCWD, "/proc/self/status", O_RDONLY, RESOLVE_NO_MAGICLINKS));
    ASK(open2(open("/proc", O_PATH), "self/exe", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(d, "new", O_CREAT | O_RDWR, RESOLVE_BENEATH));
    ASK(open2(d, "e/f", O_RDONLY, RESOLVE_CACHED));
    ASK(open2(d, "new", O_CREAT | O_RDWR, RESOLVE_CACHED));
    ASK(open2(d, "e", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
    ASK(open2(d, "e", O_RDONLY, 0x40));
    ASK(open2(d, "e", O_PATH | O_RDWR, 0));
    ASK(open2(d, "e", 1UL << 40, 0));
    ASK(open2(d, "", O_RDONLY, RESOLVE_BENEATH));
    ASK(open2(99, "e", O_RDONLY, RESOLVE_BENEATH));
    struct { struct open_how how; unsigned long more[1024]; } large = { .how = { .flags = O_RDONLY } };
    ASK_IF(syscall(SYS_openat2, AT_FDCWD, "d", &large, sizeof large.how + 8));
    large.more[1] = 1;
    ASK(syscall(SYS_openat2, AT_FDCWD, "d", &large, sizeof large.how + 16));
    ASK(syscall(SYS_openat2, AT_FDCWD, "d", &large, 4097));
    ASK(syscall(SYS_openat2, AT_FDCWD, "d", &large, 23));
    ASK(syscall(SYS_openat2, AT_FDCWD, "d", (char *)-4096, 64));
    large.how.mode = 0600;
    ASK(syscall(SYS_openat2, AT_FDCWD, "d", &large, sizeof large.how));
}

static void removed_names(void)
{
    char line[PATH_MAX], buffer[PATH_MAX];
    mkdir("r", 0700);
    mkdir("r/s", 0700);
    int f = open("r/s/f", O_RDWR | O_CREAT, 0600), over = creat("r/over", 0600), mapped = open("r/mapped", O_RDWR | O_CREAT, 0600);
    int s = open("r/s", O_RDONLY), nameless = open("r", O_TMPFILE | O_RDWR, 0600);
    ftruncate(mapped, 4096);
    mmap(NULL, 4096, PROT_READ, MAP_SHARED, mapped, 0);
    close(mapped);
    unlink("r/mapped");
    show_descriptor("still there", f);
    unlink("r/s/f");
    show_descriptor("removed", f);
    close(creat("r/s/f", 0600));
    show_descriptor("removed, and the name taken", f);
    unlink("r/s/f");
    close(creat("r/new", 0600));
    rename("r/new", "r/over");
    show_descriptor("replaced", over);
    chdir("r/s");
    ASK_IF(syscall(SYS_getcwd, buffer, sizeof buffer));
    rmdir("../s");
    ASK(syscall(SYS_getcwd, buffer, sizeof buffer));
    show_link("working directory", "/proc/self/cwd");
    show_descriptor("directory", s);
    show_descriptor("in a removed directory", f);
    ASK(openat(AT_FDCWD, "x", O_CREAT | O_RDWR, 0600));
    ASK_IF(openat(AT_FDCWD, "..", O_RDONLY));
    chdir(home);
    snprintf(line, sizeof line, "/proc/self/fd/%d", nameless);
    ssize_t length = readlink(line, buffer, sizeof buffer - 1);
    buffer[length < 0 ? 0 : length] = 0;
    char *number = strchr(buffer, '#'), *end = number;
    int has_number = number && strtoul(number + 1, &end, 10) > 0;
    printf("nameless: %d%s\n", has_number, end ? end : "");
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        if (strstr(line, "(deleted)")) show_path("mapped", strchr(line, '/'));
    }
    fclose(maps);
}

static void empty_paths(void)
{
    struct stat stat;
    char buffer[64];
    int f = open("d/e/f", O_RDWR), link = open("d/l", O_PATH | O_NOFOLLOW);
    ASK(fstatat(f, "", &stat, 0));
    ASK(fstatat(f, "", &stat, AT_EMPTY_PATH));
    ASK(fstatat(f, "x", &stat, 0));
    ASK(fstatat(99, "", &stat, 0));
    ASK(fstatat(99, "", &stat, AT_EMPTY_PATH));
    ASK(openat(f, "", O_RDONLY));
    ASK(openat(99, "", O_RDONLY));
    ASK(mkdirat(f, "", 0700));
    ASK(unlinkat(f, "", 0));
    ASK(unlinkat(f, "", AT_REMOVEDIR));
    ASK(renameat(f, "", f, ""));
    ASK(linkat(f, "", f, "", 0));
    ASK(symlinkat("a", f, ""));
    ASK(mknodat(f, "", S_IFIFO | 0600, 0));
    ASK(fchownat(f, "", 0, 0, 0));
    ASK(fchmodat(f, "", 0600, 0));
    ASK(utimensat(f, "", NULL, 0));
    ASK(faccessat(f, "", F_OK, 0));
    ASK(readlinkat(f, "", buffer, sizeof buffer));
    ASK(readlinkat(link, "", buffer, sizeof buffer));
    ASK(chdir(""));
    ASK(chroot(""));
    ASK(truncate("", 0));
}

static void attributes(void)
{
    char value[128];
    int f = open("x", O_CREAT | O_RDWR, 0600);
    mkfifo("fifo", 0600);
    ASK(setxattr("x", "user.one", "first", 5, 0));
    ASK(setxattr("x", "user.one", "again", 5, XATTR_CREATE));
    ASK(setxattr("x", "user.two", "second", 6, XATTR_REPLACE));
    ASK(fsetxattr(f, "user.two", "", 0, XATTR_CREATE));
    ASK(setxattr("x", "user.one", "other", 5, XATTR_REPLACE));
    ASK(getxattr("x", "user.one", NULL, 0));
    ASK(getxattr("x", "user.one", value, 4));
    ASK(getxattr("x", "user.one", value, sizeof value));
    printf("%.5s\n", value);
    ASK(getxattr("x", "user.two", value, sizeof value));
    ASK(getxattr("x", "user.none", value, sizeof value));
    ASK(getxattr("x", "nonsense", value, sizeof value));
    ASK(setxattr("x", "nonsense", "v", 1, 0));
    ASK(setxattr("x", "user.", "v", 1, 0));
    ASK(setxattr("x", "", "v", 1, 0));
    ASK(setxattr("x", "user.one", "v", 1, 8));
    ASK(setxattr("x", "user.one", "v", 1 << 20, 0));
    ASK(setxattr("x", "user.one", (char *)8, 10, 0));
    ASK(getxattr("x", "user.one", (char *)8, 10));
    ASK(getxattr("x", (char *)8, value, 10));
    ASK(setxattr("fifo", "user.one", "v", 1, 0));
    ASK(getxattr("fifo", "user.one", value, 10));
    ASK(setxattr("missing", "user.one", "v", 1, 0));
    ASK(setxattr("d", "user.one", "v", 1, 0));
    ASK(listxattr("d", value, sizeof value));
    ASK(flistxattr(f, NULL, 0));
    ASK(flistxattr(f, value, 3));
    ASK(flistxattr(f, value, sizeof value));
    printf("%d %d\n", !!memmem(value, 18, "user.one", 9), !!memmem(value, 18, "user.two", 9));
    ASK(removexattr("x", "user.one"));
    ASK(removexattr("x", "user.one"));
    ASK(flistxattr(f, value, sizeof value));
    ASK(fgetxattr(99, "user.one", value, 10));
}

static void times_and_bits(void)
{
    struct statx x;
    struct stat stat;
    close(creat("born", 0600));
    struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    utimensat(AT_FDCWD, "born", old, 0);
    ASK(statx(AT_FDCWD, "born", 0, STATX_BASIC_STATS | STATX_BTIME, &x));
    printf("told %d, after 1970 %d, changed %lld\n", !!(x.stx_mask & STATX_BTIME), x.stx_btime.tv_sec > 1000000,
        (long long)x.stx_mtime.tv_sec);
    ASK(statx(AT_FDCWD, "/proc/self/status", 0, STATX_BTIME, &x));
    printf("told of a file of proc %d\n", !!(x.stx_mask & STATX_BTIME));

    umask(0);
    int f = open(".", O_TMPFILE | O_RDWR, 07777);
    write(f, "x", 1);
    fstat(f, &stat);
    printf("after a write %o\n", stat.st_mode & 07777);
    f = open("g", O_CREAT | O_RDWR, 0600);
    fchmod(f, 06755);
    write(f, "x", 1);
    ftruncate(f, 0);
    pwrite(f, "y", 1, 10);
    fstat(f, &stat);
    printf("after writes %o\n", stat.st_mode & 07777);
    fchown(f, 0, 0);
    fstat(f, &stat);
    printf("after chown %o\n", stat.st_mode & 07777);
    fchmod(f, 06745);
    fchown(f, 0, 0);
    fstat(f, &stat);
    printf("after chown of what groups cannot execute %o\n", stat.st_mode & 07777);
    fchmod(f, 06755);
    seteuid(1000);
    write(f, "x", 1);
    fstat(f, &stat);
    printf("after a write by another user %o\n", stat.st_mode & 07777);
    seteuid(0);
}

static void roots(void)
{
    char buffer[PATH_MAX];
    mkdir("jail", 0700);
    mkdir("closed", 0);
    close(creat("file", 0700));
    ASK(chroot("file"));
    ASK(chroot("missing"));
    seteuid(1000);
    ASK(chroot("d"));
    ASK(chroot("/"));
    seteuid(0);
    int outside = open("d/e/f", O_RDONLY), proc = open("/proc", O_RDONLY);
    ASK(chroot("jail"));
    ASK_IF(syscall(SYS_getcwd, buffer, sizeof buffer));
    size_t length = strlen("(unreachable)");
    printf("%.*s", (int)length, buffer);
    show_path("", buffer + length);
    ASK(open("/proc", O_RDONLY));
    char link[64];
    snprintf(link, sizeof link, "self/fd/%d", outside);
    memset(buffer, 0, sizeof buffer);
    ASK_IF(readlinkat(proc, link, buffer, sizeof buffer - 1));
    show_path("a file outside", buffer);
    ASK(chdir("/"));
    ASK(syscall(SYS_getcwd, buffer, sizeof buffer));
    ASK(chdir(".."));
    ASK(syscall(SYS_getcwd, buffer, sizeof buffer));
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *place)
{
    return remove(path);
}

int main(void)
{
    int root = open("/", O_RDONLY);
    strcpy(home, "/tmp/answers-XXXXXX");
    mkdir("/tmp", 01777);
    if (!mkdtemp(home) || chdir(home)) return 1;
    chmod(home, 0755);
    ways();
    removed_names();
    empty_paths();
    attributes();
    times_and_bits();
    roots();
    fchdir(root);
    chroot(".");
    return nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
