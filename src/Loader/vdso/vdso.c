// The functions that a program can call in the kernel's place (vdso(7)).
//
// Linked as a shared object of one segment (vdso.lds) and mapped behind the data page, which the kernel fills: see Vdso.cs.
// Nothing here may need a relocation or a vector register.

typedef unsigned int u32;
typedef unsigned long u64;
typedef unsigned __int128 u128;

struct timespec {
    long seconds;
    long nanoseconds;
};

struct timeval {
    long seconds;
    long microseconds;
};

struct timezone {
    int minutes_west;
    int dst_time;
};

// The kernel writes this by offset. Odd sequence: being written.
struct vdso_data {
    u32 sequence;
    u32 flags;
    u64 tsc_base;
    u64 multiplier;
    long realtime_offset;
    u32 pre_shift;
};

enum { CLOCK_USABLE = 1, SINGLE_CPU = 2, REALTIME_USABLE = 4 };

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE = 6,
    CLOCK_BOOTTIME = 7, CLOCK_TAI = 11 };

// Nobody stops the clocks or sets a TAI offset, and what corrects their rate corrects them all: there are two kinds, counted since boot or
// since 1970.
#define REALTIME_CLOCKS (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI)
#define MONOTONIC_CLOCKS (1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW | 1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME)
#define PRECISE_CLOCKS (1u << CLOCK_REALTIME | 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW | 1u << CLOCK_BOOTTIME | 1u << CLOCK_TAI)

enum { NANOSECONDS_PER_SECOND = 1000000000 };

enum { SYS_gettimeofday = 96, SYS_time = 201, SYS_clock_gettime = 228, SYS_clock_getres = 229, SYS_getcpu = 309 };

extern const volatile struct vdso_data vdso_data __attribute__((visibility("hidden")));

#define EXPORT(name) __attribute__((visibility("default"))) name
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define ALIAS(of) __attribute__((weak, visibility("default"), alias(#of)))

static inline long system_call(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return result;
}

// RDTSC may run ahead of loads and instructions before it; LFENCE holds it back (Intel SDM Vol. 2B, RDTSC; AMD APM Vol. 3, with LFENCE
// dispatch-serialising). So a time read after an event was seen is not from before it.
static inline u64 read_counter(void) {
    u32 low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return (u64)high << 32 | low;
}

// Nanoseconds since boot, rounded as the kernel rounds, so that clocks read here and there agree.
static ALWAYS_INLINE u64 scale_counter(void) {
    u64 ticks = read_counter() - vdso_data.tsc_base;
    return (u64)((u128)(ticks << vdso_data.pre_shift) * vdso_data.multiplier >> 64);
}

// An odd number is rounded down to one that never comes again, so that one comparison sees both that the kernel writes and that it has
// written.
static ALWAYS_INLINE u64 monotonic(void) {
    u32 sequence;
    u64 now;
    do {
        sequence = vdso_data.sequence & ~1u;
        now = scale_counter();
    } while (__builtin_expect(sequence != vdso_data.sequence, 0));
    return now;
}

static ALWAYS_INLINE u64 realtime(void) {
    u32 sequence;
    u64 now;
    do {
        sequence = vdso_data.sequence & ~1u;
        now = scale_counter() + (u64)vdso_data.realtime_offset;
    } while (__builtin_expect(sequence != vdso_data.sequence, 0));
    return now;
}

static inline int is_realtime_usable(void) {
    return __builtin_expect(vdso_data.flags & REALTIME_USABLE, 1);
}

static ALWAYS_INLINE int split(u64 nanoseconds, struct timespec *time) {
    u64 seconds = nanoseconds / NANOSECONDS_PER_SECOND;
    time->seconds = (long)seconds;
    time->nanoseconds = (long)(nanoseconds - seconds * NANOSECONDS_PER_SECOND);
    return 0;
}

int EXPORT(__vdso_clock_gettime)(int clock, struct timespec *time) {
    if (__builtin_expect((u32)clock < 32, 1)) {
        // All ones or, where the counter cannot be used, none: one branch less for the most frequent callers.
        u32 usable = -(vdso_data.flags & CLOCK_USABLE);
        if (__builtin_expect((MONOTONIC_CLOCKS & usable) >> clock & 1, 1)) {
            return split(monotonic(), time);
        }
        if ((REALTIME_CLOCKS >> clock & 1) && is_realtime_usable()) {
            return split(realtime(), time);
        }
    }
    return (int)system_call(SYS_clock_gettime, clock, (long)time, 0);
}

int EXPORT(__vdso_gettimeofday)(struct timeval *time, struct timezone *zone) {
    if (!is_realtime_usable()) {
        return (int)system_call(SYS_gettimeofday, (long)time, (long)zone, 0);
    }
    if (time) {
        u64 now = realtime() / 1000;
        u64 seconds = now / 1000000;
        time->seconds = (long)seconds;
        time->microseconds = (long)(now - seconds * 1000000);
    }
    if (zone) {
        zone->minutes_west = 0;
        zone->dst_time = 0;
    }
    return 0;
}

long EXPORT(__vdso_time)(long *time) {
    if (!is_realtime_usable()) {
        return system_call(SYS_time, (long)time, 0, 0);
    }
    long now = (long)(realtime() / NANOSECONDS_PER_SECOND);
    if (time) {
        *time = now;
    }
    return now;
}

// The resolution of the coarse clocks is the kernel's to say.
int EXPORT(__vdso_clock_getres)(int clock, struct timespec *resolution) {
    if ((u32)clock < 32 && (1u << clock & PRECISE_CLOCKS)) {
        if (resolution) {
            resolution->seconds = 0;
            resolution->nanoseconds = 1;
        }
        return 0;
    }
    return (int)system_call(SYS_clock_getres, clock, (long)resolution, 0);
}

// With several processors TSC_AUX would have to carry the number (RDPID); with one there is nothing to ask.
int EXPORT(__vdso_getcpu)(u32 *cpu, u32 *node, void *unused) {
    if (!(vdso_data.flags & SINGLE_CPU)) {
        return (int)system_call(SYS_getcpu, (long)cpu, (long)node, (long)unused);
    }
    if (cpu) {
        *cpu = 0;
    }
    if (node) {
        *node = 0;
    }
    return 0;
}

int ALIAS(__vdso_clock_gettime) clock_gettime(int clock, struct timespec *time);
int ALIAS(__vdso_gettimeofday) gettimeofday(struct timeval *time, struct timezone *zone);
long ALIAS(__vdso_time) time(long *time);
int ALIAS(__vdso_clock_getres) clock_getres(int clock, struct timespec *resolution);
int ALIAS(__vdso_getcpu) getcpu(u32 *cpu, u32 *node, void *unused);
