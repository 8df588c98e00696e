using Semitone.Metal.Cpu;

namespace Semitone.Metal.Memory;

/// <summary>The runtime's own address space: what its mmap, munmap, mprotect and madvise made of it.</summary>
/// <remarks>
/// Regions are kept sorted in a table that grows, and like neighbours are one region. Pages come on first touch; a page that may be
/// written is promised when it is made so. No page is ever given out for code: the kernel runs what it was linked with.
/// </remarks>
// SAFETY: the region table is static data and its count is checked before it grows; entries come from PageTables.Walk.
internal static unsafe class RuntimeMemory
{
    internal const uint Read = 1;
    internal const uint Write = 2;
    internal const uint Execute = 4;

    /// <summary>The region is a thread's stack: large, hardly used, and not worth a promise.</summary>
    internal const uint Unpromised = 0x100;

    private const ulong NoMemory = unchecked((ulong)-12);
    private const ulong AccessDenied = unchecked((ulong)-13);
    private const ulong Invalid = unchecked((ulong)-22);

    private static int s_count;
    private static ulong s_tableSize;
    private static ulong s_nextAddress = Layout.RuntimeStart;

    private static Region* Regions => (Region*)Layout.RegionTable;

    /// <summary>Enters a region at a fixed place, as the loader of the kernel image does.</summary>
    internal static void AddFixed(ulong start, ulong end, uint protection)
    {
        if (!Insert(start, end, protection | Unpromised))
        {
            Panic.Die("not enough memory to boot");
        }
    }

