// Formatted output, for the messages of the runtime. No floating point, no positional arguments.

#include "libc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_CAPACITY = 512 };

// Takes what fits and counts the rest.
struct output {
    char *buffer;
    size_t capacity;
    size_t length;
};

static void put(struct output *output, char c) {
    if (output->length < output->capacity) {
        output->buffer[output->length] = c;
    }
    output->length++;
}

static void put_field(struct output *output, const char *text, size_t length, size_t width, int left, char fill) {
    size_t padding = width > length ? width - length : 0;
    for (size_t i = 0; !left && i < padding; i++) {
        put(output, fill);
    }
    for (size_t i = 0; i < length; i++) {
        put(output, text[i]);
    }
    for (size_t i = 0; left && i < padding; i++) {
        put(output, ' ');
    }
}

static unsigned long long take_number(va_list *values, int size, int is_signed) {
    if (size >= 8) {
        return va_arg(*values, unsigned long long);
    }
    unsigned value = va_arg(*values, unsigned);
    return is_signed ? (unsigned long long)(int)value : value;
}

static void put_number(struct output *output, unsigned long long value, int base, int negative, int upper, size_t width, int left,
    char fill) {
    char digits[24];
    char *first = digits + sizeof digits;
    do {
        *--first = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % (unsigned)base];
        value /= (unsigned)base;
    } while (value != 0);
    if (negative) {
        if (fill == '0' && !left) {
            put(output, '-');
            width -= width > 0;
        } else {
            *--first = '-';
        }
    }
    put_field(output, first, (size_t)(digits + sizeof digits - first), width, left, fill);
}

EXPORT int vsnprintf(char *restrict buffer, size_t capacity, const char *restrict format, va_list values) {
    struct output output = {buffer, capacity == 0 ? 0 : capacity - 1, 0};
    va_list arguments;
    va_copy(arguments, values);
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(&output, *format);
            continue;
        }
        int left = 0;
        char fill = ' ';
        for (format++; *format == '-' || *format == '0'; format++) {
            left |= *format == '-';
            fill = *format == '0' ? '0' : fill;
        }
        size_t width = 0;
        for (; *format >= '0' && *format <= '9'; format++) {
            width = width * 10 + (size_t)(*format - '0');
        }
        size_t precision = SIZE_MAX;
        if (*format == '.') {
            precision = 0;
            if (format[1] == '*') {
                precision = (size_t)va_arg(arguments, int);
                format++;
            }
            for (format++; *format >= '0' && *format <= '9'; format++) {
                precision = precision * 10 + (size_t)(*format - '0');
            }
        }
        int size = 4;
        for (; *format == 'h' || *format == 'l' || *format == 'j' || *format == 'z'; format++) {
            size = *format == 'h' ? 4 : 8;
        }
        switch (*format) {
        case 'd':
        case 'i': {
            long long value = (long long)take_number(&arguments, size, 1);
            put_number(&output, value < 0 ? -(unsigned long long)value : (unsigned long long)value, 10, value < 0, 0, width, left, fill);
            break;
        }
        case 'u':
            put_number(&output, take_number(&arguments, size, 0), 10, 0, 0, width, left, fill);
            break;
        case 'x':
        case 'X':
            put_number(&output, take_number(&arguments, size, 0), 16, 0, *format == 'X', width, left, fill);
            break;
        case 'p':
            put(&output, '0');
            put(&output, 'x');
            put_number(&output, (uintptr_t)va_arg(arguments, void *), 16, 0, 0, width > 2 ? width - 2 : 0, left, '0');
            break;
        case 'c': {
            char c = (char)va_arg(arguments, int);
            put_field(&output, &c, 1, width, left, ' ');
            break;
        }
        case 's': {
            const char *text = va_arg(arguments, const char *);
            text = text == NULL ? "(null)" : text;
            size_t length = 0;
            while (length < precision && text[length] != 0) {
                length++;
            }
            put_field(&output, text, length, width, left, ' ');
            break;
        }
        case '%':
            put(&output, '%');
            break;
        default: // not known: as it stands
            put(&output, '%');
            format--;
            break;
        }
    }
    va_end(arguments);
    if (capacity != 0) {
        buffer[output.length < capacity ? output.length : capacity - 1] = 0;
    }
    return (int)output.length;
}

EXPORT int snprintf(char *restrict buffer, size_t capacity, const char *restrict format, ...) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(buffer, capacity, format, values);
    va_end(values);
    return length;
}

EXPORT int asprintf(char **restrict result, const char *restrict format, ...) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(NULL, 0, format, values);
    *result = malloc((size_t)length + 1);
    if (*result == NULL) {
        length = -1;
    } else {
        vsnprintf(*result, (size_t)length + 1, format, values);
    }
    va_end(values);
    return length;
}

// --- Streams: all of them are the console -------------------------------------------------------------------------------

EXPORT FILE *stderr;

EXPORT int fprintf(FILE *restrict stream, const char *restrict format, ...) {
    (void)stream;
    char message[MESSAGE_CAPACITY];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(message, sizeof message, format, values);
    va_end(values);
    write(STDERR_FILENO, message, strlen(message));
    return length;
}

EXPORT int fputs(const char *restrict text, FILE *restrict stream) {
    (void)stream;
    return (int)write(STDERR_FILENO, text, strlen(text));
}

EXPORT size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict stream) {
    (void)stream;
    write(STDERR_FILENO, data, size * count);
    return count;
}

EXPORT int fflush(FILE *stream) {
    (void)stream;
    return 0;
}
