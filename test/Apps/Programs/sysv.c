/* System V IPC: shared memory, semaphores and message queues, over fork and the ends of processes. */
#include "answers.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

union semun { int val; void *buf; unsigned short *array; };
struct message { long type; char text[64]; };
enum { KEY = 0x5e31704e };

static void pause_for(int milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    while (nanosleep(&time, &time) != 0) { }
}

static pid_t start(void (*body)(int), int argument)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        body(argument);
        fflush(stdout);
        _exit(0);
    }
    return child;
}

static void run(void (*body)(int), int argument)
{
    int status = 0;
    pid_t child = start(body, argument);
    waitpid(child, &status, 0);
    printf("child: %x\n", status);
}

static void as_other(void (*body)(int), int argument)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (setgid(4321) != 0 || setuid(4321) != 0) _exit(9);
        body(argument);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void tell_segment(int id)
{
    struct shmid_ds told;
    if (shmctl(id, IPC_STAT, &told) != 0) { printf("no segment: %s\n", strerrorname_np(errno)); return; }
    printf("segment: size %zu nattch %lu mode %o key %s uid %u atime %d dtime %d ctime %d cpid %d lpid %d\n", told.shm_segsz,
        (unsigned long)told.shm_nattch, told.shm_perm.mode, told.shm_perm.__key == KEY ? "ours" : told.shm_perm.__key ? "other" : "private",
        told.shm_perm.uid, told.shm_atime != 0, told.shm_dtime != 0, told.shm_ctime != 0, told.shm_cpid == getpid(),
        told.shm_lpid == getpid());
}

static char *attached;

static void write_segment(int id) { attached[0] = 'c'; tell_segment(id); }
static void detach_segment(int id) { ASK(shmdt(attached)); tell_segment(id); }
static void exec_away(int id) { execl("/proc/self/exe", "sysv", "child", NULL); }
static void other_segment(int id)
{
    ASK_IF(shmat(id, NULL, SHM_RDONLY));
    ASK_IF(shmat(id, NULL, 0));
    ASK(shmget(KEY, 0, 0) == id);
    ASK(shmget(KEY, 0, 0666));
    ASK(shmctl(id, IPC_RMID, NULL));
    struct shmid_ds told;
    ASK(shmctl(id, IPC_STAT, &told));
    ASK(shmctl(id, IPC_SET, &told));
    ASK(shmctl(id, SHM_LOCK, NULL));
}

static void shared_memory(void)
{
    puts("-- shared memory");
    int id = shmget(KEY, 10000, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0) { perror("shmget"); return; }
    tell_segment(id);
    ASK(shmget(KEY, 10000, IPC_CREAT | IPC_EXCL | 0600));
    ASK(shmget(KEY, 10001, 0600));
    ASK(shmget(KEY, 5, 0600) == id);
    ASK(shmget(KEY + 1, 5, 0600));
    ASK(shmget(IPC_PRIVATE, 0, 0600));
    ASK(shmget(IPC_PRIVATE, (size_t)-1, 0600));
    attached = shmat(id, NULL, 0);
    printf("zeros: %d %d\n", attached[0], attached[9999]);
    attached[0] = 'p';
    tell_segment(id);
    run(write_segment, id);
    printf("%c\n", attached[0]);
    tell_segment(id);
    run(detach_segment, id);
    tell_segment(id);
    run(exec_away, id);
    tell_segment(id);

    char *again = shmat(id, NULL, SHM_RDONLY);
    printf("again: %c %d\n", again[0], again != attached);
    tell_segment(id);
    ASK(mprotect(again, 4096, PROT_READ | PROT_WRITE));
    ASK(shmdt(again + 4096));
    ASK(shmdt(again + 1));
    ASK(munmap(again + 4096, 4096));
    tell_segment(id);
    ASK(shmdt(again));
    ASK(shmdt(again));
    tell_segment(id);

    ASK_IF(shmat(id, attached + 1, 0));
    ASK_IF(shmat(id, attached, 0));
    ASK(shmat(id, attached + 1, SHM_RND | SHM_REMAP) == attached);
    ASK_IF(shmat(id, NULL, SHM_REMAP));
    ASK_IF(shmat(id + 1, NULL, 0));
    ASK_IF(shmat(-1, NULL, 0));
    tell_segment(id);
    ASK(attached[0]);
    ASK_IF(shmat(id, NULL, SHM_EXEC));
    tell_segment(id);

    as_other(other_segment, id);
    struct shmid_ds told;
    shmctl(id, IPC_STAT, &told);
    told.shm_perm.mode = 0604;
    ASK(shmctl(id, IPC_SET, &told));
    as_other(other_segment, id);
    told.shm_perm.uid = 4321;
    ASK(shmctl(id, IPC_SET, &told));
    tell_segment(id);
    ASK(shmctl(id, SHM_LOCK, NULL));
    tell_segment(id);
    ASK(shmctl(id, SHM_UNLOCK, NULL));
    ASK(shmctl(id, 99, NULL));
    ASK(shmctl(-1, IPC_STAT, &told));
    ASK(shmctl(id, IPC_STAT, (void *)1));
    struct shminfo limits;
    ASK_IF(shmctl(0, IPC_INFO, (void *)&limits));
    printf("limits: %lx %lu %lu %lu %lx\n", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg, limits.shmall);

    ASK(shmctl(id, IPC_RMID, NULL));
    tell_segment(id);
    ASK(shmget(KEY, 5, 0600));
    ASK_IF(shmat(id, NULL, 0));
    tell_segment(id);
    ASK(shmdt(attached));
    run(exec_away, id);
    tell_segment(id);
}

