namespace Semitone.Machine;

/// <summary>One guest address space as the MMU sees it. Addresses are page-aligned and below <c>Paging.UserEnd</c>; those of the copies and of single words may be anything.</summary>
/// <remarks>
/// Holds no policy: which frame belongs where, who shares it and what a fault means is decided above. Every method leaves
/// the translation caches coherent before it returns. Frames that are removed belong to the caller again.
/// Disposing frees the tables, not the frames they point to.
/// </remarks>
public interface IPageTable : IDisposable
{
    /// <summary>Maps a page, replacing what was there.</summary>
    /// <returns>False when there is no memory for a table; nothing has changed then.</returns>
    bool TryMap(ulong address, Frame frame, PageAccess access);

    /// <summary>Looks one page up.</summary>
    bool TryGet(ulong address, out PageMapping mapping);

    /// <summary>Finds the first mapped page in [start, end).</summary>
    bool TryFindMapped(ulong start, ulong end, out ulong address, out PageMapping mapping);

    /// <summary>Changes the access of every page mapped in [start, end). Never needs memory.</summary>
    void Protect(ulong start, ulong end, PageAccess access);

    /// <summary>Removes write access from every page mapped in [start, end), for copy-on-write.</summary>
    void WriteProtect(ulong start, ulong end);

    /// <summary>Removes mapped pages of [start, end), as many as <paramref name="removed"/> holds, and moves <paramref name="start"/> past them.</summary>
    /// <returns>How many were removed; fewer than <paramref name="removed"/> holds when the range is done.</returns>
    int Unmap(ref ulong start, ulong end, Span<PageMapping> removed);

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

    /// <summary>Reads a naturally aligned word in one access.</summary>
    /// <returns>False when the guest could not have read it.</returns>
    bool TryLoad(ulong address, out uint value);

    /// <summary>Compares and exchanges a naturally aligned word as one locked access.</summary>
    /// <returns>False when the guest could not have written it.</returns>
    bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed);
}
