using Semitone.Metal.Cpu;

namespace Semitone.Metal.Memory;

/// <summary>The runtime's own address space: what its mmap, munmap, mprotect, madvise and brk made of it.</summary>
/// <remarks>Regions are kept sorted in a fixed table. Pages come on first touch; a page that may be written is promised when it is made so.</remarks>
internal static unsafe class RuntimeMemory
{
    internal const uint Read = 1;
    internal const uint Write = 2;
    internal const uint Execute = 4;

    /// <summary>The region is a thread's stack: large, hardly used, and not worth a promise.</summary>
    internal const uint Unpromised = 0x100;

    /// <summary>Far more than the runtime makes, because neighbours of one kind become one region.</summary>
    private const int MaximumRegions = 1024;

    /// <summary>A change in the middle of a region makes two more of it, and a mapping in its place a third.</summary>
    private const int MostMadeByOneChange = 3;
    private const ulong NoMemory = unchecked((ulong)-12);
    private const ulong Invalid = unchecked((ulong)-22);

    private static RegionStorage s_regions;
    private static int s_count;
    private static ulong s_nextAddress = Layout.RuntimeStart;
    private static ulong s_break = Layout.BreakStart;
    private static ulong s_mappedBreak = Layout.BreakStart;

    /// <summary>Enters a region at a fixed place, as the loader of the kernel image does.</summary>
    internal static void AddFixed(ulong start, ulong end, uint protection) => Insert(start, end, protection | Unpromised);

    /// <summary>mmap of anonymous memory.</summary>
    /// <returns>The address, or a negative errno.</returns>
    internal static ulong Map(ulong hint, ulong length, uint protection, bool isFixed, bool isStack)
    {
        length = RoundUp(length);
        if (length == 0)
        {
            return Invalid;
        }

        if (!HasRoom)
        {
            return NoMemory;
        }

        ulong address;
        if (isFixed)
        {
            if ((hint & (Layout.PageSize - 1)) != 0 || hint < Layout.RuntimeStart || hint + length > Layout.RuntimeEnd)
            {
                return Invalid;
            }

            address = hint;
            Unmap(address, length);
        }
        else
        {
            address = s_nextAddress;
            if (address + length > Layout.RuntimeEnd)
            {
                return NoMemory;
            }

            s_nextAddress += length;
        }

        uint flags = protection | (isStack ? Unpromised : 0);
        if (IsPromised(flags) && !Promise((long)(length / Layout.PageSize)))
        {
            return NoMemory;
        }

        Insert(address, address + length, flags);
        MergeAround(address, address + length);
        return address;
    }

    internal static ulong Unmap(ulong address, ulong length)
    {
        if (!HasRoom)
        {
            return NoMemory;
        }

        ulong end = RoundUp(address + length);
        for (int i = SplitAt(address, end); i < s_count && s_regions.Starts[i] < end;)
        {
            Withdraw(i);
            ReleasePages(s_regions.Starts[i], s_regions.Ends[i], 0);
            RemoveAt(i);
        }

        return 0;
    }

    internal static ulong Protect(ulong address, ulong length, uint protection)
    {
        if (!HasRoom)
        {
            return NoMemory;
        }

        ulong end = RoundUp(address + length);
        int first = SplitAt(address, end);

        // What becomes writable must be there when it is touched: say ENOMEM now, where the collector can hear it.
        long wanted = 0;
        for (int i = first; i < s_count && s_regions.Starts[i] < end; i++)
        {
            uint flags = (s_regions.Flags[i] & Unpromised) | protection;
            if (IsPromised(flags) && !IsPromised(s_regions.Flags[i]))
            {
                wanted += CountAbsent(s_regions.Starts[i], s_regions.Ends[i]);
            }
        }

        if (wanted > 0 && !Promise(wanted))
        {
            MergeAround(address, end);
            return NoMemory;
        }

        ulong entryFlags = ToEntryFlags(protection);
        for (int i = first; i < s_count && s_regions.Starts[i] < end; i++)
        {
            uint old = s_regions.Flags[i];
            uint flags = (old & Unpromised) | protection;
            if (IsPromised(old) && !IsPromised(flags))
            {
                Withdraw(i);
            }

            s_regions.Flags[i] = flags;
            for (ulong page = s_regions.Starts[i]; page < s_regions.Ends[i]; page += Layout.PageSize)
            {
                ulong* entry = PageTables.Walk(page, false);
                if (entry == null)
                {
                    page = NextTable(page);
                    continue;
                }

                if (*entry != 0)
                {
                    *entry = (*entry & 0x000F_FFFF_FFFF_F000) | entryFlags;
                    Instructions.InvalidatePage(page);
                }
            }
        }

        MergeAround(address, end);
        return 0;
    }