static void tell_semaphores(int id, int count)
{
    union semun all;
    unsigned short values[8];
    all.array = values;
    if (semctl(id, 0, GETALL, all) != 0) { printf("no semaphores: %s\n", strerrorname_np(errno)); return; }
    for (int i = 0; i < count; i++) 
        printf("%d(%d,%d,%d) ", values[i], semctl(id, i, GETNCNT), semctl(id, i, GETZCNT), semctl(id, i, GETPID) != 0);
    puts("");
}

static int operate(int id, int number, int change, int flags)
{
    struct sembuf operation = { number, change, flags };
    return semop(id, &operation, 1);
}

static void undo_two(int id)
{
    ASK(operate(id, 0, 2, SEM_UNDO));
    ASK(operate(id, 1, 3, SEM_UNDO));
    ASK(operate(id, 1, -1, 0));
    tell_semaphores(id, 3);
}

static void wait_for(int id, int change, const char *what)
{
    int result = operate(id, 2, change, 0);
    printf("%s: %d %s\n", what, result, result ? strerrorname_np(errno) : "");
}

static void wait_three(int id) { wait_for(id, -3, "three"); }
static void wait_one(int id) { wait_for(id, -1, "one"); }
static void wait_zero(int id) { wait_for(id, 0, "zero"); }
static void on_alarm(int number) { }
static void wait_interrupted(int id)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    ASK(operate(id, 2, -30, 0));
}
static void other_semaphores(int id)
{
    ASK(semctl(id, 0, GETVAL));
    ASK(operate(id, 0, 1, 0));
    ASK(operate(id, 0, 0, IPC_NOWAIT));
    ASK(semctl(id, 0, IPC_RMID));
    ASK_IF(semget(KEY, 0, 0400));
    union semun value = { .val = 1 };
    ASK(semctl(id, 0, SETVAL, value));
}

