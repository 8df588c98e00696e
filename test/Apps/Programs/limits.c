/* RLIMIT_FSIZE: what may still be written, what answers EFBIG, and the signal that ends the program. */
#include "answers.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    static char buffer[1500];
    struct rlimit limit = { 1000, RLIM_INFINITY };
    mkdir("/tmp", 01777);
    int file = open("/tmp/answers-limit", O_RDWR | O_CREAT | O_TRUNC, 0600), pipe_ends[2];
    unlink("/tmp/answers-limit");
    int source = open("/tmp/answers-source", O_RDWR | O_CREAT | O_TRUNC, 0600);
    unlink("/tmp/answers-source");
    ftruncate(source, 5000);
    signal(SIGXFSZ, SIG_IGN);
    ASK(setrlimit(RLIMIT_FSIZE, &limit));
    ASK(write(file, buffer, sizeof buffer));
    ASK(write(file, buffer, 1));
    ASK(write(file, buffer, 0));
    ASK(pwrite(file, buffer, 10, 500));
    ASK(pwrite(file, buffer, 10, 995));
    ASK(pwrite(file, buffer, 10, 1000));
    ASK(ftruncate(file, 1000));
    ASK(ftruncate(file, 1001));
    ASK(ftruncate(file, 10));
    ASK(fallocate(file, 0, 0, 1001));
    ASK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 4096));
    ASK(copy_file_range(source, (off_t[]){ 0 }, file, (off_t[]){ 900 }, 400, 0));
    ASK(fcntl(file, F_SETFL, O_APPEND));
    ASK(write(file, buffer, 10));
    ASK(pipe(pipe_ends));
    ASK(write(pipe_ends[1], buffer, sizeof buffer));
    ASK(write(open("/dev/null", O_WRONLY), buffer, sizeof buffer));
    fflush(stdout);
    signal(SIGXFSZ, SIG_DFL);
    write(file, buffer, 1);
    puts("still here");
    return 0;
}
