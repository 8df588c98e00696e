/* What the programs that compare a kernel's answers share: a call is printed with its result, or the name of its error. */
#ifndef ANSWERS_H
#define ANSWERS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void answer(const char *call, long result)
{
    int error = result == -1 ? errno : 0;
    printf("%s = %ld %s\n", call, result, error ? strerrorname_np(error) : "");
}

#define ASK(call) do { errno = 0; answer(#call, (long)(call)); } while (0)

/* For calls whose success is a number that differs from run to run. */
#define ASK_IF(call) do { errno = 0; answer(#call, (long)(call) < 0 ? -1 : 0); } while (0)

#endif
