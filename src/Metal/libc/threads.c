// POSIX threads over Metal's clone and futex. Threads are cooperative: they change in calls of Metal that wait, nowhere else,
// so that a few plain lines between two such calls are atomic.

#include "libc.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { DEFAULT_STACK = 1024 * 1024 };

// What the host's types hold here. All zeros is what their static initialisers make.
struct mutex {
    int owner; // a thread's id, or 0
    int waiters;
    int depth;
    int type;
};

struct condition {
    unsigned sequence;
    int waiters;
};

struct read_write_lock {
    int holders; // readers, or -1 for a writer
    int waiters;
};

struct attributes {
    uintptr_t stack_start;
    size_t stack_size;
};

_Static_assert(sizeof(struct mutex) <= sizeof(pthread_mutex_t), "");
_Static_assert(sizeof(struct condition) <= sizeof(pthread_cond_t), "");
_Static_assert(sizeof(struct read_write_lock) <= sizeof(pthread_rwlock_t), "");
_Static_assert(sizeof(struct attributes) <= sizeof(pthread_attr_t), "");

extern HIDDEN int clone_thread(long flags, void *stack, int *parent_id, int *child_id, struct thread *thread);

static struct thread *all_threads; // but the first; ended ones have id 0 and are used again
static void (*destructors[KEYS])(void *);
static unsigned key_count;

static long wait_while(const void *word, int value, const struct timespec *deadline) {
    return METAL_CALL_6(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline, 0, FUTEX_BITSET_MATCH_ANY);
}

static void wake(const void *word, int count) {
    METAL_CALL_3(SYS_futex, word, FUTEX_WAKE_PRIVATE, count);
}

// --- Threads ----------------------------------------------------------------------------------------------------------

// Stacks are used again with the thread that they were made for.
static struct thread *take_ended_thread(size_t stack_size) {
    for (struct thread *thread = all_threads; thread != NULL; thread = thread->next) {
        if (*(volatile int *)&thread->id == 0 && thread->stack_end - thread->stack_start >= stack_size) {
            memset((char *)thread - tls_size(), 0, tls_size());
            memset(thread->values, 0, sizeof thread->values);
            return thread;
        }
    }
    return NULL;
}

static struct thread *make_thread(size_t stack_size) {
    // Mappings without a hint lie one after the other: a page that nobody may touch, then the stack, then the block.
    size_t above = tls_size() + sizeof(struct thread);
    size_t length = (stack_size + above + PAGE_SIZE - 1) & -(size_t)PAGE_SIZE;
    if (mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0) == MAP_FAILED) {
        return NULL;
    }
    char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct thread *thread = (struct thread *)((uintptr_t)(memory + length - sizeof(struct thread)) & -(uintptr_t)64);
    thread->stack_start = (uintptr_t)memory;
    thread->stack_end = (uintptr_t)memory + length;
    thread->next = all_threads;
    all_threads = thread;
    return thread;
}

HIDDEN _Noreturn void run_thread(struct thread *thread) {
    thread->routine(thread->argument);
    for (unsigned key = 0; key < key_count; key++) {
        void *value = thread->values[key];
        thread->values[key] = NULL;
        if (value != NULL && destructors[key] != NULL) {
            destructors[key](value);
        }
    }
    METAL_CALL_1(SYS_exit, 0);
    __builtin_unreachable();
}

EXPORT int pthread_create(pthread_t *result, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    size_t stack_size = attributes == NULL ? 0 : ((const struct attributes *)attributes)->stack_size;
    if (stack_size == 0) {
        stack_size = DEFAULT_STACK;
    }
    struct thread *thread = take_ended_thread(stack_size);
    if (thread == NULL && (thread = make_thread(stack_size)) == NULL) {
        return EAGAIN;
    }
    prepare_thread(thread);
    thread->routine = routine;
    thread->argument = argument;
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS
        | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    char *stack = (char *)thread - tls_size();
    if (clone_thread(flags, (void *)((uintptr_t)stack & -(uintptr_t)16), &thread->id, &thread->id, thread) < 0) {
        thread->id = 0;
        return EAGAIN;
    }
    *result = (pthread_t)thread;
    return 0;
}

EXPORT pthread_t pthread_self(void) {
    return (pthread_t)current_thread();
}

EXPORT int pthread_kill(pthread_t thread, int signal) {
    return (int)-METAL_CALL_3(SYS_tgkill, 1, ((struct thread *)thread)->id, signal);
}

EXPORT int pthread_setname_np(pthread_t thread, const char *name) {
    (void)thread;
    (void)name;
    return 0;
}

EXPORT int sched_yield(void) {
    return (int)METAL_CALL_0(SYS_sched_yield);
}

EXPORT int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
    if (key_count == KEYS) {
        return EAGAIN;
    }
    destructors[key_count] = destructor;
    *key = key_count++;
    return 0;
}

EXPORT int pthread_setspecific(pthread_key_t key, const void *value) {
    if (key >= key_count) {
        return EINVAL;
    }
    current_thread()->values[key] = (void *)value;
    return 0;
}

// --- Attributes -------------------------------------------------------------------------------------------------------

EXPORT int pthread_attr_init(pthread_attr_t *attributes) {
    memset(attributes, 0, sizeof *attributes);
    return 0;
}

