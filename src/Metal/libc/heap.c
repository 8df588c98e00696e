// malloc(3) for the runtime: some hundred blocks that mostly stay. Small blocks come in sizes that double and are kept in
// lists when they are freed; large ones are mappings of their own.

#include "libc.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    SMALLEST_SHIFT = 5,
    LARGEST_SHIFT = 14,
    CHUNK = 32 * 1024,
};

// Before each block, and as large as the alignment that malloc promises. The size is that of the mapping for a large block.
struct header {
    size_t shift; // 0: a mapping of its own
    size_t size;
};

struct free_block {
    struct free_block *next;
};

static struct free_block *free_blocks[LARGEST_SHIFT + 1];
static char *chunk;
static char *chunk_end;

static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void *allocate_large(size_t size) {
    size_t length;
    if (__builtin_add_overflow(size, sizeof(struct header) + PAGE_SIZE - 1, &length)) {
        errno = ENOMEM;
        return NULL;
    }
    length &= -(size_t)PAGE_SIZE;
    struct header *header = map(length);
    if (header == NULL) {
        return NULL;
    }
    header->shift = 0;
    header->size = length;
    return header + 1;
}

EXPORT void *malloc(size_t size) {
    if (size > ((size_t)1 << LARGEST_SHIFT) - sizeof(struct header)) {
        return allocate_large(size);
    }
    size_t shift = SMALLEST_SHIFT;
    while (((size_t)1 << shift) - sizeof(struct header) < size) {
        shift++;
    }
    struct free_block *block = free_blocks[shift];
    if (block != NULL) {
        free_blocks[shift] = block->next;
        return block;
    }
    size_t length = (size_t)1 << shift;
    if ((size_t)(chunk_end - chunk) < length) {
        char *fresh = map(CHUNK); // what is left of the old chunk is lost: less than a block of this size
        if (fresh == NULL) {
            return NULL;
        }
        chunk = fresh;
        chunk_end = fresh + CHUNK;
    }
    struct header *header = (struct header *)chunk;
    chunk += length;
    header->shift = shift;
    header->size = length;
    return header + 1;
}

EXPORT void free(void *block) {
    if (block == NULL) {
        return;
    }
    struct header *header = (struct header *)block - 1;
    if (header->shift == 0) {
        munmap(header, header->size);
        return;
    }
    struct free_block *entry = block;
    entry->next = free_blocks[header->shift];
    free_blocks[header->shift] = entry;
}
