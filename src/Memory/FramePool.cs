using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>Page frames with reference counts: who shares a frame is decided by counting.</summary>
/// <remarks>
/// <para>A frame that was just allocated has one reference. Every page-table entry and every page cache that holds a frame owns one reference;
/// the last one to be released gives the frame back to the machine.</para>
/// <para>The table stores references <em>beyond the first</em>, so that allocating and freeing an unshared frame never touches it, and its
/// chunks come into being when a frame in their range is first shared: start-up pays nothing.</para>
/// <para>One CPU runs the kernel at a time; with more, the counts become interlocked.</para>
/// </remarks>
public sealed class FramePool
{
    private const int ChunkShift = 12;
    private const int ChunkSize = 1 << ChunkShift;
    private const int ChunkMask = ChunkSize - 1;
    private const long MaximumStorageReserve = 16384;

    private readonly IFrameAllocator _allocator;
    private readonly int[]?[] _extraReferences;
    private long _usedCount;

    // Allocations until the machine is asked again how much is free: asking each time would cost as much as allocating.
    private long _unaskedCount;

    /// <param name="allocator">Where frames come from.</param>
    /// <param name="reserveCount">Free frames that guests never get: page tables and the kernel's own heap grow into them.</param>
    public FramePool(IFrameAllocator allocator, long reserveCount = 0)
    {
        _allocator = allocator;
        ReserveCount = reserveCount;
        StorageReserveCount = reserveCount == 0 ? 0 : Math.Min(allocator.TotalCount / 16, MaximumStorageReserve);
        _extraReferences = new int[]?[(allocator.Limit >> ChunkShift) + 1];
    }

    /// <summary>Frames that the machine ever had to give.</summary>
    public long TotalCount => _allocator.TotalCount;

    /// <summary>Frames that a guest may still get.</summary>
    public long FreeCount => Math.Max(0, _allocator.FreeCount - ReserveCount);

    /// <summary>Free frames that guests never get.</summary>
    public long ReserveCount { get; }

    /// <summary>Free frames, besides those, that files never get: a full file system is an error that programs deal with, and to do so they need memory.</summary>
    public long StorageReserveCount { get; }

    /// <summary>Whether files may grow.</summary>
    public bool HasRoomForStorage => (IsPlentiful && _unaskedCount > 0) || FreeCount > StorageReserveCount;

    /// <summary>Frames that guests and caches hold now, adopted ones included.</summary>
    public long UsedCount => _usedCount;

    /// <summary>The most frames that were ever in use at once.</summary>
    public long PeakUsedCount { get; private set; }

    /// <summary>Whether more than a quarter of memory was free when it was last looked at: then a page more than was asked for does no harm.</summary>
    public bool IsPlentiful { get; private set; }

    /// <summary>How often memory ran out.</summary>
    public long FailureCount { get; private set; }

    /// <summary>Takes a frame whose contents are undefined, with one reference.</summary>
    /// <returns>False when memory has run out.</returns>
    public bool TryAllocate(out Frame frame)
    {
        if ((--_unaskedCount >= 0 || IsAboveReserve()) && _allocator.TryAllocate(out frame))
        {
            CountUse();
            return true;
        }

        FailureCount++;
        frame = default;
        return false;
    }

    /// <summary>Takes a frame of zeros, with one reference.</summary>
    /// <returns>False when memory has run out.</returns>
    public bool TryAllocateZeroed(out Frame frame)
    {
        if ((--_unaskedCount >= 0 || IsAboveReserve()) && _allocator.TryAllocateZeroed(out frame))
        {
            CountUse();
            return true;
        }

        FailureCount++;
        frame = default;
        return false;
    }

    /// <summary>Takes charge of frames that came from elsewhere (the initrd), each with one reference.</summary>
    public void Adopt(long count)
    {
        _usedCount += count;
        PeakUsedCount = Math.Max(PeakUsedCount, _usedCount);
    }

    /// <summary>Adds a reference to a frame that has at least one.</summary>
    public void AddReference(Frame frame)
    {
        ref int[]? chunk = ref _extraReferences[frame.Number >> ChunkShift];
        chunk ??= new int[ChunkSize];
        chunk[frame.Number & ChunkMask]++;
    }

    /// <summary>Drops a reference; the last one frees the frame.</summary>
    public void Release(Frame frame)
    {
        int[]? chunk = _extraReferences[frame.Number >> ChunkShift];
        if (chunk is not null)
        {
            ref int extra = ref chunk[frame.Number & ChunkMask];
            if (extra > 0)
            {
                extra--;
                return;
            }
        }

        _usedCount--;
        _allocator.Free(frame);
    }

    /// <summary>Tells whether the caller's reference is the only one.</summary>
    public bool IsExclusive(Frame frame)
    {
        int[]? chunk = _extraReferences[frame.Number >> ChunkShift];
        return chunk is null || chunk[frame.Number & ChunkMask] == 0;
    }

    /// <summary>The 4096 bytes of a frame.</summary>
    public Span<byte> GetBytes(Frame frame) => _allocator.GetBytes(frame);

    /// <summary>Looks whether a frame can be had, and for how many more there is no need to look.</summary>
    private bool IsAboveReserve()
    {
        long free = _allocator.FreeCount - ReserveCount;
        IsPlentiful = free > _allocator.TotalCount >> 2;

        if (!IsPlentiful)
        {
            KernelHeap.Reconsider();
        }

        // Page tables and the kernel's heap take frames, too, and do not ask here: a part of what is free, no more.
        _unaskedCount = Math.Max(0, free >> 2);
        return free > 0;
    }

    private void CountUse()
    {
        long used = ++_usedCount;
        if (used > PeakUsedCount)
        {
            PeakUsedCount = used;
        }
    }
}
