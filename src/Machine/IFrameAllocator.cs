namespace Semitone.Machine;

/// <summary>The physical memory that guests and caches are made of.</summary>
public interface IFrameAllocator
{
    /// <summary>Frames that are free or may be one day: those of the initrd are among them. Does not change.</summary>
    long TotalCount { get; }

    /// <summary>Frames that are free now.</summary>
    long FreeCount { get; }

    /// <summary>One more than the highest frame number that may ever appear: the length of a table indexed by frame.</summary>
    uint Limit { get; }

    /// <summary>Takes a frame whose contents are undefined.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryAllocate(out Frame frame);

    /// <summary>Takes a frame of zeros.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryAllocateZeroed(out Frame frame);

    /// <summary>Gives a frame back. Freeing a frame twice, or one that is mapped somewhere, is a kernel bug.</summary>
    void Free(Frame frame);

    /// <summary>The 4096 bytes of a frame, wherever guests map it.</summary>
    Span<byte> GetBytes(Frame frame);
}
