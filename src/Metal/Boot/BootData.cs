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

    private static ReservedStorage s_reserved;
    private static int s_reservedCount;
    private static bool s_imageIsReserved;

    internal static ulong CommandLine { get; private set; }

    internal static ulong CommandLineLength { get; private set; }

    internal static ulong InitialRamDisk { get; private set; }

    internal static ulong InitialRamDiskLength { get; private set; }

    /// <summary>One past the last byte of memory.</summary>
    internal static ulong PhysicalEnd { get; private set; }

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
        for (uint i = 0; i < entries; i++)
        {
            ulong* entry = (ulong*)Frames.ToPointer(map + i * 24);
            AddMemory(entry[0], entry[1], (uint)entry[2]);
        }
    }

    /// <summary>Reads struct boot_params (the Linux/x86 boot protocol, "zero page").</summary>
    internal static void ReadLinux(ulong start)
    {
        byte* page = (byte*)Frames.ToPointer(start);
        ReserveCommandLine(*(uint*)(page + 0x228) | ((ulong)*(uint*)(page + 0xC8) << 32));
        ReserveInitialRamDisk(
            *(uint*)(page + 0x218) | ((ulong)*(uint*)(page + 0xC0) << 32),
            *(uint*)(page + 0x21C) | ((ulong)*(uint*)(page + 0xC4) << 32));

        int entries = page[0x1E8];
        for (int i = 0; i < entries; i++)
        {
            byte* entry = page + 0x2D0 + i * 20; // packed: address, size, type
            AddMemory(*(ulong*)entry, *(ulong*)(entry + 8), *(uint*)(entry + 16));
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

    /// <summary>Gives an entry of the memory map to the frame allocator, less page 0, Metal's image and what is reserved.</summary>
    private static void AddMemory(ulong start, ulong size, uint type)
    {
        if (type != UsableMemory)
        {
            return;
        }

        ulong end = start + size;
        if (end > PhysicalEnd)
        {
            PhysicalEnd = end;
        }

        ReserveImage();
        AddAround(start < Layout.PageSize ? Layout.PageSize : start, end, 0);
    }

    /// <summary>Keeps the image out, and the boot code below it, whose page tables are in use until the final ones are.</summary>
    private static void ReserveImage()
    {
        const ulong BootCode = 0x10_0000;
        if (!s_imageIsReserved)
        {
            s_imageIsReserved = true;
            Reserve(BootCode, Symbols.ImageEnd() - Layout.ImageBase);
        }
    }

    /// <summary>Adds [start, end) less the reserved pieces from index <paramref name="from"/> on.</summary>
    private static void AddAround(ulong start, ulong end, int from)
    {
        if (start >= end)
        {
            return;
        }

        for (int i = from; i < s_reservedCount; i++)
        {
            ulong reservedStart = s_reserved.Starts[i];
            ulong reservedEnd = s_reserved.Ends[i];
            if (reservedStart < end && reservedEnd > start)
            {
                AddAround(start, reservedStart, i + 1);
                AddAround(reservedEnd, end, i + 1);
                return;
            }
        }

        Frames.AddRange(start, end);
    }

    private struct ReservedStorage
    {
        internal fixed ulong Starts[MaximumReserved];
        internal fixed ulong Ends[MaximumReserved];
    }
}
