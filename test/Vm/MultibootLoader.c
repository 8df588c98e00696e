// A boot loader between GRUB, or whatever else speaks Multiboot 1, and the kernel, which is started by PVH: the first module is the kernel, its words
// the kernel's command line. So machines without a loader of their own for such kernels boot the same image.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { MULTIBOOT = 0x1BADB002, PAGE_ALIGNED = 1, WANTS_MEMORY = 2, PVH = 0x336EC578, PHYSICAL_ENTRY = 18, NOTE = 4, LOAD = 1 };

// What is copied to where the kernel wants to be may lie there already: first to a safe place.
static u8 *const s_copy = (u8 *)0x6000000;

__attribute__((section(".multiboot"), used)) static const u32 s_header[] = {MULTIBOOT, PAGE_ALIGNED | WANTS_MEMORY, -(u32)(MULTIBOOT + (PAGE_ALIGNED | WANTS_MEMORY))};

struct multiboot { u32 flags, lower, upper, device, words, module_count, modules, symbols[4], map_length, map; };
struct module { u32 start, end, words, reserved; };
struct map_entry { u32 size; u64 address, length; u32 type; } __attribute__((packed));
struct start_info { u32 magic, version, flags, module_count; u64 modules, command_line, rsdp, memory_map; u32 memory_map_count, reserved; };
struct memory { u64 address, size; u32 type, reserved; };
struct elf_header { u8 ident[16]; u32 kind, version; u64 entry, headers, sections; u32 flags; unsigned short size, header_size, header_count; };
struct program_header { u32 type, flags; u64 offset, virtual_address, physical_address, file_size, memory_size, align; };

static u8 s_stack[4096] __attribute__((aligned(16), used));
static struct memory s_memory[256];
static char s_command_line[4096];
__attribute__((used)) static struct start_info s_info;

static void copy(u8 *to, const u8 *from, u32 count) {
    while (count-- > 0) {
        *to++ = *from++;
    }
}

static void clear(u8 *to, u32 count) {
    while (count-- > 0) {
        *to++ = 0;
    }
}

static u32 find_entry(const u8 *note, const u8 *end) {
    while (note < end) {
        u32 name = ((const u32 *)note)[0], size = ((const u32 *)note)[1], type = ((const u32 *)note)[2];
        const u8 *content = note + 12 + ((name + 3) & ~3u);
        if (type == PHYSICAL_ENTRY && note[12] == 'X') {
            return *(const u32 *)content;
        }
        note = content + ((size + 3) & ~3u);
    }
    return 0;
}

// Puts the kernel where it belongs and returns its PVH entry point.
__attribute__((used)) u32 prepare(const struct multiboot *boot) {
    const struct module *kernel = (const struct module *)boot->modules;
    const char *words = (const char *)kernel->words;
    for (u32 i = 0; i + 1 < sizeof s_command_line && words[i] != 0; i++) {
        s_command_line[i] = words[i];
    }
    u32 count = 0;
    for (u32 at = boot->map; at < boot->map + boot->map_length && count < 256; at += ((const struct map_entry *)at)->size + 4) {
        const struct map_entry *entry = (const struct map_entry *)at;
        s_memory[count++] = (struct memory){entry->address, entry->length, entry->type, 0};
    }
    s_info = (struct start_info){.magic = PVH, .version = 1, .command_line = (u32)s_command_line, .memory_map = (u32)s_memory, .memory_map_count = count};

    copy(s_copy, (const u8 *)kernel->start, kernel->end - kernel->start);
    const struct elf_header *elf = (const struct elf_header *)s_copy;
    const struct program_header *segment = (const struct program_header *)(s_copy + (u32)elf->headers);
    u32 entry = 0;
    for (u32 i = 0; i < elf->header_count; i++, segment++) {
        const u8 *content = s_copy + (u32)segment->offset;
        if (segment->type == LOAD) {
            copy((u8 *)(u32)segment->physical_address, content, (u32)segment->file_size);
            clear((u8 *)(u32)(segment->physical_address + segment->file_size), (u32)(segment->memory_size - segment->file_size));
        } else if (segment->type == NOTE && entry == 0) {
            entry = find_entry(content, content + (u32)segment->file_size);
        }
    }
    return entry;
}

__asm__(
    ".text\n"
    ".globl start\n"
    "start:\n"
    "  mov $s_stack + 4096, %esp\n"
    "  push %ebx\n"
    "  call prepare\n"
    "  mov $s_info, %ebx\n"
    "  xor %ecx, %ecx\n"
    "  mov %ecx, %cr4\n"
    "  jmp *%eax\n");