static void semaphores(void)
{
    puts("-- semaphores");
    int id = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0) { perror("semget"); return; }
    tell_semaphores(id, 3);
    ASK(semget(KEY, 4, 0600));
    ASK(semget(KEY, 0, 0600) == id);
    ASK(semget(IPC_PRIVATE, 0, 0600));
    ASK(semget(IPC_PRIVATE, -1, 0600));
    ASK(semget(IPC_PRIVATE, 1000000, 0600));
    ASK(semget(KEY + 1, 1, 0600));
    run(undo_two, id);
    tell_semaphores(id, 3);
    ASK(operate(id, 0, -1, IPC_NOWAIT));
    ASK(operate(id, 0, 0, 0));
    ASK(operate(id, 3, 0, 0));
    ASK(operate(id + 1, 0, 0, 0));
    ASK(operate(-1, 0, 0, 0));
    ASK(operate(id, 1, 32767, 0));
    ASK(operate(id, 1, 1, 0));
    ASK(operate(id, 1, 32767, 0));
    ASK(semop(id, NULL, 0));
    ASK(semop(id, NULL, 501));
    ASK(semop(id, NULL, 1));
    struct timespec short_time = { 0, 20000000 }, wrong = { 0, -1 };
    struct sembuf minus = { 0, -1, 0 };
    ASK(semtimedop(id, &minus, 1, &short_time));
    ASK(semtimedop(id, &minus, 1, &wrong));

    struct sembuf both[2] = { { 0, 5, 0 }, { 2, -1, IPC_NOWAIT } };
    ASK(semop(id, both, 2));
    tell_semaphores(id, 3);

    union semun value = { .val = 7 };
    ASK(semctl(id, 0, SETVAL, value));
    ASK(semctl(id, 0, GETVAL));
    value.val = -1;
    ASK(semctl(id, 0, SETVAL, value));
    value.val = 32768;
    ASK(semctl(id, 0, SETVAL, value));
    ASK(semctl(id, 5, GETVAL));
    ASK(semctl(id, 0, GETPID) == getpid());
    unsigned short values[3] = { 1, 2, 0 };
    value.array = values;
    ASK(semctl(id, 0, SETALL, value));
    tell_semaphores(id, 3);

    /* Who came first is served first, even if he wants more. */
    pid_t three = start(wait_three, id);
    pause_for(100);
    pid_t one = start(wait_one, id);
    pause_for(100);
    tell_semaphores(id, 3);
    ASK(operate(id, 2, 3, 0));
    waitpid(three, NULL, 0);
    tell_semaphores(id, 3);
    ASK(operate(id, 2, 5, 0));
    waitpid(one, NULL, 0);
    tell_semaphores(id, 3);
    pid_t zero = start(wait_zero, id);
    pause_for(100);
    tell_semaphores(id, 3);
    ASK(operate(id, 2, -4, 0));
    waitpid(zero, NULL, 0);
    run(wait_interrupted, id);
    as_other(other_semaphores, id);
    struct semid_ds told;
    value.buf = &told;
    ASK(semctl(id, 0, IPC_STAT, value));
    printf("mode %o nsems %lu otime %d ctime %d\n", told.sem_perm.mode, told.sem_nsems, told.sem_otime != 0, told.sem_ctime != 0);
    told.sem_perm.mode = 0644;
    ASK(semctl(id, 0, IPC_SET, value));
    as_other(other_semaphores, id);
    struct seminfo limits;
    value.buf = &limits;
    ASK_IF(semctl(0, 0, IPC_INFO, value));
    printf("limits: %d %d %d %d %d %d %d %d %d %d\n", limits.semmap, limits.semmni, limits.semmns, limits.semmnu, limits.semmsl,
        limits.semopm, limits.semume, limits.semusz, limits.semvmx, limits.semaem);
    three = start(wait_three, id);
    pause_for(100);
    ASK(semctl(id, 0, IPC_RMID));
    waitpid(three, NULL, 0);
    ASK(semctl(id, 0, IPC_RMID));
    tell_semaphores(id, 3);
}

static void tell_queue(int id)
{
    struct msqid_ds told;
    if (msgctl(id, IPC_STAT, &told) != 0) { printf("no queue: %s\n", strerrorname_np(errno)); return; }
    printf("queue: %lu messages, %lu of %lu bytes, mode %o, stime %d rtime %d\n", told.msg_qnum, told.__msg_cbytes, told.msg_qbytes,
        told.msg_perm.mode, told.msg_stime != 0, told.msg_rtime != 0);
}

static int send_text(int id, long type, const char *text, int flags)
{
    struct message message = { .type = type };
    strcpy(message.text, text);
    return msgsnd(id, &message, strlen(text), flags);
}

static void receive_text(int id, long type, int size, int flags)
{
    struct message message = { 0 };
    long length = msgrcv(id, &message, size, type, flags);
    if (length < 0) printf("type %ld: %s\n", type, strerrorname_np(errno));
    else printf("type %ld: %ld '%.*s'\n", type, message.type, (int)length, message.text);
}

static void receive_two(int id) { receive_text(id, 2, 64, 0); }
static void receive_any(int id)
{
    struct message message = { 0 };
    long length = msgrcv(id, &message, 64, 0, 0);
    /* The other one, which was told first, is to write first. */
    pause_for(200);
    printf("any: %ld of type %ld\n", length, message.type);
}
static void receive_short(int id) { receive_text(id, 0, 2, 0); }
static void send_big(int id) { static char text[60]; memset(text, 'b', 59); ASK(send_text(id, 1, text, 0)); }
static void other_queue(int id)
{
    ASK(send_text(id, 1, "x", IPC_NOWAIT));
    receive_text(id, 0, 64, IPC_NOWAIT);
    ASK(msgctl(id, IPC_RMID, NULL));
    ASK_IF(msgget(KEY, 0));
    ASK(msgget(KEY, 0600));
}

