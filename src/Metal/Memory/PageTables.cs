using Semitone.Metal.Boot;
using Semitone.Metal.Cpu;

namespace Semitone.Metal.Memory;

/// <summary>The kernel's page tables (Intel SDM Vol. 3A, 4.5). Guests' tables share their upper half and the runtime's slot.</summary>
// SAFETY: tables are frames that only this class hands out to the MMU, reached through the direct map; indices are masked to 9 bits.
internal static unsafe class PageTables
{
    internal const ulong Present = 1;
    internal const ulong Writable = 2;
    internal const ulong CacheDisabled = 0x18;
    internal const ulong Large = 0x80;
    internal const ulong Global = 0x100;
    internal const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const ulong LargePageSize = 0x20_0000;
    private const ulong FourGiB = 1UL << 32;

    /// <summary>Physical address of the kernel's top-level table.</summary>
    internal static ulong Root { get; private set; }

    /// <summary>Builds the final tables and moves onto them. Nothing of the first GiB is mapped at its own address afterwards.</summary>
    internal static void Install(ref RangeList memory)
    {
        Root = TakeTable();
        for (int i = 0; i < memory.Count; i++)
        {
            MapDirect(memory.GetStart(i), memory.GetEnd(i));
        }

        MapImage();

        // The slots that every address space copies must exist before the first copy.
        EnsureTopLevel(Layout.RuntimeStart);
        EnsureTopLevel(Layout.DeviceMap);
        Instructions.WriteCr3(Root);
        Frames.PhysicalBase = Layout.DirectMap;
    }

    /// <summary>Bytes of registers from above 4 GiB that are mapped, behind the place of all those below.</summary>
    private static ulong HighWindows { get; set; }

    internal static void Map(ulong address, ulong physical, ulong flags)
    {
        ulong* entry = Walk(address, true);
        if (entry == null)
        {
            Panic.Die("out of memory for the kernel's page tables");
        }

        *entry = physical | flags;
    }

    /// <summary>Maps pages one after the other, with one walk for every lowest table rather than for every page.</summary>
    /// <param name="end">Where the next page would begin: the first that is not mapped.</param>
    internal static void MapRange(ulong address, ulong end, ulong physical, ulong flags)
    {
        while (address < end)
        {
            ulong* entry = Walk(address, true);
            if (entry == null)
            {
                Panic.Die("out of memory for the kernel's page tables");
            }

            do
            {
                *entry++ = physical | flags;
                address += Layout.PageSize;
                physical += Layout.PageSize;
            }
            while (address < end && (address & (LargePageSize - 1)) != 0);
        }
    }

    /// <summary>Maps a page of device registers and returns where.</summary>
    internal static ulong MapDevice(ulong physical)
    {
        ulong address = Layout.DeviceMap + physical;
        Map(address & ~(Layout.PageSize - 1), physical & AddressMask, Present | Writable | CacheDisabled | NoExecute);
        return address;
    }

    /// <summary>Maps pages of device registers one after the other. They stay.</summary>
    /// <returns>Where the first is; 0 when there is no memory for tables, or no room.</returns>
    internal static ulong MapWindow(ulong physical, ulong end)
    {
        ulong address = Layout.DeviceMap + physical;
        if (end > FourGiB)
        {
            address = Layout.DeviceMap + FourGiB + HighWindows;
            if (end - physical > Layout.RegionTable - address)
            {
                return 0;
            }

            HighWindows += end - physical;
        }

        for (ulong offset = 0; offset < end - physical; offset += Layout.PageSize)
        {
            ulong* entry = Walk(address + offset, true);
            if (entry == null)
            {
                return 0;
            }

            *entry = ((physical + offset) & AddressMask) | Present | Writable | CacheDisabled | NoExecute;
        }

        return address;
    }

    /// <summary>
    /// The entry of a page, or null when a table on the way is missing (and may not be made), or a large page is mapped there.
    /// </summary>
    internal static ulong* Walk(ulong address, bool create)
    {
        ulong table = Root;
        for (int shift = 39; shift > 12; shift -= 9)
        {
            ulong* entry = (ulong*)Frames.ToPointer(table) + (address >> shift & 511);
            if ((*entry & Present) == 0)
            {
                if (!create)
                {
                    return null;
                }

                ulong made = Frames.TakeZeroed();
                if (made == 0)
                {
                    return null;
                }

                *entry = made | Present | Writable;
            }
            else if ((*entry & Large) != 0)
            {
                return null;
            }

            table = *entry & AddressMask;
        }

        return (ulong*)Frames.ToPointer(table) + (address >> 12 & 511);
    }

