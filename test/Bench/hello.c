// The first line of output, with the guest instructions that it took under -icount: there the time-stamp counter counts them from the start
// of the machine.
#include <stdio.h>
#include <x86intrin.h>

int main(void)
{
    printf("Hello from the guest, tsc %llu\n", (unsigned long long)__rdtsc());
    return 0;
}
