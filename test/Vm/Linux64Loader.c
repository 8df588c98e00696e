// A boot loader of the 64-bit Linux boot protocol, such as Firecracker is, for QEMU to start by PVH. Its initrd is the kernel; the
// kernel's own initrd was put anywhere in memory by QEMU's loader device, and PLACE says where.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

enum { PLACE = 0x2000000, PAGE_TABLES = 0x8000, BOOT_PARAMS = 0x10000, SETUP_DATA = 0x13000, COMMAND_LINE = 0x12007 };
enum { USABLE = 1, RESERVED = 2, ZERO_PAGE_ENTRIES = 128, MEBI = 1 << 20 };

// Xen's PVH boot ABI, the ELF format and the memory map, as far as they matter here.
struct start_info { u32 magic, version, flags, module_count; u64 modules, command_line, rsdp, memory_map; u32 memory_map_count; };
struct memory { u64 address, size; u32 type, reserved; };
struct elf_header { u8 ident[16]; u32 kind, version; u64 entry, headers, sections; u32 flags; unsigned short size, header_size,
    header_count; };
struct program_header { u32 type, flags; u64 offset, virtual_address, physical_address, file_size, memory_size, align; };

__attribute__((used)) static u32 control, late_control, root;
static u8 stack[4096] __attribute__((aligned(16), used));

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

// Whether a bit of a leaf's ECX is set.
static int has_feature(u32 leaf, int bit) {
    u32 eax = leaf, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ecx >> bit) & 1;
}

// Control bits that no kernel expects of a loader, as far as the processor has them: TSD, DE, PCE, PKE, and PCIDE, which is for long mode
// only.
enum { TSD = 1 << 2, DE = 1 << 3, PCE = 1 << 8, PCIDE = 1 << 17, PKE = 1 << 22 };

static u32 find_odd_control_bits(void) {
    return TSD | DE | PCE | (has_feature(7, 3) ? PKE : 0);
}

// Every line of the I/O APIC open, each with a vector of its own.
static void open_pins(void) {
    volatile u32 *const apic = (volatile u32 *)0xFEC00000;
    for (u32 pin = 0; pin < 24; pin++) {
        apic[0] = 0x11 + pin * 2;
        apic[4] = 0;
        apic[0] = 0x10 + pin * 2;
        apic[4] = 0x70 + pin;
    }
}

static u8 *zero_page = (u8 *)BOOT_PARAMS;

// The zero page holds 128 entries; what comes after them goes into a chain of setup_data, one entry each.
static void add_memory(u64 address, u64 size, u32 type) {
    static u8 *next_data = (u8 *)SETUP_DATA;
    static u64 *link = (u64 *)(BOOT_PARAMS + 0x250);
    u8 *entry;
    if (zero_page[0x1E8] < ZERO_PAGE_ENTRIES) {
        entry = zero_page + 0x2D0 + zero_page[0x1E8]++ * 20;
    } else {
        *link = (u32)next_data;
        link = (u64 *)next_data;
        link[0] = 0;
        ((u32 *)next_data)[2] = 1;
        ((u32 *)next_data)[3] = 20;
        entry = next_data + 16;
        next_data += 40;
    }
    *(u64 *)entry = address;
    *(u64 *)(entry + 8) = size;
    *(u32 *)(entry + 16) = type;
}

// The same memory told by entries that overlap, contradict each other, run past the end of all addresses, and are more than anybody has
// room for.
static void add_hostile(u64 address, u64 size) {
    if (address < MEBI) {
        add_memory(address, size, USABLE);
        return;
    }
    add_memory(address + 64 * MEBI, size - 64 * MEBI, USABLE);
    add_memory(address + 60 * MEBI, 8 * MEBI, USABLE);
    add_memory(address + 80 * MEBI, MEBI, RESERVED);
    add_memory(address + 80 * MEBI + 0x800, MEBI, USABLE);
    add_memory(0xFFFFFFFFFFFFF000, 0x2000, USABLE);
    add_memory(0xFFFFFFFFFFFF0000, 0xFFFFFFFFFFFFFFFF, RESERVED);
    add_memory(address, 0, RESERVED);
    for (u32 i = 0; i < 300; i++) {
        add_memory(address + 32 * MEBI + i * 0x8000, 0x4800, USABLE);
    }
    add_memory(address, 32 * MEBI, USABLE);
}

