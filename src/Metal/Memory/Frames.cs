using Semitone.Metal.Cpu;

namespace Semitone.Metal.Memory;

/// <summary>The page frames of the machine: a list of freed ones, and ranges that were never handed out.</summary>
/// <remarks>A free frame holds the address of the next one, so the allocator needs no memory of its own and touches none at boot.</remarks>
// SAFETY: a frame in the list of free ones belongs to nobody else, and the direct map covers every frame.
internal static unsafe class Frames
{
    private const int MaximumRanges = 32;

    /// <summary>What only the kernel may take: enough for its stacks and page tables to report that memory ran out.</summary>
    private const long EmergencyReserve = 48;

    private static RangeStorage s_ranges;
    private static int s_rangeCount;
    private static int s_currentRange;
    private static ulong s_firstFreed;

    /// <summary>Base to add to a physical address to reach it now.</summary>
    internal static ulong PhysicalBase { get; set; }

    /// <summary>Frames that are free or in use, those of the initrd included.</summary>
    internal static long TotalCount { get; private set; }

    internal static long FreeCount { get; private set; }

    /// <summary>Pages that the runtime was promised and has not touched yet.</summary>
    internal static long PromisedCount { get; set; }

    /// <summary>One more than the highest frame number.</summary>
    internal static ulong Limit { get; private set; }

    internal static void* ToPointer(ulong physical) => (void*)(PhysicalBase + physical);

    /// <summary>Adds usable memory, less what lies in it already.</summary>
    internal static void AddRange(ulong start, ulong end)
    {
        start = (start + Layout.PageSize - 1) & ~(Layout.PageSize - 1);
        end &= ~(Layout.PageSize - 1);
        if (start >= end || s_rangeCount == MaximumRanges)
        {
            return;
        }

        s_ranges.Starts[s_rangeCount] = start;
        s_ranges.Ends[s_rangeCount] = end;
        s_rangeCount++;
        long count = (long)((end - start) / Layout.PageSize);
        TotalCount += count;
        FreeCount += count;
        if (end / Layout.PageSize > Limit)
        {
            Limit = end / Layout.PageSize;
        }
    }

    /// <summary>Takes a frame of undefined contents for the kernel itself.</summary>
    /// <returns>Its physical address, or 0 when none is left.</returns>
    internal static ulong Take()
    {
        ulong freed = s_firstFreed;
        if (freed != 0)
        {
            s_firstFreed = *(ulong*)ToPointer(freed);
            FreeCount--;
            return freed;
        }

        while (s_currentRange < s_rangeCount)
        {
            ulong next = s_ranges.Starts[s_currentRange];
            if (next < s_ranges.Ends[s_currentRange])
            {
                s_ranges.Starts[s_currentRange] = next + Layout.PageSize;
                FreeCount--;
                return next;
            }

            s_currentRange++;
        }

        return 0;
    }

    /// <summary>Takes a frame of zeros for the kernel itself.</summary>
    internal static ulong TakeZeroed()
    {
        ulong frame = Take();
        if (frame != 0)
        {
            Instructions.ClearPage(ToPointer(frame));
        }

        return frame;
    }

    /// <summary>Takes a frame for a guest or a cache, leaving the kernel what it was promised.</summary>
    internal static ulong TakeForGuest() => FreeCount <= PromisedCount + EmergencyReserve ? 0 : Take();

    internal static void Free(ulong frame)
    {
        *(ulong*)ToPointer(frame) = s_firstFreed;
        s_firstFreed = frame;
        FreeCount++;
    }

    /// <summary>Counts frames that are in use from the beginning and may be freed one day: those of the initrd.</summary>
    internal static void CountUsed(long count) => TotalCount += count;

    private struct RangeStorage
    {
        internal fixed ulong Starts[MaximumRanges];
        internal fixed ulong Ends[MaximumRanges];
    }
}
