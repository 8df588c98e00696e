using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>Page frames for guests and caches: the machine's, less what is kept back.</summary>
/// <remarks>
/// <para>Who uses a frame is counted by the machine (<see cref="IFrameAllocator"/>): a frame that was just allocated has one reference,
/// which belongs to whoever keeps the frame (a page cache, a pipe, a local variable on its way to a mapping); a page-table entry counts by
/// itself. The last use that ends frees the frame.</para>
/// </remarks>
public sealed class FramePool
{
    private const long MaximumStorageReserve = 16384;

    /// <summary>Frames that are asked back at once: to look for each would cost more than to fetch a few again.</summary>
    private const long ReclaimBatch = 256;

    private readonly IFrameAllocator _allocator;

    // Allocations until the machine is asked again how much is free: asking each time would cost as much as allocating.
    private long _unaskedCount;

    /// <param name="allocator">Where frames come from.</param>
    /// <param name="reserveCount">Free frames that guests never get: page tables and the kernel's own heap grow into them.</param>
    public FramePool(IFrameAllocator allocator, long reserveCount = 0)
    {
        _allocator = allocator;
        ReserveCount = reserveCount;
        StorageReserveCount = reserveCount == 0 ? 0 : Math.Min(allocator.TotalCount / 16, MaximumStorageReserve);
    }

    /// <summary>Frames that the machine ever had to give.</summary>
    public long TotalCount => _allocator.TotalCount;

    /// <summary>Frames that a guest may still get.</summary>
    public long FreeCount => Math.Max(0, _allocator.FreeCount - ReserveCount);

    /// <summary>Free frames that guests never get.</summary>
    public long ReserveCount { get; }

    /// <summary>
    /// Free frames, besides those, that files never get: a full file system is an error that programs deal with, and to do so they need
    /// memory.
    /// </summary>
    public long StorageReserveCount { get; }

    /// <summary>Gives frames back whose bytes can be fetched again; null while nobody keeps such.</summary>
    public IPageReclaimer? Reclaimer { get; set; }

    /// <summary>Frames that can be had: those that are free, and those that hold what can be fetched again.</summary>
    public long AvailableCount => FreeCount + (Reclaimer?.PageCount ?? 0);

    /// <summary>Tells whether files may grow; what can be fetched again goes for that.</summary>
    public bool MakeRoomForStorage() =>
        (IsPlentiful && _unaskedCount > 0) || FreeCount > StorageReserveCount || (TryReclaim() && FreeCount > StorageReserveCount);

    /// <summary>Frames that guests and caches hold now, and those of the initrd.</summary>
    public long UsedCount => _allocator.UsedCount;

    /// <summary>The most frames that were ever in use at once.</summary>
    public long PeakUsedCount => _allocator.PeakUsedCount;

    /// <summary>
    /// Whether more than a quarter of memory was free when it was last looked at: then a page more than was asked for does no harm.
    /// </summary>
    public bool IsPlentiful { get; private set; }

    /// <summary>How often memory ran out.</summary>
    public long FailureCount { get; private set; }

    /// <summary>Takes a frame whose contents are undefined, with one reference.</summary>
    /// <returns>False when memory has run out, and nothing could be reclaimed.</returns>
    /// <remarks>
    /// To reclaim is to free frames of page caches to which nobody else has a reference: whoever still needs one that he got from a cache
    /// holds a reference while he allocates.
    /// </remarks>
    public bool TryAllocate(out Frame frame) =>
        ((--_unaskedCount >= 0 || IsAboveReserve()) && _allocator.TryAllocate(out frame))
            || TryAllocateReclaimed(isZeroed: false, out frame);

    /// <summary>Takes a frame of zeros, with one reference.</summary>
    /// <returns>False when memory has run out, and nothing could be reclaimed.</returns>
    /// <remarks>As <see cref="TryAllocate"/>. A part of the page fault, which is counted in instructions.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAllocateZeroed(out Frame frame) =>
        ((--_unaskedCount >= 0 || IsAboveReserve()) && _allocator.TryAllocateZeroed(out frame))
            || TryAllocateReclaimed(isZeroed: true, out frame);

    /// <summary>Takes a frame with the bytes of another one, with one reference.</summary>
    /// <returns>False when memory has run out.</returns>
    public bool TryAllocateCopy(Frame source, out Frame copy)
    {
        if (!((--_unaskedCount >= 0 || IsAboveReserve()) && _allocator.TryAllocate(out copy)))
        {
            // The source may be a cache's, which is to give others back now. With 255 references it needs none of ours.
            bool isHeld = TryAddReference(source);
            bool isMade = TryAllocateReclaimed(isZeroed: false, out copy);
            if (isMade)
            {
                _allocator.Copy(source, 0, copy, 0, Paging.PageSize);
            }

            if (isHeld)
            {
                Release(source);
            }

            return isMade;
        }

        _allocator.Copy(source, 0, copy, 0, Paging.PageSize);
        return true;
    }

    /// <summary>Has pages given up whose bytes can be fetched again.</summary>
    /// <param name="unmaps">See <see cref="IPageReclaimer.Reclaim"/>.</param>
    /// <returns>False when there is nothing to give up.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool TryReclaim(bool unmaps = false) => Reclaimer is not null && Reclaimer.Reclaim(ReclaimBatch, unmaps) > 0;

    /// <inheritdoc cref="IFrameAllocator.TryAddReference"/>
    public bool TryAddReference(Frame frame) => _allocator.TryAddReference(frame);

    /// <inheritdoc cref="IFrameAllocator.Release"/>
    public void Release(Frame frame) => _allocator.Release(frame);

    /// <inheritdoc cref="IFrameAllocator.IsExclusive"/>
    public bool IsExclusive(Frame frame) => _allocator.IsExclusive(frame);

    /// <inheritdoc cref="IFrameAllocator.Read"/>
    public void Read(Frame frame, int offset, Span<byte> destination) => _allocator.Read(frame, offset, destination);

    /// <inheritdoc cref="IFrameAllocator.Write"/>
    public void Write(Frame frame, int offset, ReadOnlySpan<byte> source) => _allocator.Write(frame, offset, source);

    /// <inheritdoc cref="IFrameAllocator.Clear"/>
    public void Clear(Frame frame, int offset, int count) => _allocator.Clear(frame, offset, count);

    /// <inheritdoc cref="IFrameAllocator.Copy"/>
    public void Copy(Frame source, int sourceOffset, Frame destination, int destinationOffset, int count) =>
        _allocator.Copy(source, sourceOffset, destination, destinationOffset, count);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryAllocateReclaimed(bool isZeroed, out Frame frame)
    {
        if (TryReclaim() && IsAboveReserve() && (isZeroed ? _allocator.TryAllocateZeroed(out frame) : _allocator.TryAllocate(out frame)))
        {
            return true;
        }

        FailureCount++;
        frame = default;
        return false;
    }

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
}
