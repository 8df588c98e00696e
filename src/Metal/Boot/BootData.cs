using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Boot;

/// <summary>What the boot loader said: usable memory, the command line, the initrd.</summary>
// SAFETY: the boot protocols promise that these structures are where they say, below 1 GiB, which the boot page tables map;
// nothing is allocated before they have been read.
internal static unsafe class BootData
{
    private const int CommandLineCapacity = 65536;
    private const uint UsableMemory = 1;
    private const int MaximumReserved = 8;

    private const ulong PageMask = ~(Layout.PageSize - 1);
    private const int MaximumMapEntries = 128;
    private const int MaximumSetupData = 256;
    private const int MapEntrySize = 20;
    private const uint SetupMemoryMap = 1; // SETUP_E820_EXT

    private static ReservedStorage s_reserved;
    private static int s_reservedCount;
    private static RangeList s_memory;

    internal static ulong CommandLine { get; private set; }

    internal static ulong CommandLineLength { get; private set; }

    internal static ulong InitialRamDisk { get; private set; }

    internal static ulong InitialRamDiskLength { get; private set; }

    /// <summary>One past the last byte of memory.</summary>
    internal static ulong PhysicalEnd => s_memory.GetEnd(s_memory.Count - 1);

    /// <summary>
    /// All memory that may be touched, whoever has it: what the memory map calls usable, and the boot loader's data wherever they lie.
    /// </summary>
    internal static ref RangeList Memory => ref s_memory;

    /// <summary>Reads struct hvm_start_info (Xen's PVH boot ABI, version 1).</summary>
    internal static void ReadPvh(ulong start)
    {
        const uint Magic = 0x336E_C578;
        uint* header = (uint*)Frames.ToPointer(start);
        if (header[0] != Magic)
        {
            Panic.Die("not booted by PVH");
        }

        uint version = header[1];
        uint moduleCount = header[3];
        ulong* words = (ulong*)header;
        ulong modules = words[2];
        ReserveCommandLine(words[3]);
        if (moduleCount > 0)
        {
            ulong* module = (ulong*)Frames.ToPointer(modules);
            ReserveInitialRamDisk(module[0], module[1]);
        }

        if (version == 0)
        {
            Panic.Die("the boot loader gave no memory map");
        }

        // struct hvm_memmap_table_entry: address, size, type, reserved
        ulong map = words[5];
        uint entries = ((uint*)header)[12];
        for (int pass = 0; pass < 2; pass++)
        {
            for (uint i = 0; i < entries; i++)
            {
                ulong* entry = (ulong*)Frames.ToPointer(map + i * 24);
                AddEntry(pass, entry[0], entry[1], (uint)entry[2]);
            }
        }

        TakeMemory();
    }

    /// <summary>Reads struct boot_params (the Linux/x86 boot protocol, "zero page").</summary>
    internal static void ReadLinux(ulong start)
    {
        byte* page = (byte*)Frames.ToPointer(start);
        ReserveCommandLine(*(uint*)(page + 0x228) | ((ulong)*(uint*)(page + 0xC8) << 32));
        ReserveInitialRamDisk(
            *(uint*)(page + 0x218) | ((ulong)*(uint*)(page + 0xC0) << 32),
            *(uint*)(page + 0x21C) | ((ulong)*(uint*)(page + 0xC4) << 32));

        int entries = page[0x1E8] < MaximumMapEntries ? page[0x1E8] : MaximumMapEntries;
        for (int pass = 0; pass < 2; pass++)
        {
            AddTable(pass, page + 0x2D0, entries);

            // struct setup_data: next, type, length, data. More than 128 entries go on there.
            ulong next = *(ulong*)(page + 0x250);
            for (int i = 0; i < MaximumSetupData && next != 0; i++)
            {
                byte* data = (byte*)Frames.ToPointer(next);
                if (*(uint*)(data + 8) == SetupMemoryMap)
                {
                    AddTable(pass, data + 16, (int)(*(uint*)(data + 12) / MapEntrySize));
                }

                next = *(ulong*)data;
            }
        }

        TakeMemory();
    }

