/* POSIX message queues, locks with priority inheritance, locks of files that wait for each other, other processes' memory. */
#include "answers.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char name[] = "/semitone-test";
static volatile sig_atomic_t told, told_code, told_value;

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    told++;
    told_code = info->si_code;
    told_value = info->si_value.sival_int;
}

static void tell(mqd_t queue)
{
    struct mq_attr attributes;
    if (mq_getattr(queue, &attributes) != 0) { perror("mq_getattr"); return; }
    printf("flags %lx, %ld of %ld, size %ld\n", attributes.mq_flags, attributes.mq_curmsgs, attributes.mq_maxmsg, attributes.mq_msgsize);
}

static void receive(mqd_t queue, size_t size)
{
    char text[8192];
    unsigned priority = 99;
    ssize_t length = mq_receive(queue, text, size, &priority);
    if (length < 0) printf("received nothing: %s\n", strerrorname_np(errno));
    else printf("received '%.*s' of %u\n", (int)length, text, priority);
}

static void queues(void)
{
    puts("-- message queues");
    struct mq_attr wanted = { .mq_maxmsg = 4, .mq_msgsize = 16 };
    mq_unlink(name);
    ASK(mq_open(name, O_RDWR));
    ASK(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    ASK(mq_open("/", O_RDWR | O_CREAT, 0600, NULL));
    ASK(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL));
    wanted.mq_maxmsg = 0;
    ASK(mq_open(name, O_RDWR | O_CREAT, 0600, &wanted));
    wanted.mq_maxmsg = 70000;
    ASK(mq_open(name, O_RDWR | O_CREAT, 0600, &wanted));
    wanted.mq_maxmsg = 4;
    wanted.mq_msgsize = 17 << 20;
    ASK(mq_open(name, O_RDWR | O_CREAT, 0600, &wanted));
    wanted.mq_msgsize = 16;
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0640, &wanted);
    printf("open: %d cloexec %d flags %x\n", queue >= 0, fcntl(queue, F_GETFD), fcntl(queue, F_GETFL));
    ASK(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &wanted));
    tell(queue);
    struct stat status;
    fstat(queue, &status);
    printf("mode %o size %ld links %ld\n", status.st_mode, (long)status.st_size, (long)status.st_nlink);
    struct pollfd poll_for = { queue, POLLIN | POLLOUT };
    ASK(poll(&poll_for, 1, 0));
    printf("events %x\n", poll_for.revents);
    ASK(mq_send(queue, "low", 3, 1));
    ASK(mq_send(queue, "high", 4, 9));
    ASK(mq_send(queue, "second", 6, 9));
    ASK(mq_send(queue, "none", 4, 32768));
    ASK(mq_send(queue, "0123456789abcdefg", 17, 0));
    ASK(mq_send(queue, "", 0, 32767));
    poll(&poll_for, 1, 0);
    printf("events %x\n", poll_for.revents);
    struct timespec past = { 1, 0 }, wrong = { 1, 2000000000 };
    ASK(mq_timedsend(queue, "full", 4, 0, &past));
    ASK(mq_timedsend(queue, "full", 4, 0, &wrong));
    struct mq_attr flags = { .mq_flags = O_NONBLOCK }, old;
    ASK(mq_setattr(queue, &flags, &old));
    ASK(mq_send(queue, "full", 4, 0));
    flags.mq_flags = O_APPEND;
    ASK(mq_setattr(queue, &flags, &old));
    tell(queue);
    char text[128] = { 0 };
    ASK(lseek(queue, 0, SEEK_SET));
    ASK(read(queue, text, 127));
    printf("%s", text);
    ASK(pread(queue, text, 5, 3));
    ASK(write(queue, "x", 1));
    receive(queue, 15);
    for (int i = 0; i < 5; i++) receive(queue, 16);

    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
    ASK(mq_notify(queue, &event));
    ASK(mq_notify(queue, &event));
    fflush(stdout);
    if (fork() == 0) {
        ASK(mq_notify(queue, &event));
        ASK(mq_notify(queue, NULL));
        mq_send(queue, "told", 4, 0);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    pause_for(50);
    printf("told %d code %d value %d\n", told, told_code, told_value);
    receive(queue, 16);
    mq_send(queue, "untold", 6, 0);
    printf("told %d\n", told);
    receive(queue, 16);
    event.sigev_notify = SIGEV_NONE;
    ASK(mq_notify(queue, &event));
    memset(text, 0, sizeof text);
    pread(queue, text, 127, 0);
    printf("%.40s\n", text);
    ASK(mq_notify(queue, NULL));
    event.sigev_notify = 77;
    ASK(mq_notify(queue, &event));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 65;
    ASK(mq_notify(queue, &event));
    ASK(mq_notify(0, NULL));

    /* Who waits is served. */
    flags.mq_flags = 0;
    mq_setattr(queue, &flags, NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        receive(queue, 16);
        for (int i = 0; i < 5; i++) mq_send(queue, "full", 4, i);
        puts("sent five");
        fflush(stdout);
        _exit(0);
    }
    pause_for(100);
    ASK(mq_send(queue, "waited for", 10, 3));
    pause_for(200);
    tell(queue);
    for (int i = 0; i < 5; i++) receive(queue, 16);
    waitpid(child, NULL, 0);

    ASK(mq_open(name, O_RDONLY) >= 0);
    fflush(stdout);
    if (fork() == 0) {
        setgid(4321);
        setuid(4321);
        ASK(mq_open(name, O_RDONLY));
        ASK(mq_unlink(name));
        struct mq_attr big = { .mq_maxmsg = 11, .mq_msgsize = 16 };
        ASK(mq_open("/semitone-other", O_RDWR | O_CREAT, 0600, &big));
        big.mq_maxmsg = 10;
        big.mq_msgsize = 8193;
        ASK(mq_open("/semitone-other", O_RDWR | O_CREAT, 0600, &big));
        struct rlimit limit = { 1000, 1000 };
        setrlimit(RLIMIT_MSGQUEUE, &limit);
        big.mq_msgsize = 100;
        ASK(mq_open("/semitone-other", O_RDWR | O_CREAT, 0600, &big));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    ASK(mq_unlink(name));
    ASK(mq_unlink(name));
    ASK(mq_send(queue, "still", 5, 0));
    receive(queue, 16);
    ASK(mq_close(queue));
    ASK(mq_close(queue));
}

static uint32_t words[4];

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout)
{
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static pthread_mutex_t lock;
static int order;
static long takers[3];

/* What threads find out is printed when they have ended: who prints first is nobody's promise. */
static void *take_lock(void *argument)
{
    pthread_mutex_lock(&lock);
    takers[order++] = (long)argument;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *die_with_lock(void *argument)
{
    pthread_mutex_lock(&lock);
    return NULL;
}

static void *own_word(void *argument)
{
    futex(&words[1], FUTEX_LOCK_PI, 0, NULL);
    pause_for(100);
    long result = futex(&words[0], FUTEX_LOCK_PI, 0, NULL);
    futex(&words[0], FUTEX_UNLOCK_PI, 0, NULL);
    futex(&words[1], FUTEX_UNLOCK_PI, 0, NULL);
    return (void *)result;
}

static void locks(void)
{
    puts("-- priority inheritance");
    uint32_t self = syscall(SYS_gettid);
    ASK(futex(words, FUTEX_LOCK_PI, 0, NULL));
    printf("own %d\n", words[0] == self);
    ASK(futex(words, FUTEX_LOCK_PI, 0, NULL));
    ASK(futex(words, FUTEX_TRYLOCK_PI, 0, NULL));
    ASK(futex(words, FUTEX_UNLOCK_PI, 0, NULL));
    ASK(futex(words, FUTEX_UNLOCK_PI, 0, NULL));
    printf("word %x\n", words[0]);
    words[0] = 0x3ffffff0;
    ASK(futex(words, FUTEX_LOCK_PI, 0, NULL));
    words[0] = FUTEX_OWNER_DIED;
    ASK(futex(words, FUTEX_LOCK_PI, 0, NULL));
    printf("word %x\n", words[0] & ~FUTEX_TID_MASK);
    ASK(futex(words, FUTEX_UNLOCK_PI, 0, NULL));
    words[0] = 0;
    ASK(futex((uint32_t *)1, FUTEX_LOCK_PI, 0, NULL));
    ASK(futex((uint32_t *)8, FUTEX_LOCK_PI, 0, NULL));
    struct timespec wrong = { 0, -1 };
    ASK(futex(words, FUTEX_LOCK_PI, 0, &wrong));
    ASK(syscall(SYS_futex, words, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));

    futex(words, FUTEX_LOCK_PI, 0, NULL);
    pthread_t other;
    pthread_create(&other, NULL, own_word, NULL);
    pause_for(300);
    printf("waiters %d\n", words[0] == (self | FUTEX_WAITERS));
    ASK(futex(&words[1], FUTEX_LOCK_PI, 0, NULL));
    ASK(futex(words, FUTEX_UNLOCK_PI, 0, NULL));
    void *second;
    pthread_join(other, &second);
    printf("second: %ld\n", (long)second);

    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    ASK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    ASK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    ASK(pthread_mutex_init(&lock, &attributes));
    ASK(pthread_mutex_lock(&lock));
    pthread_t threads[3];
    for (long i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, take_lock, (void *)i);
        pause_for(50);
    }
    struct timespec soon;
    ASK(pthread_mutex_unlock(&lock));
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++) printf("lock %ld, %d\n", takers[i], i);
    pthread_create(&other, NULL, die_with_lock, NULL);
    pthread_join(other, NULL);
    int result = pthread_mutex_lock(&lock);
    printf("after the owner's end: %s\n", strerrorname_np(result));
    ASK(pthread_mutex_consistent(&lock));
    ASK(pthread_mutex_unlock(&lock));
    ASK(pthread_mutex_lock(&lock));

    puts("-- several words");
    struct { uint64_t value, address; uint32_t flags, reserved; } wait_at[2] = {
        { 5, (uintptr_t)&words[2], 2, 0 }, { 6, (uintptr_t)&words[3], 2 | 128, 0 } };
    words[2] = 5;
    words[3] = 7;
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 0, NULL, 1));
    words[3] = 6;
    clock_gettime(CLOCK_MONOTONIC, &soon);
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 0, &soon, CLOCK_MONOTONIC));
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 0, &soon, CLOCK_BOOTTIME));
    ASK(syscall(SYS_futex_waitv, wait_at, 0, 0, NULL, 0));
    ASK(syscall(SYS_futex_waitv, wait_at, 129, 0, NULL, 0));
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 1, NULL, 0));
    ASK(syscall(SYS_futex_waitv, NULL, 2, 0, NULL, 0));
    ASK(syscall(SYS_futex_waitv, (void *)8, 2, 0, NULL, 0));
    wait_at[0].flags = 0;
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 0, NULL, 0));
    wait_at[0].flags = 2;
    wait_at[0].reserved = 1;
    ASK(syscall(SYS_futex_waitv, wait_at, 2, 0, NULL, 0));
}

