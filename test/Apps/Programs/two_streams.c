// One thread writes much to standard output; another sleeps for a second meanwhile, and says in the end whether it was not much longer.
#include <pthread.h>
#include <time.h>
#include <unistd.h>

static void *fill(void *unused)
{
    static char bytes[3000];
    for (int i = 0; i < 1000; i++)
    {
        for (size_t done = 0; done < sizeof bytes;)
        {
            ssize_t count = write(1, bytes + done, sizeof bytes - done);
            if (count < 0)
            {
                return unused;
            }

            done += (size_t)count;
        }
    }

    return NULL;
}

int main(void)
{
    pthread_t filler;
    pthread_create(&filler, NULL, fill, NULL);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    sleep(1);
    clock_gettime(CLOCK_MONOTONIC, &after);
    pthread_join(filler, NULL);
    return after.tv_sec - before.tv_sec > 6;
}
