namespace Semitone.Machine;

/// <summary>
/// One guest address space as the MMU sees it. Addresses are page-aligned and below <c>Paging.UserEnd</c>; those of the copies and of
/// single words may be anything.
/// </summary>
/// <remarks>
/// <para>Holds no policy: which frame belongs where, who shares it and what a fault means is decided above. Every method leaves
/// the translation caches coherent before it returns.</para>
/// <para>An entry counts as a use of its frame (<see cref="IFrameAllocator"/>) from the moment that it is made to the moment that no CPU
/// can use it any more: callers neither take nor drop references for it.</para>
/// <para>Disposing unmaps what is left and frees the tables. Afterwards copies move nothing, and a page cannot be mapped any more.</para>
/// </remarks>
public interface IPageTable : IDisposable
{
    /// <summary>Keeps other assemblies from implementing this: a machine takes any page table for one of its own.</summary>
    internal void BelongsToMachine();

    /// <summary>Pages mapped now.</summary>
    long MappedCount { get; }

    /// <summary>Maps a page to a frame of untyped memory, in place of what was there.</summary>
    /// <returns>False when there is no memory for a table or the frame is mapped some four million times; nothing has changed
    /// then.</returns>
    bool TryMap(ulong address, Frame frame, PageAccess access);

    /// <summary>Looks one page up.</summary>
    bool TryGet(ulong address, out PageMapping mapping);

    /// <summary>Finds the first mapped page in [start, end).</summary>
    bool TryFindMapped(ulong start, ulong end, out ulong address, out PageMapping mapping);

    /// <summary>Changes the access of every page mapped in [start, end). Never needs memory.</summary>
    void Protect(ulong start, ulong end, PageAccess access);

    /// <summary>Removes write access from every page mapped in [start, end), for copy-on-write.</summary>
    void WriteProtect(ulong start, ulong end);

    /// <summary>Removes every page mapped in [start, end). A frame of which that was the last use is free.</summary>
    /// <returns>How many pages were removed.</returns>
    long Unmap(ulong start, ulong end);

    /// <summary>Gives back the tables that unmapping has left empty.</summary>
    /// <param name="start">First page of the range that was unmapped.</param>
    /// <param name="end">First page after it.</param>
    /// <param name="floor">No page is mapped from here on, at or below <paramref name="start"/> ...</param>
    /// <param name="ceiling">... up to here, at or above <paramref name="end"/>: a table goes when all of its span lies in between.</param>
    void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling);

    /// <summary>Copies from guest memory as the guest itself could read it, up to the first page that it cannot.</summary>
    /// <returns>Bytes copied. Never pages in; the caller resolves the page and goes on.</returns>
    int CopyFromGuest(ulong address, Span<byte> destination);

    /// <summary>Copies to guest memory as the guest itself could write it, up to the first page that it cannot.</summary>
    /// <returns>Bytes copied. Never pages in; the caller resolves the page and goes on.</returns>
    int CopyToGuest(ulong address, ReadOnlySpan<byte> source);

    /// <summary>Copies from guest memory, as above, into a frame.</summary>
    int CopyFromGuest(ulong address, Frame destination, int offset, int count);

    /// <summary>Copies to guest memory, as above, from a frame.</summary>
    int CopyToGuest(ulong address, Frame source, int offset, int count);

    /// <summary>Reads a naturally aligned word in one access.</summary>
    /// <returns>False when the guest could not have read it.</returns>
    bool TryLoad(ulong address, out uint value);

    /// <summary>Compares and exchanges a naturally aligned word as one locked access.</summary>
    /// <returns>False when the guest could not have written it.</returns>
    bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed);
}
