/* Credentials of threads, set-user-ID programs, capabilities of files, execveat, the numbers of threads, /proc of others and of zombies. */
#include "answers.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/credentialsXXXXXX", self_path[256];
extern char **environ;

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static int in_child(int (*body)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int code = body();
        fflush(stdout);
        _exit(code);
    }
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) printf("child: exited %d\n", WEXITSTATUS(status));
    else printf("child: signal %d\n", WTERMSIG(status));
    return status;
}

/* The capabilities that the test gives; others are there or not as the machine has it. */
static void show_capabilities(const char *name)
{
    char line[256];
    FILE *file = fopen("/proc/thread-self/status", "r");
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) {
            unsigned long long set = strtoull(line + strlen(name) + 1, NULL, 16);
            printf("%s %llx\n", name, set & (1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_ADMIN | 1 << CAP_SETUID));
        }
    fclose(file);
}

static void drop_resource(void)
{
    /* Machines of others may not have it. */
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
    syscall(SYS_capget, &header, data);
    data[0].effective &= ~(1 << CAP_SYS_RESOURCE);
    data[0].permitted &= ~(1 << CAP_SYS_RESOURCE);
    syscall(SYS_capset, &header, data);
}

static void show_line(const char *path, const char *name)
{
    char line[256];
    FILE *file = fopen(path, "r");
    if (file == NULL) { printf("%s: %s\n", name, strerrorname_np(errno)); return; }
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) printf("%s", line);
    fclose(file);
}

static void show_self(const char *what)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    getresuid(&r, &e, &s);
    getresgid(&rg, &eg, &sg);
    printf("%s: uid %d %d %d gid %d %d %d secure %lu auxv %lu %lu dumpable %d nnp %d\n", what, r, e, s, rg, eg, sg, getauxval(AT_SECURE),
        getauxval(AT_UID), getauxval(AT_EUID), prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    show_capabilities("CapInh");
    show_capabilities("CapPrm");
    show_capabilities("CapEff");
    show_capabilities("CapAmb");
    struct stat of_self, of_status;
    stat("/proc/self", &of_self);
    stat("/proc/self/status", &of_status);
    printf("owner %d %d\n", of_self.st_uid, of_status.st_uid);
    fflush(stdout);
}

static void run(const char *path, const char *what)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(path, "program", "show", what, NULL);
        printf("%s: %s\n", what, strerrorname_np(errno));
        fflush(stdout);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

static int stage;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void reach(int wanted)
{
    pthread_mutex_lock(&mutex);
    stage = wanted;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void await(int wanted)
{
    pthread_mutex_lock(&mutex);
    while (stage < wanted) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static int helper_tid;

static void *act_as_other(void *unused)
{
    helper_tid = gettid();
    ASK(syscall(SYS_setresuid, 1000, 1000, 1000));
    ASK(syscall(SYS_getuid));
    ASK(open("/root-only", O_RDONLY));
    char path[64];
    snprintf(path, sizeof path, "%s/secret", directory);
    ASK(access(path, R_OK) == 0);
    ASK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    reach(1);
    await(2);
    return NULL;
}

static int threads(void)
{
    char path[64];
    pthread_t thread;
    pthread_create(&thread, NULL, act_as_other, NULL);
    await(1);
    ASK(syscall(SYS_getuid));
    snprintf(path, sizeof path, "%s/secret", directory);
    ASK(access(path, R_OK));
    ASK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    show_line("/proc/self/status", "Uid");
    snprintf(path, sizeof path, "/proc/self/task/%d/status", helper_tid);
    show_line(path, "Uid");
    show_line(path, "CapEff");
    show_line(path, "NoNewPrivs");
    struct stat of_thread;
    snprintf(path, sizeof path, "/proc/self/task/%d", helper_tid);
    stat(path, &of_thread);
    printf("owner %d\n", of_thread.st_uid);

    /* By the number of a thread. */
    ASK(getpgid(helper_tid) == getpgid(0));
    ASK(getsid(helper_tid) == getsid(0));
    ASK(kill(helper_tid, 0));
    struct rlimit limit;
    ASK(prlimit(helper_tid, RLIMIT_NOFILE, NULL, &limit));
    ASK(setpgid(helper_tid, 0));
    ASK(setpgid(0, -1));
    ASK(setpgid(31999, 0));
    ASK(setpgid(getppid(), 0));
    reach(2);
    pthread_join(thread, NULL);

    /* The C library does it for the whole process. */
    stage = 0;
    return 0;
}

static void *exec_from_thread(void *unused)
{
    execl(self_path, "program", "tid", NULL);
    return NULL;
}

static int exec_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, exec_from_thread, NULL);
    for (;;) pause();
}

static void make(const char *name, mode_t mode, uid_t user, gid_t group, char *path)
{
    snprintf(path, 256, "%s/%s", directory, name);
    int from = open(self_path, O_RDONLY), to = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    char bytes[65536];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0) write(to, bytes, count);
    close(from);
    close(to);
    chown(path, user, group);
    chmod(path, mode);
}

