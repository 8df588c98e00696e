namespace Semitone.Machine;

/// <summary>A page of memory that devices may read and write at any time.</summary>
/// <remarks>
/// <para>It stays what it is as long as the machine runs: nobody can free it while a device may still write to it, because nobody can free
/// it. Its bytes are copied and never lent; whatever is read is read once, and may be anything.</para>
/// <para>Numbers are little-endian, at offsets that are multiples of their size. Reading one is an acquire, writing one a release: later
/// accesses are not made before the read, earlier ones not after the write. So a driver that writes what it offers, and then the index,
/// and one that reads the index, and then what is offered, needs no other barrier (virtio 1.2, 2.7.13.3 and 2.7.14). A write that must be
/// seen before a later <i>read</i> is made needs <see cref="Interlocked.MemoryBarrier"/> between them (2.7.13.4.1).</para>
/// <para>An offset or a length that does not lie in the page is a bug of the caller: an exception.</para>
/// </remarks>
[NonAllocating]
public interface IDmaPage
{
    /// <summary>Bytes of a page.</summary>
    const int Size = 4096;

    /// <summary>What a device knows the page's first byte by.</summary>
    ulong DeviceAddress { get; }

    ushort ReadUInt16(int offset);

    uint ReadUInt32(int offset);

    void WriteUInt16(int offset, ushort value);

    void WriteUInt32(int offset, uint value);

    void WriteUInt64(int offset, ulong value);

    /// <summary>Copies bytes out of the page.</summary>
    void Read(int offset, Span<byte> destination);

    /// <summary>Copies bytes into the page.</summary>
    void Write(int offset, ReadOnlySpan<byte> source);
}