static void messages(void)
{
    puts("-- messages");
    int id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0) { perror("msgget"); return; }
    tell_queue(id);
    ASK(msgget(KEY, IPC_CREAT | IPC_EXCL));
    ASK(msgget(KEY + 1, 0));
    ASK(send_text(id, 3, "three", 0));
    ASK(send_text(id, 1, "one", 0));
    ASK(send_text(id, 2, "two", 0));
    ASK(send_text(id, 2, "two again", 0));
    ASK(send_text(id, 0, "none", 0));
    ASK(send_text(id, -1, "none", 0));
    ASK(send_text(id + 1, 1, "none", 0));
    ASK(msgsnd(id, (void *)1, 1, 0));
    static char big[8300];
    *(long *)big = 1;
    ASK(msgsnd(id, big, 8193, 0));
    ASK(msgsnd(id, big, -1, 0));
    tell_queue(id);
    receive_text(id, 1, 64, MSG_COPY | IPC_NOWAIT);
    receive_text(id, 9, 64, MSG_COPY | IPC_NOWAIT);
    receive_text(id, 1, 64, MSG_COPY);
    receive_text(id, 4, 64, IPC_NOWAIT);
    receive_text(id, 2, 2, IPC_NOWAIT);
    receive_text(id, 2, 2, IPC_NOWAIT | MSG_NOERROR);
    receive_text(id, 3, 64, IPC_NOWAIT | MSG_EXCEPT);
    receive_text(id, -5, 64, IPC_NOWAIT);
    receive_text(id, 0, 64, IPC_NOWAIT);
    receive_text(id, 0, 64, IPC_NOWAIT);
    ASK(msgrcv(id, big, -1, 0, IPC_NOWAIT));
    tell_queue(id);
    ASK(send_text(id, 5, "", 0));
    receive_text(id, 0, 0, 0);
    ASK(send_text(id, 5, "lost", 0));
    ASK(msgrcv(id, (void *)1, 10, 0, 0));
    tell_queue(id);

    /* A message goes to the receiver that it suits; one that it does not fit is told. */
    pid_t two = start(receive_two, id);
    pause_for(100);
    pid_t small = start(receive_short, id);
    pause_for(100);
    pid_t any = start(receive_any, id);
    pause_for(100);
    ASK(send_text(id, 7, "seven", 0));
    waitpid(small, NULL, 0);
    waitpid(any, NULL, 0);
    ASK(send_text(id, 2, "second", 0));
    waitpid(two, NULL, 0);
    tell_queue(id);

    struct msqid_ds told;
    msgctl(id, IPC_STAT, &told);
    told.msg_qbytes = 100;
    ASK(msgctl(id, IPC_SET, &told));
    char sixty[61] = { 0 };
    memset(sixty, 's', 60);
    ASK(send_text(id, 1, sixty, 0));
    ASK(send_text(id, 1, sixty, IPC_NOWAIT));
    tell_queue(id);
    pid_t waiting = start(send_big, id);
    pause_for(100);
    receive_text(id, 0, 64, 0);
    waitpid(waiting, NULL, 0);
    tell_queue(id);
    as_other(other_queue, id);
    told.msg_perm.mode = 0644;
    ASK(msgctl(id, IPC_SET, &told));
    as_other(other_queue, id);
    struct msginfo limits;
    ASK_IF(msgctl(0, IPC_INFO, (void *)&limits));
    printf("limits: %d %d %d %d %d %d %d %d\n", limits.msgpool, limits.msgmap, limits.msgmax, limits.msgmnb, limits.msgmni, limits.msgssz,
        limits.msgtql, limits.msgseg);
    waiting = start(receive_two, id);
    pause_for(100);
    ASK(msgctl(id, IPC_RMID, NULL));
    waitpid(waiting, NULL, 0);
    tell_queue(id);
}

int main(int count, char **arguments)
{
    if (count > 1) { puts("executed"); return 0; }
    shared_memory();
    semaphores();
    messages();
    return 0;
}