    private static ulong TakeTable()
    {
        ulong frame = Frames.TakeZeroed();
        if (frame == 0)
        {
            Panic.Die("not enough memory to boot");
        }

        return frame;
    }

    private static void EnsureTopLevel(ulong address)
    {
        ulong* entry = (ulong*)Frames.ToPointer(Root) + (address >> 39 & 511);
        if ((*entry & Present) == 0)
        {
            *entry = TakeTable() | Present | Writable;
        }
    }

    /// <summary>
    /// Maps memory at <see cref="Layout.DirectMap"/>: large pages, but small ones around the image, whose code and constants must not have
    /// a writable alias, and where a large one would reach beyond: devices lie in the holes, and a cached mapping lets the CPU read them
    /// whenever it likes (Intel SDM Vol. 3A, 11.3).
    /// </summary>
    private static void MapDirect(ulong start, ulong end)
    {
        ulong imageStart = (Symbols.ImageStart() - Layout.ImageBase) & ~(LargePageSize - 1);
        ulong imageEnd = Symbols.ImageEnd() - Layout.ImageBase;
        while (start < end)
        {
            if ((start & (LargePageSize - 1)) == 0 && end - start >= LargePageSize && (start < imageStart || start >= imageEnd))
            {
                ulong table = TableOf(TableOf(Root, Layout.DirectMap + start, 39), Layout.DirectMap + start, 30);
                ((ulong*)Frames.ToPointer(table))[start >> 21 & 511] = start | Present | Writable | Large | Global | NoExecute;
                start += LargePageSize;
                continue;
            }

            ulong next = EndOfRun(start, end);
            ulong flags = Present | Global | NoExecute | (IsWritable(start) ? Writable : 0);
            MapRange(Layout.DirectMap + start, Layout.DirectMap + next, start, flags);
            start = next;
        }
    }

    /// <summary>Up to where small pages with the same rights as the first follow each other: at most to the next large page.</summary>
    private static ulong EndOfRun(ulong start, ulong end)
    {
        ulong next = (start | (LargePageSize - 1)) + 1;
        next = next < end ? next : end;
        next = Nearer(start, next, Symbols.ImageStart() - Layout.ImageBase);
        next = Nearer(start, next, KernelImage.DataStart);
        next = Nearer(start, next, KernelImage.DataEnd);
        return Nearer(start, next, Symbols.RodataEnd() - Layout.ImageBase);
    }

    private static ulong Nearer(ulong start, ulong next, ulong bound) => bound > start && bound < next ? bound : next;

    private static ulong TableOf(ulong parent, ulong address, int shift)
    {
        ulong* entry = (ulong*)Frames.ToPointer(parent) + (address >> shift & 511);
        if ((*entry & Present) == 0)
        {
            *entry = TakeTable() | Present | Writable;
        }

        return *entry & AddressMask;
    }

    private static bool IsWritable(ulong physical)
    {
        ulong address = physical + Layout.ImageBase;
        return address < Symbols.ImageStart() || address >= Symbols.RodataEnd()
            || (physical >= KernelImage.DataStart && physical < KernelImage.DataEnd);
    }

    /// <summary>Maps Metal's own segments with the rights of each, and leaves the guard pages of its stacks out.</summary>
    private static void MapImage()
    {
        ulong textEnd = Symbols.TextEnd();
        ulong rodataEnd = Symbols.RodataEnd();
        ulong kernelStart = Symbols.KernelImage();
        ulong kernelEnd = Symbols.KernelImageEnd();
        for (ulong page = Symbols.ImageStart(); page < Symbols.ImageEnd(); page += Layout.PageSize)
        {
            if (page == Symbols.MetalStackGuard() || page == Symbols.TrapStackGuard() || page == Symbols.FaultStackGuard()
                || page == Symbols.DebugStackGuard())
            {
                continue;
            }

            if (page == kernelStart)
            {
                page = kernelEnd - Layout.PageSize; // mapped where it was linked
                continue;
            }

            ulong flags = page < textEnd ? Present | Global
                : page < rodataEnd ? Present | Global | NoExecute
                : Present | Writable | Global | NoExecute;
            Map(page, page - Layout.ImageBase, flags);
        }
    }
}