    /// <summary>madvise(MADV_DONTNEED): the pages read as zero from now on.</summary>
    internal static ulong Discard(ulong address, ulong length)
    {
        ulong end = RoundUp(address + length);
        for (int i = 0; i < s_count; i++)
        {
            ulong start = s_regions.Starts[i] > address ? s_regions.Starts[i] : address;
            ulong stop = s_regions.Ends[i] < end ? s_regions.Ends[i] : end;
            if (start < stop)
            {
                long released = ReleasePages(start, stop, 0);
                if (IsPromised(s_regions.Flags[i]))
                {
                    Frames.PromisedCount += released;
                }
            }
        }

        return 0;
    }

    internal static ulong Break(ulong address)
    {
        if (address < Layout.BreakStart || address > Layout.BreakEnd)
        {
            return s_break;
        }

        ulong end = RoundUp(address);
        if (end > s_mappedBreak)
        {
            if (!HasRoom || !Promise((long)((end - s_mappedBreak) / Layout.PageSize)))
            {
                return s_break;
            }

            Insert(s_mappedBreak, end, Read | Write);
            MergeAround(s_mappedBreak, end);
        }
        else if (end < s_mappedBreak)
        {
            Unmap(end, s_mappedBreak - end);
        }

        s_mappedBreak = end;
        s_break = address;
        return address;
    }

    /// <summary>Brings the page in that a kernel thread touched.</summary>
    /// <returns>False when the access was wrong.</returns>
    internal static bool HandleFault(ulong address, ulong errorCode)
    {
        const ulong PresentBit = 1;
        const ulong WriteBit = 2;
        int i = Find(address);
        if (i < 0 || (errorCode & PresentBit) != 0)
        {
            return false;
        }

        uint flags = s_regions.Flags[i];
        if ((flags & (Read | Write | Execute)) == 0 || ((errorCode & WriteBit) != 0 && (flags & Write) == 0))
        {
            return false;
        }

        ulong frame = Frames.TakeZeroed();
        if (frame == 0)
        {
            Panic.Die("out of memory in the kernel");
        }

        if (IsPromised(flags))
        {
            Frames.PromisedCount--;
        }

        PageTables.Map(address & ~(Layout.PageSize - 1), frame, ToEntryFlags(flags));
        return true;
    }

    /// <summary>The region around an address.</summary>
    internal static bool TryGetRegion(ulong address, out ulong start, out ulong end)
    {
        int i = Find(address);
        start = i < 0 ? 0 : s_regions.Starts[i];
        end = i < 0 ? 0 : s_regions.Ends[i];
        return i >= 0;
    }

    internal static ulong ToEntryFlags(uint protection)
    {
        if ((protection & (Read | Write | Execute)) == 0)
        {
            return 0;
        }

        return PageTables.Present
            | ((protection & Write) != 0 ? PageTables.Writable : 0)
            | ((protection & Execute) == 0 ? PageTables.NoExecute : 0);
    }

    private static ulong RoundUp(ulong value) => (value + Layout.PageSize - 1) & ~(Layout.PageSize - 1);

    private static ulong NextTable(ulong page) => (page | 0x1F_FFFF) & ~(Layout.PageSize - 1);

    private static bool IsPromised(uint flags) => (flags & (Write | Unpromised)) == Write;

    private static bool Promise(long pages)
    {
        if (Frames.FreeCount - Frames.PromisedCount < pages)
        {
            return false;
        }

        Frames.PromisedCount += pages;
        return true;
    }

