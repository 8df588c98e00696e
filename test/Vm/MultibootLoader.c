// A boot loader between GRUB, or whatever else speaks Multiboot 1, and the kernel, which is started by PVH: the first module is the
// kernel, its words the kernel's command line; a second one is its initrd. So machines without a loader of their own for such kernels
// boot the same image. With the word x2apic it leaves the local APIC as some firmware does, in x2APIC mode.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { MULTIBOOT = 0x1BADB002, PAGE_ALIGNED = 1, WANTS_MEMORY = 2, PVH = 0x336EC578, PHYSICAL_ENTRY = 18, NOTE = 4, LOAD = 1,
    CLASS_64 = 2 };

// What is copied to where the kernel wants to be may lie there already: first to a safe place. The initrd may lie there, too.
static u8 *const s_copy = (u8 *)0x6000000;
static u8 *const s_initrd = (u8 *)0x6800000;
enum { INITRD_ROOM = 0x1000000 };

__attribute__((section(".multiboot"), used)) static const u32 s_header[] = {MULTIBOOT, PAGE_ALIGNED | WANTS_MEMORY,
    -(u32)(MULTIBOOT + (PAGE_ALIGNED | WANTS_MEMORY))};

struct multiboot { u32 flags, lower, upper, device, words, module_count, modules, symbols[4], map_length, map; };
struct module { u32 start, end, words, reserved; };
struct map_entry { u32 size; u64 address, length; u32 type; } __attribute__((packed));
struct start_info { u32 magic, version, flags, module_count; u64 modules, command_line, rsdp, memory_map; u32 memory_map_count, reserved; };
struct memory { u64 address, size; u32 type, reserved; };
struct elf_header { u8 ident[16]; u32 kind, version; u64 entry, headers, sections; u32 flags; unsigned short size, header_size,
    header_count; };
struct elf32_header { u8 ident[16]; u32 kind, version, entry, headers, sections, flags; unsigned short size, header_size, header_count; };
struct program_header32 { u32 type, offset, virtual_address, physical_address, file_size, memory_size, flags, align; };
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

static int has_word(const char *line, const char *word) {
    for (; *line != 0; line++) {
        u32 i = 0;
        while (word[i] != 0 && line[i] == word[i]) {
            i++;
        }
        if (word[i] == 0) {
            return 1;
        }
    }
    return 0;
}

// Intel SDM Vol. 3A, 10.12.1: from enabled to enabled with x2APIC.
static void enter_x2apic_mode(void) {
    u32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1B));
    low |= 1 << 11;
    __asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(0x1B));
    low |= 1 << 10;
    __asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(0x1B));
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

static void place(u32 type, u32 offset, u32 address, u32 file_size, u32 memory_size, u32 *entry) {
    if (type == LOAD) {
        copy((u8 *)address, s_copy + offset, file_size);
        clear((u8 *)(address + file_size), memory_size - file_size);
    } else if (type == NOTE && *entry == 0) {
        *entry = find_entry(s_copy + offset, s_copy + offset + file_size);
    }
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
    s_info = (struct start_info){.magic = PVH, .version = 1, .command_line = (u32)s_command_line, .memory_map = (u32)s_memory,
        .memory_map_count = count};

    static struct { u64 address, size, words, reserved; } initrd;
    if (boot->module_count > 1 && kernel[1].end - kernel[1].start <= INITRD_ROOM) {
        initrd.address = (u32)s_initrd;
        initrd.size = kernel[1].end - kernel[1].start;
        s_info.modules = (u32)&initrd;
        s_info.module_count = 1;
        copy(s_initrd, (const u8 *)kernel[1].start, (u32)initrd.size);
    }
    if (has_word(s_command_line, "x2apic")) {
        enter_x2apic_mode();
    }

    copy(s_copy, (const u8 *)kernel->start, kernel->end - kernel->start);
    const struct elf_header *elf = (const struct elf_header *)s_copy;
    u32 entry = 0;
    if (elf->ident[4] == CLASS_64) {
        const struct program_header *segment = (const struct program_header *)(s_copy + (u32)elf->headers);
        for (u32 i = 0; i < elf->header_count; i++, segment++) {
            place(segment->type, (u32)segment->offset, (u32)segment->physical_address, (u32)segment->file_size, (u32)segment->memory_size,
                &entry);
        }
    } else {
        const struct elf32_header *elf32 = (const struct elf32_header *)s_copy;
        const struct program_header32 *segment = (const struct program_header32 *)(s_copy + elf32->headers);
        for (u32 i = 0; i < elf32->header_count; i++, segment++) {
            place(segment->type, segment->offset, segment->physical_address, segment->file_size, segment->memory_size, &entry);
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