    /// <summary>mmap of anonymous memory.</summary>
    /// <returns>The address, or a negative errno.</returns>
    internal static ulong Map(ulong hint, ulong length, uint protection, bool isFixed, bool isStack)
    {
        length = RoundUp(length);
        if (length == 0)
        {
            return Invalid;
        }

        if ((protection & Execute) != 0)
        {
            return AccessDenied;
        }

        ulong address;
        if (isFixed)
        {
            if ((hint & (Layout.PageSize - 1)) != 0 || hint < Layout.RuntimeStart || hint + length > Layout.RuntimeEnd)
            {
                return Invalid;
            }

            address = hint;
            if (Unmap(address, length) != 0)
            {
                return NoMemory;
            }
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
        long pages = (long)(length / Layout.PageSize);
        if (IsPromised(flags) && !Promise(pages))
        {
            return NoMemory;
        }

        if (!Insert(address, address + length, flags))
        {
            if (IsPromised(flags))
            {
                Frames.PromisedCount -= pages;
            }

            return NoMemory;
        }

        return address;
    }

    internal static ulong Unmap(ulong address, ulong length)
    {
        ulong end = RoundUp(address + length);
        int first = SplitAt(address, end);
        if (first < 0)
        {
            return NoMemory;
        }

        while (first < s_count && Regions[first].Start < end)
        {
            Withdraw(first);
            ReleasePages(Regions[first].Start, Regions[first].End);
            RemoveAt(first);
        }

        return 0;
    }

    internal static ulong Protect(ulong address, ulong length, uint protection)
    {
        if ((protection & Execute) != 0)
        {
            return AccessDenied;
        }

        ulong end = RoundUp(address + length);
        int first = SplitAt(address, end);
        if (first < 0)
        {
            return NoMemory;
        }

        int next = first;
        while (next < s_count && Regions[next].Start < end)
        {
            next++;
        }

        // What becomes writable must be there when it is touched: say ENOMEM now, where the collector can hear it.
        long wanted = 0;
        for (int i = first; i < next; i++)
        {
            uint flags = (Regions[i].Flags & Unpromised) | protection;
            if (IsPromised(flags) && !IsPromised(Regions[i].Flags))
            {
                wanted += CountAbsent(Regions[i].Start, Regions[i].End);
            }
        }

        if (wanted > 0 && !Promise(wanted))
        {
            JoinAll(first, next);
            return NoMemory;
        }

        ulong entryFlags = ToEntryFlags(protection);
        for (int i = first; i < next; i++)
        {
            uint old = Regions[i].Flags;
            uint flags = (old & Unpromised) | protection;
            if (IsPromised(old) && !IsPromised(flags))
            {
                Withdraw(i);
            }

            Regions[i].Flags = flags;
            for (ulong page = Regions[i].Start; page < Regions[i].End; page += Layout.PageSize)
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

        JoinAll(first, next);
        return 0;
    }

    /// <summary>madvise(MADV_DONTNEED): the pages read as zero from now on.</summary>
    internal static ulong Discard(ulong address, ulong length)
    {
        ulong end = RoundUp(address + length);
        for (int i = 0; i < s_count; i++)
        {
            ulong start = Regions[i].Start > address ? Regions[i].Start : address;
            ulong stop = Regions[i].End < end ? Regions[i].End : end;
            if (start < stop)
            {
                long released = ReleasePages(start, stop);
                if (IsPromised(Regions[i].Flags))
                {
                    Frames.PromisedCount += released;
                }
            }
        }

        return 0;
    }

    /// <summary>Brings the page in that a kernel thread touched.</summary>
    /// <returns>False when the access was wrong.</returns>
    internal static bool HandleFault(ulong address, ulong errorCode)
    {
        const ulong PresentBit = 1;
        const ulong WriteBit = 2;
        const ulong FetchBit = 16;
        int i = Find(address);
        if (i < 0 || (errorCode & (PresentBit | FetchBit)) != 0)
        {
            return false;
        }

        uint flags = Regions[i].Flags;
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

    /// <summary>Brings in the pages of a range that is about to be written where a fault cannot be served: in a trap.</summary>
    /// <returns>False when some of it may not be written.</returns>
    internal static bool TryBringIn(ulong start, ulong end)
    {
        const ulong Writing = 2;
        for (ulong page = start & ~(Layout.PageSize - 1); page < end; page += Layout.PageSize)
        {
            ulong* entry = PageTables.Walk(page, false);
            bool isPresent = entry != null && (*entry & PageTables.Present) != 0;
            if (isPresent ? (*entry & PageTables.Writable) == 0 : !HandleFault(page, Writing))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a stack pointer lies in a kernel thread's stack.</summary>
    internal static bool IsStack(ulong pointer)
    {
        int i = pointer > Layout.RuntimeStart && pointer <= Layout.RuntimeEnd ? Find(pointer - 1) : -1;
        return i >= 0 && (Regions[i].Flags & (Unpromised | Write)) == (Unpromised | Write);
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
        if (IsPromised(Regions[i].Flags))
        {
            Frames.PromisedCount -= CountAbsent(Regions[i].Start, Regions[i].End);
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

    private static long ReleasePages(ulong start, ulong end)
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
                *entry = 0;
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
            if (address < Regions[middle].Start)
            {
                high = middle - 1;
            }
            else if (address >= Regions[middle].End)
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

    /// <summary>
    /// Makes both ends of a range region boundaries, and gives the index of the first region in it; -1 when there is no memory for that.
    /// </summary>
    private static int SplitAt(ulong start, ulong end)
    {
        if (!EnsureRoom(2))
        {
            return -1;
        }

        Split(start);
        Split(end);
        int i = 0;
        while (i < s_count && Regions[i].Start < start)
        {
            i++;
        }

        return i;
    }

    private static void Split(ulong address)
    {
        int i = Find(address);
        if (i >= 0 && Regions[i].Start != address)
        {
            InsertAt(i + 1, address, Regions[i].End, Regions[i].Flags);
            Regions[i].End = address;
        }
    }

    private static bool Insert(ulong start, ulong end, uint flags)
    {
        if (!EnsureRoom(1))
        {
            return false;
        }

        int i = s_count;
        while (i > 0 && Regions[i - 1].Start > start)
        {
            i--;
        }

        InsertAt(i, start, end, flags);
        JoinAll(i, i + 1);
        return true;
    }

    private static void InsertAt(int index, ulong start, ulong end, uint flags)
    {
        for (int i = s_count; i > index; i--)
        {
            Regions[i] = Regions[i - 1];
        }

        Regions[index].Start = start;
        Regions[index].End = end;
        Regions[index].Flags = flags;
        s_count++;
    }

    /// <summary>Makes a region and the one before it one, if they touch and are alike.</summary>
    private static void Join(int i)
    {
        if (i > 0 && i < s_count && Regions[i - 1].End == Regions[i].Start && Regions[i - 1].Flags == Regions[i].Flags)
        {
            Regions[i - 1].End = Regions[i].End;
            RemoveAt(i);
        }
    }

    /// <summary>Joins what can be joined, from the border before one region to the border before another.</summary>
    private static void JoinAll(int first, int last)
    {
        for (int i = last; i >= first; i--)
        {
            Join(i);
        }
    }

    private static void RemoveAt(int index)
    {
        s_count--;
        for (int i = index; i < s_count; i++)
        {
            Regions[i] = Regions[i + 1];
        }
    }

    /// <summary>Sees to it that the table holds so many more regions.</summary>
    private static bool EnsureRoom(int more)
    {
        while ((ulong)(s_count + more) * (ulong)sizeof(Region) > s_tableSize)
        {
            ulong* entry = PageTables.Walk(Layout.RegionTable + s_tableSize, true);
            ulong frame = entry == null ? 0 : Frames.Take();
            if (frame == 0)
            {
                return false;
            }

            *entry = frame | PageTables.Present | PageTables.Writable | PageTables.NoExecute;
            s_tableSize += Layout.PageSize;
        }

        return true;
    }

    private struct Region
    {
        internal ulong Start;
        internal ulong End;
        internal uint Flags;
    }
}
