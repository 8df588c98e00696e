// Stands before the C library (LD_PRELOAD) and plays /dev/kvm, in the mode that FAKE_KVM names. It runs no guest: it answers as a KVM would
// that ran the probe's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUN_SIZE 12288
#define EXIT_IO 2
#define EXIT_INTERNAL_ERROR 17

static int in_mode(const char *mode)
{
    const char *wanted = getenv("FAKE_KVM");
    return wanted != NULL && strcmp(wanted, mode) == 0;
}

// One byte for each virtual machine that is made.
static void count_machine(void)
{
    const char *log = getenv("FAKE_KVM_LOG");
    int fd = log == NULL ? -1 : open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0)
    {
        ssize_t written = write(fd, "x", 1);
        (void)written;
        close(fd);
    }
}

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    if (next == NULL)
    {
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    }

    va_list arguments;
    va_start(arguments, flags);
    int mode = va_arg(arguments, int);
    va_end(arguments);
    if (getenv("FAKE_KVM") == NULL || strcmp(path, "/dev/kvm") != 0)
    {
        return next(path, flags, mode);
    }

    if (in_mode("absent") || in_mode("forbidden"))
    {
        errno = in_mode("absent") ? ENOENT : EACCES;
        return -1;
    }

    return memfd_create("fake-kvm", MFD_CLOEXEC);
}

static int run(int fd)
{
    uint8_t page[64] = {0};
    if (in_mode("hangs"))
    {
        for (;;)
        {
            pause();
        }
    }

    if (in_mode("stops"))
    {
        *(uint32_t *)(page + 8) = EXIT_INTERNAL_ERROR;
        *(uint32_t *)(page + 32) = 1;
    }
    else
    {
        // The guest's last word: 0 to the port of its steps.
        *(uint32_t *)(page + 8) = EXIT_IO;
        page[32] = 1;
        page[33] = 4;
        *(uint16_t *)(page + 34) = 0xE0;
        *(uint32_t *)(page + 36) = 1;
        *(uint64_t *)(page + 40) = 4096;
    }

    return pwrite(fd, page, sizeof page, 0) == sizeof page ? 0 : -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    static int (*next)(int, unsigned long, ...);
    if (next == NULL)
    {
        next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    }

    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (getenv("FAKE_KVM") == NULL)
    {
        return next(fd, request, argument);
    }

    int machine;
    switch (request)
    {
        case 0xAE00: // KVM_GET_API_VERSION
            return 12;
        case 0xAE01: // KVM_CREATE_VM
            count_machine();
            if (in_mode("busy"))
            {
                errno = EBUSY;
                return -1;
            }

            return memfd_create("fake-vm", MFD_CLOEXEC);
        case 0xAE03: // KVM_CHECK_EXTENSION
            return 1;
        case 0xAE04: // KVM_GET_VCPU_MMAP_SIZE
            return RUN_SIZE;
        case 0xC008AE05: // KVM_GET_SUPPORTED_CPUID: leaf 7 with ARCH_CAPABILITIES in EDX
        {
            uint32_t *cpuid = argument;
            memset(cpuid, 0, 48);
            cpuid[0] = 1;
            cpuid[2] = 7;
            cpuid[2 + 6] = 1u << 29;
            return 0;
        }
        case 0xAE41: // KVM_CREATE_VCPU
            machine = memfd_create("fake-vcpu", MFD_CLOEXEC);
            return ftruncate(machine, RUN_SIZE) == 0 ? machine : -1;
        case 0xAE80: // KVM_RUN
            return run(fd);
        case 0xC008AE88: // KVM_GET_MSRS
            ((uint64_t *)argument)[2] = 0x69;
            return 1;
        case 0x4008AE89: // KVM_SET_MSRS
            return in_mode("no-arch-capabilities") && ((uint32_t *)argument)[2] == 0x10A && ((uint64_t *)argument)[2] != 0 ? 0 : 1;
        case 0x4020AE46: case 0xAE47: case 0x4008AE48: case 0xAE60: case 0x4090AE82: case 0x8138AE83: case 0x4138AE84: case 0x4008AE90:
            return 0;
        default:
            return next(fd, request, argument);
    }
}
