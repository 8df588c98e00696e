// Strings and numbers. They are short here, and so are these functions.

#include "libc.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

EXPORT size_t strlen(const char *text) {
    const char *end = text;
    while (*end != 0) {
        end++;
    }
    return (size_t)(end - text);
}

EXPORT int strncmp(const char *a, const char *b, size_t count) {
    for (; count > 0; a++, b++, count--) {
        if (*a != *b || *a == 0) {
            return (unsigned char)*a - (unsigned char)*b;
        }
    }
    return 0;
}

EXPORT int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

static int lower(char c) {
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : (unsigned char)c;
}

EXPORT int strcasecmp(const char *a, const char *b) {
    while (*a != 0 && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) - lower(*b);
}

EXPORT char *strcpy(char *restrict to, const char *restrict from) {
    return memcpy(to, from, strlen(from) + 1);
}

EXPORT char *strncpy(char *restrict to, const char *restrict from, size_t count) {
    size_t i = 0;
    for (; i < count && from[i] != 0; i++) {
        to[i] = from[i];
    }
    memset(to + i, 0, count - i);
    return to;
}

EXPORT char *strcat(char *restrict to, const char *restrict from) {
    strcpy(to + strlen(to), from);
    return to;
}

EXPORT char *strncat(char *restrict to, const char *restrict from, size_t count) {
    char *end = to + strlen(to);
    for (; count > 0 && *from != 0; count--) {
        *end++ = *from++;
    }
    *end = 0;
    return to;
}

EXPORT char *strrchr(const char *text, int character) {
    for (const char *end = text + strlen(text);; end--) {
        if (*end == (char)character) {
            return (char *)end;
        }
        if (end == text) {
            return NULL;
        }
    }
}

EXPORT char *strstr(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; strncmp(text, part, length) != 0; text++) {
        if (*text == 0) {
            return NULL;
        }
    }
    return (char *)text;
}

static int digit_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : lower(c) >= 'a' && lower(c) <= 'z' ? lower(c) - 'a' + 10 : INT_MAX;
}

EXPORT unsigned long long strtoull(const char *restrict text, char **restrict end, int base) {
    const char *position = text;
    while (*position == ' ' || (*position >= '\t' && *position <= '\r')) {
        position++;
    }
    int negative = *position == '-';
    if (*position == '-' || *position == '+') {
        position++;
    }
    int prefixed = position[0] == '0' && lower(position[1]) == 'x' && digit_value(position[2]) < 16;
    if ((base == 0 || base == 16) && prefixed) {
        position += 2;
        base = 16;
    } else if (base == 0) {
        base = *position == '0' ? 8 : 10;
    }
    unsigned long long value = 0;
    int too_large = 0;
    const char *first = position;
    for (; digit_value(*position) < base; position++) {
        too_large |= __builtin_mul_overflow(value, (unsigned long long)base, &value);
        too_large |= __builtin_add_overflow(value, (unsigned long long)digit_value(*position), &value);
    }
    if (end != NULL) {
        *end = (char *)(position == first ? text : position);
    }
    if (too_large) {
        errno = ERANGE;
        return ULLONG_MAX;
    }
    return negative ? -value : value;
}

EXPORT unsigned long strtoul(const char *restrict text, char **restrict end, int base) __attribute__((alias("strtoull")));

// Magnitudes beyond those of the type wrap: the runtime reads sizes and counts.
EXPORT long long strtoll(const char *restrict text, char **restrict end, int base) {
    return (long long)strtoull(text, end, base);
}
