using Semitone.Metal.Cpu;

namespace Semitone.Metal.Memory;

/// <summary>The page frames of the machine: a list of freed ones, and ranges that were never handed out.</summary>
/// <remarks>A free frame holds the address of the next one, so the allocator needs no memory of its own and touches none at boot.</remarks>
// SAFETY: a frame in the list of free ones belongs to nobody else, and the direct map covers every frame.
internal static unsafe class Frames
{
    /// <summary>What only the kernel may take: enough for its stacks and page tables to report that memory ran out.</summary>
    private const long EmergencyReserve = 48;

    private static RangeList s_free;
    private static int s_currentRange;
    private static ulong s_firstFreed;

    /// <summary>Base to add to a physical address to reach it now.</summary>
    internal static ulong PhysicalBase { get; set; }

    /// <summary>Frames that are free or in use, those of the initrd included.</summary>
    internal static long TotalCount { get; private set; }

    internal static long FreeCount { get; private set; }

    /// <summary>Pages that the runtime was promised and has not touched yet.</summary>
    internal static long PromisedCount { get; set; }

    internal static void* ToPointer(ulong physical) => (void*)(PhysicalBase + physical);

    /// <summary>The pages that are free at boot, for whoever knows to fill in before the first is taken.</summary>
    internal static ref RangeList Initial => ref s_free;

    /// <summary>Counts the pages of <see cref="Initial"/>.</summary>
    internal static void CountInitial()
    {
        for (int i = 0; i < s_free.Count; i++)
        {
            FreeCount += (long)((s_free.GetEnd(i) - s_free.GetStart(i)) / Layout.PageSize);
        }

        TotalCount += FreeCount;
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

        while (s_currentRange < s_free.Count)
        {
            ulong next = s_free.GetStart(s_currentRange);
            if (next < s_free.GetEnd(s_currentRange))
            {
                s_free.SetStart(s_currentRange, next + Layout.PageSize);
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
}