static int lock_byte(int file, int byte)
{
    struct flock wanted = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(file, F_SETLKW, &wanted);
}

static void others(void)
{
    puts("-- locks of files");
    char path[] = "/tmp/lockXXXXXX";
    int file = mkstemp(path);
    ASK(lock_byte(file, 0));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        ASK(lock_byte(file, 1));
        ASK(lock_byte(file, 0));
        fflush(stdout);
        _exit(0);
    }
    pause_for(200);
    ASK(lock_byte(file, 1));
    struct flock gone = { .l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
    fflush(stdout);
    ASK(fcntl(file, F_SETLK, &gone));
    waitpid(child, NULL, 0);
    unlink(path);

    puts("-- other processes");
    static char text[32] = "parent";
    int pipes[2];
    pipe(pipes);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        char answer;
        strcpy(text, "child");
        write(pipes[1], "r", 1);
        pause_for(1000);
        printf("%s\n", text);
        fflush(stdout);
        _exit(0);
    }
    char byte, copy[32] = { 0 };
    read(pipes[0], &byte, 1);
    struct iovec here[2] = { { copy, 3 }, { copy + 10, 10 } }, there[2] = { { text, 6 }, { (void *)8, 4 } };
    ASK(process_vm_readv(child, here, 2, there, 1, 0));
    printf("%s %s\n", copy, copy + 10);
    ASK(process_vm_readv(child, here, 2, there, 2, 0));
    ASK(process_vm_readv(child, here, 2, there + 1, 1, 0));
    ASK(process_vm_readv(child, here, 2, there, 1, 1));
    ASK(process_vm_readv(0x3fffffff, here, 2, there, 1, 0));
    ASK(process_vm_readv(child, here, 1025, there, 1, 0));
    ASK(process_vm_readv(child, here, 2, there, 1025, 0));
    strcpy(copy, "wri");
    strcpy(copy + 10, "tten");
    here[1].iov_len = 5;
    there[0].iov_len = 32;
    ASK(process_vm_writev(child, here, 2, there, 1, 0));
    printf("%s\n", text);
    fflush(stdout);
    if (fork() == 0) {
        setgid(4321);
        setuid(4321);
        ASK(process_vm_readv(child, here, 2, there, 1, 0));
        ASK(syscall(SYS_kcmp, getpid(), child, 1, 0, 0));
        fflush(stdout);
        _exit(0);
    }
    waitpid(-1, NULL, 0);
    ASK(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
    ASK(syscall(SYS_kcmp, getpid(), child, 1, 0, 0) > 0);
    ASK(syscall(SYS_kcmp, getpid(), child, 0, pipes[0], pipes[0]));
    ASK(syscall(SYS_kcmp, getpid(), child, 0, pipes[0], pipes[1]) > 0);
    ASK(syscall(SYS_kcmp, getpid(), child, 0, 99, pipes[1]));
    ASK(syscall(SYS_kcmp, getpid(), child, 2, 0, 0) > 0);
    ASK(syscall(SYS_kcmp, getpid(), child, 99, 0, 0));
    ASK(syscall(SYS_kcmp, getpid(), 0x3fffffff, 1, 0, 0));
    fflush(stdout);
    waitpid(child, NULL, 0);
}

int main(void)
{
    queues();
    locks();
    others();
    return 0;
}