static int as_user(void)
{
    char path[256];
    setgroups(0, NULL);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    snprintf(path, sizeof path, "%s/plain", directory); run(path, "plain");
    snprintf(path, sizeof path, "%s/setuid", directory); run(path, "setuid");
    snprintf(path, sizeof path, "%s/setgid", directory); run(path, "setgid");
    snprintf(path, sizeof path, "%s/setgid-mandatory", directory); run(path, "setgid without x");
    snprintf(path, sizeof path, "%s/setuid-other", directory); run(path, "setuid other");
    snprintf(path, sizeof path, "%s/unreadable", directory); run(path, "unreadable");
    snprintf(path, sizeof path, "%s/caps", directory); run(path, "caps");
    snprintf(path, sizeof path, "%s/caps-effective", directory); run(path, "effective caps");
    snprintf(path, sizeof path, "%s/caps-setuid", directory); run(path, "caps and setuid");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    snprintf(path, sizeof path, "%s/setuid", directory); run(path, "setuid, no new privileges");
    snprintf(path, sizeof path, "%s/caps-effective", directory); run(path, "caps, no new privileges");
    return 0;
}

static int as_root_with_caps(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/caps", directory); run(path, "root, caps");
    snprintf(path, sizeof path, "%s/setuid-other", directory); run(path, "root, setuid other");
    prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0);
    snprintf(path, sizeof path, "%s/caps-effective", directory); run(path, "bounded");
    return 0;
}

static int ambient(void)
{
    char path[256];
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    prctl(PR_SET_KEEPCAPS, 1);
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    ASK(syscall(SYS_capget, &header, data));
    data[0].inheritable = data[0].effective = 1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE;
    ASK(syscall(SYS_capset, &header, data));
    ASK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    snprintf(path, sizeof path, "%s/plain", directory); run(path, "ambient");
    snprintf(path, sizeof path, "%s/caps", directory); run(path, "ambient, caps");
    snprintf(path, sizeof path, "%s/setgid", directory); run(path, "ambient, setgid");
    return 0;
}

static void set_caps(const char *path, unsigned permitted, unsigned inheritable, int effective)
{
    struct vfs_cap_data value = { VFS_CAP_REVISION_2 | (effective ? VFS_CAP_FLAGS_EFFECTIVE : 0), { { permitted, inheritable } } };
    ASK(setxattr(path, "security.capability", &value, sizeof value, 0));
}

static void programs(void)
{
    char path[256];
    make("plain", 0755, 0, 0, path);
    make("setuid", 04755, 0, 0, path);
    make("setgid", 02755, 0, 20, path);
    make("setgid-mandatory", 02745, 0, 20, path);
    make("setuid-other", 06755, 2000, 2001, path);
    make("unreadable", 0711, 0, 0, path);
    make("caps", 0755, 0, 0, path);
    set_caps(path, 1 << CAP_NET_ADMIN, 1 << CAP_KILL, 0);
    make("caps-effective", 0755, 0, 0, path);
    set_caps(path, 1 << CAP_NET_ADMIN, 0, 1);
    make("caps-setuid", 04755, 0, 0, path);
    set_caps(path, 1 << CAP_NET_ADMIN, 0, 1);
    in_child(as_user);
    in_child(as_root_with_caps);
    in_child(ambient);
}

static void run_at(const char *what, int fd, const char *name, int flags)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = { "program", "name", NULL };
        syscall(SYS_execveat, fd, name, arguments, environ, flags);
        printf("%s: %s\n", what, strerrorname_np(errno));
        fflush(stdout);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%s: status %x\n", what, status);
}

static void at(void)
{
    char path[256], link[256], script[256];
    make("program", 0755, 0, 0, path);
    snprintf(link, sizeof link, "%s/link", directory);
    symlink(path, link);
    snprintf(script, sizeof script, "%s/script", directory);
    int fd = open(script, O_CREAT | O_WRONLY, 0755);
    dprintf(fd, "#!%s arguments\n", self_path);
    close(fd);
    int top = dup2(open(directory, O_PATH), 20), program = dup2(open(path, O_PATH), 21), of_script = dup2(open(script, O_RDONLY), 22);
    run_at("by path", AT_FDCWD, path, 0);
    run_at("in a directory", top, "program", 0);
    run_at("empty", program, "", AT_EMPTY_PATH);
    run_at("empty without the flag", program, "", 0);
    run_at("directory", top, "", AT_EMPTY_PATH);
    run_at("working directory", AT_FDCWD, "", AT_EMPTY_PATH);
    run_at("link", top, "link", 0);
    run_at("link itself", top, "link", AT_SYMLINK_NOFOLLOW);
    run_at("unknown flag", top, "program", 0x8000);
    run_at("bad descriptor", 77, "program", 0);
    run_at("bad descriptor, empty", 77, "", AT_EMPTY_PATH);
    run_at("script", of_script, "", AT_EMPTY_PATH);
    run_at("script in a directory", top, "script", 0);
    fcntl(of_script, F_SETFD, FD_CLOEXEC);
    run_at("script that is closed", of_script, "", AT_EMPTY_PATH);
    fcntl(program, F_SETFD, FD_CLOEXEC);
    run_at("program that is closed", program, "", AT_EMPTY_PATH);
}

