// Makes a system call whose number no Linux has given out, twice, and ends with the status that it is given.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    syscall(335);
    syscall(335);
    return argc > 1 ? atoi(argv[1]) : 0;
}
