// Threads, mutexes, condition variables, thread-local storage, joins, and one thread that spins while another must get on.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, ROUNDS = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_came = PTHREAD_COND_INITIALIZER;
static long counter;
static int turn;
static _Thread_local long mine;
static atomic_int stop;

static void *count(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
        mine++;
    }
    return (void *)(mine + (long)argument);
}

static void *ping(void *argument)
{
    int me = (int)(long)argument;
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me) {
            pthread_cond_wait(&turn_came, &lock);
        }
        turn = !me;
        pthread_cond_broadcast(&turn_came);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *spin(void *argument)
{
    while (!stop) {
    }
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS];
    long sum = 0;
    for (long i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, count, (void *)i);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("counter %ld sum %ld\n", counter, sum);
    for (long i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, ping, (void *)i);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    puts("ping-pong done");
    pthread_create(&threads[0], NULL, spin, NULL);
    for (volatile int i = 0; i < 1000000; i++) {
    }
    stop = 1;
    pthread_join(threads[0], NULL);
    puts("the spinning thread was preempted");
    return 11;
}
