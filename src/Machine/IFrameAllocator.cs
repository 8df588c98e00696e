namespace Semitone.Machine;

/// <summary>
/// The physical memory that guests and caches are made of: untyped frames, which hold bytes and nothing that the machine itself relies on.
/// </summary>
/// <remarks>
/// <para>The machine counts, for each frame, the references that callers hold and the page-table entries that map it. A frame is free when
/// there is neither; nobody can free one that is in use. Page tables, the state of guest threads and the kernel's own memory are frames of
/// other kinds: none of them is ever given out here, and one that is handed in is refused.</para>
/// <para>The bytes of a frame are copied and never lent: there is no view that could outlive it.</para>
/// <para>Every method throws <see cref="InvalidOperationException"/> for a frame that is not untyped memory in use, and
/// <see cref="ArgumentOutOfRangeException"/> for bytes that do not lie in it. Both are bugs of the caller.</para>
/// </remarks>
public interface IFrameAllocator
{
    /// <summary>Frames that are free or may be one day: those of the initrd are among them. Does not change.</summary>
    long TotalCount { get; }

    /// <summary>Frames that are free now.</summary>
    long FreeCount { get; }

    /// <summary>Untyped frames in use now, those of the initrd included.</summary>
    long UsedCount { get; }

    /// <summary>The most untyped frames that were ever in use at once.</summary>
    long PeakUsedCount { get; }

    /// <summary>Takes a frame whose contents are undefined, with one reference.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryAllocate(out Frame frame);

    /// <summary>Takes a frame of zeros, with one reference.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryAllocateZeroed(out Frame frame);

    /// <summary>Adds a reference to a frame in use.</summary>
    /// <returns>False when it has 255 already.</returns>
    bool TryAddReference(Frame frame);

    /// <summary>Drops a reference. The last one frees the frame, unless it is mapped: then the last mapping does.</summary>
    void Release(Frame frame);

    /// <summary>Tells whether the one reference or the one mapping that the caller knows of is all that there is.</summary>
    bool IsExclusive(Frame frame);

    /// <summary>Copies bytes of a frame. Those that share a frame with the initrd's first or last byte can be read, too.</summary>
    void Read(Frame frame, int offset, Span<byte> destination);

    /// <summary>Copies bytes into a frame.</summary>
    void Write(Frame frame, int offset, ReadOnlySpan<byte> source);

    /// <summary>Makes bytes of a frame zeros.</summary>
    void Clear(Frame frame, int offset, int count);

    /// <summary>Copies bytes from a frame to another one, or within one.</summary>
    void Copy(Frame source, int sourceOffset, Frame destination, int destinationOffset, int count);
}