    /// <summary>Takes back what a region was promised and has not used.</summary>
    private static void Withdraw(int i)
    {
        if (IsPromised(s_regions.Flags[i]))
        {
            Frames.PromisedCount -= CountAbsent(s_regions.Starts[i], s_regions.Ends[i]);
        }
    }

    private static long CountAbsent(ulong start, ulong end)
    {
        long absent = (long)((end - start) / Layout.PageSize);
        for (ulong page = start; page < end; page += Layout.PageSize)
        {
            ulong* entry = PageTables.Walk(page, false);
            if (entry == null)
            {
                page = NextTable(page);
                continue;
            }

            if (*entry != 0)
            {
                absent--;
            }
        }

        return absent;
    }

    private static long ReleasePages(ulong start, ulong end, ulong replacement)
    {
        long released = 0;
        for (ulong page = start; page < end; page += Layout.PageSize)
        {
            ulong* entry = PageTables.Walk(page, false);
            if (entry == null)
            {
                page = NextTable(page);
                continue;
            }

            if (*entry != 0)
            {
                ulong frame = *entry & 0x000F_FFFF_FFFF_F000;
                *entry = replacement;
                Instructions.InvalidatePage(page);
                Frames.Free(frame);
                released++;
            }
        }

        return released;
    }

    private static int Find(ulong address)
    {
        int low = 0;
        int high = s_count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (address < s_regions.Starts[middle])
            {
                high = middle - 1;
            }
            else if (address >= s_regions.Ends[middle])
            {
                low = middle + 1;
            }
            else
            {
                return middle;
            }
        }

        return -1;
    }

    /// <summary>Makes both ends of a range region boundaries, and gives the index of the first region in it.</summary>
    private static int SplitAt(ulong start, ulong end)
    {
        Split(start);
        Split(end);
        int i = 0;
        while (i < s_count && s_regions.Starts[i] < start)
        {
            i++;
        }

        return i;
    }

    private static void Split(ulong address)
    {
        int i = Find(address);
        if (i < 0 || s_regions.Starts[i] == address)
        {
            return;
        }

        ulong end = s_regions.Ends[i];
        s_regions.Ends[i] = address;
        Insert(address, end, s_regions.Flags[i]);
    }

    /// <summary>Makes one region of neighbours with the same flags, from the one before a range to the one behind it.</summary>
    private static void MergeAround(ulong start, ulong end)
    {
        int i = 0;
        while (i < s_count && s_regions.Ends[i] < start)
        {
            i++;
        }

        while (i + 1 < s_count && s_regions.Starts[i] <= end)
        {
            if (s_regions.Ends[i] == s_regions.Starts[i + 1] && s_regions.Flags[i] == s_regions.Flags[i + 1])
            {
                s_regions.Ends[i] = s_regions.Ends[i + 1];
                RemoveAt(i + 1);
            }
            else
            {
                i++;
            }
        }
    }

    private static bool HasRoom => s_count + MostMadeByOneChange <= MaximumRegions;

    private static void Insert(ulong start, ulong end, uint flags)
    {
        int i = s_count;
        while (i > 0 && s_regions.Starts[i - 1] > start)
        {
            s_regions.Starts[i] = s_regions.Starts[i - 1];
            s_regions.Ends[i] = s_regions.Ends[i - 1];
            s_regions.Flags[i] = s_regions.Flags[i - 1];
            i--;
        }

        s_regions.Starts[i] = start;
        s_regions.Ends[i] = end;
        s_regions.Flags[i] = flags;
        s_count++;
    }

    private static void RemoveAt(int i)
    {
        s_count--;
        for (; i < s_count; i++)
        {
            s_regions.Starts[i] = s_regions.Starts[i + 1];
            s_regions.Ends[i] = s_regions.Ends[i + 1];
            s_regions.Flags[i] = s_regions.Flags[i + 1];
        }
    }

    private struct RegionStorage
    {
        internal fixed ulong Starts[MaximumRegions];
        internal fixed ulong Ends[MaximumRegions];
        internal fixed uint Flags[MaximumRegions];
    }
}