EXPORT int pthread_attr_destroy(pthread_attr_t *attributes) {
    (void)attributes;
    return 0;
}

EXPORT int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size) {
    ((struct attributes *)attributes)->stack_size = size;
    return 0;
}

EXPORT int pthread_attr_setdetachstate(pthread_attr_t *attributes, int state) {
    (void)attributes;
    return state == PTHREAD_CREATE_DETACHED ? 0 : ENOTSUP; // there is no pthread_join
}

EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes) {
    struct attributes *result = (struct attributes *)attributes;
    result->stack_start = ((struct thread *)thread)->stack_start;
    result->stack_size = ((struct thread *)thread)->stack_end - result->stack_start;
    return 0;
}

EXPORT int pthread_attr_getstack(const pthread_attr_t *attributes, void **start, size_t *size) {
    const struct attributes *source = (const struct attributes *)attributes;
    *start = (void *)source->stack_start;
    *size = source->stack_size;
    return 0;
}

// --- Mutexes ----------------------------------------------------------------------------------------------------------

EXPORT int pthread_mutexattr_init(pthread_mutexattr_t *attributes) {
    *(int *)attributes = PTHREAD_MUTEX_DEFAULT;
    return 0;
}

EXPORT int pthread_mutexattr_destroy(pthread_mutexattr_t *attributes) {
    (void)attributes;
    return 0;
}

EXPORT int pthread_mutexattr_settype(pthread_mutexattr_t *attributes, int type) {
    *(int *)attributes = type;
    return 0;
}

EXPORT int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    *(struct mutex *)mutex = (struct mutex){.type = attributes == NULL ? PTHREAD_MUTEX_DEFAULT : *(const int *)attributes};
    return 0;
}

EXPORT int pthread_mutex_destroy(pthread_mutex_t *mutex) {
    (void)mutex;
    return 0;
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex) {
    struct mutex *m = (struct mutex *)mutex;
    int self = current_thread()->id;
    if (m->owner == self && m->type == PTHREAD_MUTEX_RECURSIVE) {
        m->depth++;
        return 0;
    }
    while (m->owner != 0) {
        m->waiters++;
        wait_while(&m->owner, m->owner, NULL);
        m->waiters--;
    }
    m->owner = self;
    return 0;
}

EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    struct mutex *m = (struct mutex *)mutex;
    if (m->depth > 0) {
        m->depth--;
        return 0;
    }
    m->owner = 0;
    if (m->waiters > 0) {
        wake(&m->owner, 1);
    }
    return 0;
}

// --- Conditions -------------------------------------------------------------------------------------------------------

EXPORT int pthread_condattr_init(pthread_condattr_t *attributes) {
    (void)attributes;
    return 0;
}

EXPORT int pthread_condattr_destroy(pthread_condattr_t *attributes) {
    (void)attributes;
    return 0;
}

EXPORT int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock) {
    (void)attributes;
    return clock == CLOCK_MONOTONIC ? 0 : EINVAL; // Metal has the one clock
}

EXPORT int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes) {
    (void)attributes;
    *(struct condition *)condition = (struct condition){0};
    return 0;
}

EXPORT int pthread_cond_destroy(pthread_cond_t *condition) {
    (void)condition;
    return 0;
}

static int wait_for_condition(struct condition *c, pthread_mutex_t *mutex, const struct timespec *deadline) {
    unsigned sequence = c->sequence;
    c->waiters++;
    pthread_mutex_unlock(mutex);
    long result = wait_while(&c->sequence, (int)sequence, deadline);
    c->waiters--;
    pthread_mutex_lock(mutex);
    return result == -ETIMEDOUT ? ETIMEDOUT : 0;
}

EXPORT int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    return wait_for_condition((struct condition *)condition, mutex, NULL);
}

EXPORT int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *deadline) {
    return wait_for_condition((struct condition *)condition, mutex, deadline);
}

static int notify(struct condition *c, int count) {
    if (c->waiters > 0) {
        c->sequence++;
        wake(&c->sequence, count);
    }
    return 0;
}

EXPORT int pthread_cond_signal(pthread_cond_t *condition) {
    return notify((struct condition *)condition, 1);
}

EXPORT int pthread_cond_broadcast(pthread_cond_t *condition) {
    return notify((struct condition *)condition, INT_MAX);
}

// --- Read-write locks -------------------------------------------------------------------------------------------------

static void wait_for(struct read_write_lock *lock) {
    lock->waiters++;
    wait_while(&lock->holders, lock->holders, NULL);
    lock->waiters--;
}

EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *lock) {
    struct read_write_lock *l = (struct read_write_lock *)lock;
    while (l->holders < 0) {
        wait_for(l);
    }
    l->holders++;
    return 0;
}

EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *lock) {
    struct read_write_lock *l = (struct read_write_lock *)lock;
    while (l->holders != 0) {
        wait_for(l);
    }
    l->holders = -1;
    return 0;
}

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *lock) {
    struct read_write_lock *l = (struct read_write_lock *)lock;
    l->holders = l->holders < 0 ? 0 : l->holders - 1;
    if (l->waiters > 0) {
        wake(&l->holders, INT_MAX);
    }
    return 0;
}