// Returns the kernel's entry point; low memory holds what it is to be given.
__attribute__((used)) u32 prepare(const struct start_info *info) {
    const u8 *image = (const u8 *)*(u32 *)(u32)info->modules;
    const struct elf_header *elf = (const struct elf_header *)image;
    const struct program_header *segment = (const struct program_header *)(image + elf->headers);
    for (u32 i = 0; i < elf->header_count; i++, segment++) {
        if (segment->type == 1) {
            copy((u8 *)(u32)segment->physical_address, image + segment->offset, segment->file_size);
            clear((u8 *)(u32)(segment->physical_address + segment->file_size), segment->memory_size - segment->file_size);
        }
    }

    clear(zero_page, 4096);
    const char *words = (const char *)(u32)info->command_line;
    char *line = (char *)COMMAND_LINE;
    while ((*line++ = *words++) != 0) {
    }

    *(u32 *)(zero_page + 0x228) = COMMAND_LINE;
    if (!has_word((const char *)COMMAND_LINE, "no-initrd")) {
        *(u32 *)(zero_page + 0x218) = ((u32 *)PLACE)[0];
        *(u32 *)(zero_page + 0x21C) = ((u32 *)PLACE)[2];
    }
    const struct memory *memory = (const struct memory *)(u32)info->memory_map;
    for (u32 i = 0; i < info->memory_map_count; i++) {
        if (memory[i].type == USABLE && has_word((const char *)COMMAND_LINE, "hostile-map")) {
            add_hostile(memory[i].address, memory[i].size);
        } else {
            add_memory(memory[i].address, memory[i].size, memory[i].type);
        }
    }

    // The first 4 GiB at their own addresses, in pages of 2 MiB; in five levels if that is asked for, in four from the second table on
    // otherwise.
    u64 *tables = (u64 *)PAGE_TABLES;
    clear((u8 *)tables, 7 * 4096);
    tables[0] = (PAGE_TABLES + 4096) | 3;
    tables[512] = (PAGE_TABLES + 2 * 4096) | 3;
    for (u32 i = 0; i < 4; i++) {
        tables[1024 + i] = (PAGE_TABLES + (3 + i) * 4096) | 3;
    }

    for (u32 i = 0; i < 4 * 512; i++) {
        tables[1536 + i] = ((u64)i << 21) | 0x83;
    }

    control = has_word((const char *)COMMAND_LINE, "five-levels") ? 0x1020 : 0x20;
    root = control == 0x20 ? PAGE_TABLES + 4096 : PAGE_TABLES;
    if (has_word((const char *)COMMAND_LINE, "odd-control-bits")) {
        control |= find_odd_control_bits();
        late_control = has_feature(1, 17) ? PCIDE : 0;
    }
    if (has_word((const char *)COMMAND_LINE, "open-pins")) {
        open_pins();
    }

    return (u32)elf->entry;
}

__asm__(
    ".section .note.pvh, \"a\", @note\n"
    ".long 4, 4, 18\n"
    ".asciz \"Xen\"\n"
    ".long start\n"
    ".text\n"
    "start:\n"
    "  mov $stack + 4096, %esp\n"
    "  push %ebx\n"
    "  call prepare\n"
    "  mov %eax, %edi\n"
    "  mov %cr4, %eax\n"
    "  or control, %eax\n"
    "  mov %eax, %cr4\n"
    "  mov root, %eax\n"
    "  mov %eax, %cr3\n"
    "  mov $0xC0000080, %ecx\n"
    "  rdmsr\n"
    "  or $0x100, %eax\n"
    "  wrmsr\n"
    "  mov %cr0, %eax\n"
    "  or $0x80000001, %eax\n"
    "  mov %eax, %cr0\n"
    "  lgdt table\n"
    "  ljmp $0x10, $long_mode\n"
    ".code64\n"
    "long_mode:\n"
    "  mov $0x18, %eax\n"
    "  mov %eax, %ds\n"
    "  mov %eax, %es\n"
    "  mov %eax, %ss\n"
    "  mov %cr4, %rax\n"
    "  or late_control, %eax\n"
    "  mov %rax, %cr4\n"
    "  mov $0x10000, %esi\n"
    "  mov %edi, %edi\n"
    "  jmp *%rdi\n"
    ".code32\n"
    ".balign 8\n"
    "descriptors: .quad 0, 0, 0x00AF9A000000FFFF, 0x00CF92000000FFFF\n"
    "table: .word 31\n"
    ".long descriptors\n");