    /// <summary>Reads struct boot_e820_entry: address, size, type, packed.</summary>
    private static void AddTable(int pass, byte* table, int count)
    {
        for (int i = 0; i < count; i++)
        {
            byte* entry = table + i * MapEntrySize;
            AddEntry(pass, *(ulong*)entry, *(ulong*)(entry + 8), *(uint*)(entry + 16));
        }
    }

    /// <summary>The command line and its end are read where they lie: nothing is given out that holds them.</summary>
    private static void ReserveCommandLine(ulong address)
    {
        CommandLine = address;
        if (address == 0)
        {
            return;
        }

        byte* text = (byte*)Frames.ToPointer(address);
        ulong length = 0;
        while (length < CommandLineCapacity && text[length] != 0)
        {
            length++;
        }

        CommandLineLength = length;
        Reserve(address, address + length + 1);
    }

    private static void ReserveInitialRamDisk(ulong start, ulong length)
    {
        if (length == 0)
        {
            return;
        }

        InitialRamDisk = start;
        InitialRamDiskLength = length;
        Reserve(start, start + length);

        // The kernel may free what the initrd fills, and only that: the rest of its first and last page is somebody else's.
        ulong first = (start + Layout.PageSize - 1) / Layout.PageSize;
        ulong end = (start + length) / Layout.PageSize;
        if (end > first)
        {
            Frames.CountUsed((long)(end - first));
        }
    }

    private static void Reserve(ulong start, ulong end)
    {
        if (s_reservedCount == MaximumReserved)
        {
            Panic.Die("too many pieces of boot data");
        }

        s_reserved.Starts[s_reservedCount] = start & ~(Layout.PageSize - 1);
        s_reserved.Ends[s_reservedCount] = (end + Layout.PageSize - 1) & ~(Layout.PageSize - 1);
        s_reservedCount++;
    }

    /// <summary>
    /// Takes an entry of the memory map: in the first pass what is usable, in the second what is not after all. Entries may overlap, and
    /// run past the end of all addresses.
    /// </summary>
    private static void AddEntry(int pass, ulong start, ulong size, uint type)
    {
        // What the CPU cannot address is not there; and 32 bits number the frames.
        const int FrameNumberBits = 32 + 12;
        ulong highest = 1UL << (Features.PhysicalAddressBits < FrameNumberBits ? Features.PhysicalAddressBits : FrameNumberBits);
        ulong end = size > highest || start > highest - size ? highest : start + size;
        if (start >= end)
        {
            return;
        }

        if (pass == 0 && type == UsableMemory)
        {
            s_memory.Add((start + Layout.PageSize - 1) & PageMask, end & PageMask);
        }
        else if (pass == 1 && type != UsableMemory)
        {
            s_memory.Remove(start & PageMask, (end + Layout.PageSize - 1) & PageMask);
        }
    }

    /// <summary>Gives memory to the frame allocator, less page 0, Metal's image and what is reserved.</summary>
    private static void TakeMemory()
    {
        const ulong BootCode = 0x10_0000;

        // The image, and the boot code below it, whose page tables are in use until the final ones are.
        Reserve(BootCode, Symbols.ImageEnd() - Layout.ImageBase);
        ref RangeList free = ref Frames.Initial;
        free = s_memory;
        free.Remove(0, Layout.PageSize);
        for (int i = 0; i < s_reservedCount; i++)
        {
            free.Remove(s_reserved.Starts[i], s_reserved.Ends[i]);
            s_memory.Add(s_reserved.Starts[i], s_reserved.Ends[i]);
        }

        Frames.CountInitial();
        ulong dropped = s_memory.Dropped + free.Dropped;
        if (dropped != 0)
        {
            Devices.Serial.Write("[    0.000000] Warning: [metal] the memory map is in too many pieces: bytes that are left unused: ");
            Devices.Serial.WriteHex(dropped);
            Devices.Serial.Write("\n");
        }
    }

    private struct ReservedStorage
    {
        internal fixed ulong Starts[MaximumReserved];
        internal fixed ulong Ends[MaximumReserved];
    }
}