static void look(int pid)
{
    char path[64], text[256];
    static const char *const links[] = { "exe", "cwd", "root", "fd/0" };
    static const char *const files[] = { "environ", "maps", "cmdline", "auxv", "io", "status", "pagemap" };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, links[i]);
        errno = 0;
        printf("%s %s ", links[i], readlink(path, text, sizeof text) < 0 ? strerrorname_np(errno) : "there");
        printf("%s\n", stat(path, &(struct stat){ 0 }) < 0 ? strerrorname_np(errno) : "there");
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
        int fd = open(path, O_RDONLY);
        if (fd < 0) { printf("%s %s\n", files[i], strerrorname_np(errno)); continue; }
        ssize_t count = read(fd, text, 64);
        printf("%s %s\n", files[i], count < 0 ? strerrorname_np(errno) : count == 0 ? "empty" : "some");
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *fds = opendir(path);
    if (fds == NULL) { printf("fd %s\n", strerrorname_np(errno)); return; }
    int count = 0;
    while (readdir(fds) != NULL) count++;
    printf("fd %s\n", count > 2 ? "some" : "none");
    closedir(fds);
}

static pid_t other;

static int look_at_other(void)
{
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    look(other);
    ASK(kill(other, 0));
    return 0;
}

static int look_at_own_user(void)
{
    setresgid(1000, 1000, 1000);
    setresuid(1000, 1000, 1000);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) { prctl(PR_SET_DUMPABLE, 1); pause(); }
    pause_for(50);
    look(child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    child = fork();
    if (child == 0) { prctl(PR_SET_DUMPABLE, 0); pause(); }
    pause_for(50);
    look(child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}

static void others(void)
{
    other = fork();
    if (other == 0) { for (;;) pause(); }
    puts("-- another user's");
    in_child(look_at_other);
    kill(other, SIGKILL);
    pause_for(100);
    puts("-- a zombie");
    look(other);
    puts("-- another user's zombie");
    in_child(look_at_other);
    waitpid(other, NULL, 0);
    puts("-- the same user's");
    in_child(look_at_own_user);
}

static volatile int *shared;

static void *fork_and_end(void *unused)
{
    pid_t child = fork();
    if (child == 0) {
        sigset_t set;
        siginfo_t info;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        shared[0] = 1;
        struct timespec limit = { 5, 0 };
        shared[1] = sigtimedwait(&set, &info, &limit);
        shared[2] = info.si_pid == getppid();
        int signal = -1;
        prctl(PR_GET_PDEATHSIG, &signal);
        shared[3] = signal;
        _exit(0);
    }
    while (shared[0] == 0) pause_for(5);
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/thread-self/children");
    int fd = open(path, O_RDONLY);
    ssize_t count = read(fd, text, sizeof text - 1);
    printf("children %d\n", count > 0 && atoi(text) == child && text[count - 1] == ' ');
    return NULL;
}

static int vfork_thread(void *unused)
{
    pause_for(50);
    shared[4] = 1;
    syscall(SYS_exit, 0);
    return 0;
}

static char stack[65536] __attribute__((aligned(64)));

static int makers(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, fork_and_end, NULL);
    pthread_join(thread, NULL);
    ASK_IF(wait(NULL));
    printf("signal %d from the parent %d asked for %d\n", shared[1] == SIGUSR1, shared[2], shared[3]);
    int flags = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VFORK | CLONE_FS | CLONE_FILES;
    int tid = clone(vfork_thread, stack + sizeof stack, flags, NULL);
    printf("thread %d had ended %d\n", tid > 0, shared[4]);
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("children: maxrss %d minflt %d\n", usage.ru_maxrss > 0, usage.ru_minflt > 0);
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && strcmp(argv[1], "show") == 0) { show_self(argv[2]); return 0; }
    if (argc > 1 && strcmp(argv[1], "tid") == 0) {
        DIR *tasks = opendir("/proc/self/task");
        int count = 0;
        while (readdir(tasks) != NULL) count++;
        printf("tid is pid %d threads %d\n", gettid() == getpid(), count - 2);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "name") == 0) {
        const char *name = (const char *)getauxval(AT_EXECFN);
        printf("executed as %s\n", strncmp(name, "/dev/fd", 7) == 0 ? name : "a path");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "arguments") == 0) {
        printf("%d %s %s\n", argc, strncmp(argv[2], "/dev/fd", 7) == 0 ? argv[2] : "a path", argc > 3 ? argv[3] : "none");
        return 0;
    }
    umask(022);
    drop_resource();
    readlink("/proc/self/exe", self_path, sizeof self_path - 1);
    mkdtemp(directory);
    chmod(directory, 0755);
    char secret[64];
    snprintf(secret, sizeof secret, "%s/secret", directory);
    close(open(secret, O_CREAT | O_WRONLY, 0600));
    puts("-- threads");
    in_child(threads);
    puts("-- execve from another thread");
    in_child(exec_thread);
    puts("-- programs with rights");
    programs();
    puts("-- execveat");
    at();
    others();
    puts("-- makers");
    in_child(makers);
    return 0;
}
