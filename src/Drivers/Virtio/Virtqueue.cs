using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>The driver's side of a split virtqueue (virtio 1.2, 2.7).</summary>
/// <remarks>
/// <para>The device can write to all of the queue's memory, and so nothing of it is read back but what the device has to say: the index
/// and the entries of the used ring, and two hints. Which descriptors are free, which follows which, and how much each chain has room for
/// stand in arrays of our own. An answer that the device cannot mean (an index that jumps, a buffer that it does not have, more bytes than
/// were offered) breaks the queue: it does nothing more, and its device is to be given up (<see cref="IsBroken"/>).</para>
/// <para>Adding and taking allocate nothing, and take as long as the chain is.</para>
/// </remarks>
public sealed class Virtqueue
{
    /// <summary>The most descriptors of a queue.</summary>
    public const int MaximumSize = 256;

    private const int NotOutstanding = -1;

    private readonly IDmaPage _descriptors;
    private readonly IDmaPage _rings;
    private readonly int _available;
    private readonly int _used;
    private readonly int _size;
    private readonly bool _hasEventIndex;
    private readonly IDmaPage[] _indirect;
    private readonly int _indirectLength;

    /// <summary>Behind each descriptor of a chain, or of the free ones, the next.</summary>
    private readonly ushort[] _next;

    /// <summary>For the first descriptor of each chain that the device has: how many descriptors, how many bytes it may write, and the
    /// driver's name for it.</summary>
    private readonly ushort[] _chainLength;
    private readonly int[] _capacity;
    private readonly int[] _token;

    private ushort _firstFree;
    private int _freeCount;
    private ushort _availableIndex;
    private ushort _publishedIndex;
    private ushort _usedIndex;
    private ushort _usedSeen;

    /// <param name="layout">The memory.</param>
    /// <param name="index">The queue's number among its device's.</param>
    /// <param name="hasEventIndex">Whether VIRTIO_F_EVENT_IDX was negotiated.</param>
    /// <param name="indirect">Pages for tables of indirect descriptors; none where chains are short or VIRTIO_F_INDIRECT_DESC was not
    /// negotiated.</param>
    /// <param name="indirectLength">Descriptors of each table.</param>
    internal Virtqueue(VirtqueueLayout layout, int index, bool hasEventIndex, IDmaPage[] indirect, int indirectLength)
    {
        _descriptors = layout.Descriptors;
        _rings = layout.Rings;
        _available = layout.AvailableOffset;
        _used = layout.UsedOffset;
        _size = layout.Size;
        _hasEventIndex = hasEventIndex;
        _indirect = indirect;
        _indirectLength = indirectLength;
        Index = index;
        _next = new ushort[_size];
        _chainLength = new ushort[_size];
        _capacity = new int[_size];
        _token = new int[_size];
        _freeCount = _size;
        for (int i = 0; i < _size; i++)
        {
            _next[i] = (ushort)(i + 1);
            _capacity[i] = NotOutstanding;
        }
    }

    /// <summary>The queue's number among its device's.</summary>
    public int Index { get; }

    /// <summary>Descriptors.</summary>
    public int Size => _size;

    /// <summary>The most segments of a chain.</summary>
    public int LongestChain => Math.Max(_size, _indirectLength);

    /// <summary>Descriptors that are free.</summary>
    public int FreeCount => _freeCount;

    /// <summary>Chains that the device has.</summary>
    public int OutstandingCount { get; private set; }

    /// <summary>The device has answered what cannot be. Nothing more is taken from it or given to it.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Offers a chain of buffers. The device is told with <see cref="Publish"/>.</summary>
    /// <param name="segments">What the device reads, then what it writes; not none, and each within its page.</param>
    /// <param name="token">Comes back with the chain.</param>
    /// <returns>False when there are not enough descriptors, the queue is broken, or a segment is none.</returns>
    [NonAllocating]
    public bool TryAdd(ReadOnlySpan<DmaSegment> segments, int token)
    {
        if (IsBroken || segments.IsEmpty)
        {
            return false;
        }

        foreach (ref readonly DmaSegment segment in segments)
        {
            if (!segment.IsInPage)
            {
                return false;
            }
        }

        ushort head = _firstFree;
        int capacity;
        if (segments.Length > 1 && segments.Length <= _indirectLength && _freeCount > 0)
        {
            capacity = WriteIndirect(head, segments);
            _chainLength[head] = 1;
            _firstFree = _next[head];
            _freeCount--;
        }
        else if (segments.Length <= _freeCount)
        {
            capacity = WriteChain(head, segments);
            _chainLength[head] = (ushort)segments.Length;
            _freeCount -= segments.Length;
        }
        else
        {
            return false;
        }

        _capacity[head] = capacity;
        _token[head] = token;
        OutstandingCount++;
        _rings.WriteUInt16(
            _available + VirtqueueRing.Entries + ((_availableIndex & (_size - 1)) * VirtqueueRing.AvailableEntrySize), head);
        _availableIndex++;
        return true;
    }

    /// <summary>Lets the device see what was added.</summary>
    /// <returns>Whether it wants to be notified of that.</returns>
    [NonAllocating]
    public bool Publish()
    {
        ushort before = _publishedIndex;
        if (before == _availableIndex || IsBroken)
        {
            return false;
        }

        _rings.WriteUInt16(_available + VirtqueueRing.Index, _availableIndex);
        _publishedIndex = _availableIndex;

        // The device writes what it wants and then looks at the index (2.7.13.4.1): one of the two sees the other's write.
        Interlocked.MemoryBarrier();
        if (!_hasEventIndex)
        {
            return (_rings.ReadUInt16(_used + VirtqueueRing.Flags) & VirtqueueRing.NoNotify) == 0;
        }

        ushort wanted = _rings.ReadUInt16(_used + VirtqueueRing.AvailableEvent(_size));
        return IsEventDue(wanted, _availableIndex, before);
    }

    /// <summary>Takes a chain that the device has done with.</summary>
    /// <param name="token">What the chain was added with.</param>
    /// <param name="length">Bytes that the device says it has written, from the beginning of what it may write; no more than that.</param>
    /// <returns>False when there is none.</returns>
    [NonAllocating]
    public bool TryTake(out int token, out int length)
    {
        token = 0;
        length = 0;
        if (IsBroken || !HasUsed())
        {
            return false;
        }

        int entry = _used + VirtqueueRing.Entries + ((_usedIndex & (_size - 1)) * VirtqueueRing.UsedEntrySize);
        uint head = _rings.ReadUInt32(entry);
        uint written = _rings.ReadUInt32(entry + sizeof(uint));
        if (head >= (uint)_size || _capacity[head] == NotOutstanding || written > (uint)_capacity[head])
        {
            IsBroken = true;
            return false;
        }

        _usedIndex++;
        OutstandingCount--;
        token = _token[head];
        length = (int)written;
        Free((ushort)head);
        return true;
    }

    /// <summary>Asks for an interrupt when the device has done with a chain.</summary>
    /// <returns>False when it has already, and perhaps raises none: take first.</returns>
    [NonAllocating]
    public bool EnableInterrupts()
    {
        if (_hasEventIndex)
        {
            _rings.WriteUInt16(_available + VirtqueueRing.UsedEvent(_size), _usedIndex);
        }
        else
        {
            _rings.WriteUInt16(_available + VirtqueueRing.Flags, 0);
        }

        // Whatever was done before the device saw this is seen here (2.7.7.1).
        Interlocked.MemoryBarrier();
        return IsBroken || !HasUsed();
    }

    /// <summary>Asks for no interrupts. Some may still come.</summary>
    [NonAllocating]
    public void DisableInterrupts()
    {
        if (_hasEventIndex)
        {
            // The index that has just been, which comes again after 65,535 others.
            _rings.WriteUInt16(_available + VirtqueueRing.UsedEvent(_size), unchecked((ushort)(_usedIndex - 1)));
        }
        else
        {
            _rings.WriteUInt16(_available + VirtqueueRing.Flags, VirtqueueRing.NoInterrupt);
        }
    }

    /// <summary>Whether an index has gone past the one at which the other side wants to hear of it (2.7.10.1), all modulo 2^16.</summary>
    internal static bool IsEventDue(ushort wanted, ushort index, ushort before) =>
        unchecked((ushort)(index - wanted - 1) < (ushort)(index - before));

    /// <summary>Whether the used ring has an entry. The index is read once for all that it shows.</summary>
    private bool HasUsed()
    {
        if (_usedIndex == _usedSeen)
        {
            ushort index = _rings.ReadUInt16(_used + VirtqueueRing.Index);
            if (unchecked((ushort)(index - _usedIndex)) > OutstandingCount)
            {
                IsBroken = true;
                return false;
            }

            _usedSeen = index;
        }

        return _usedIndex != _usedSeen;
    }

    /// <summary>Fills in free descriptors, one for each segment.</summary>
    /// <returns>Bytes that the device may write.</returns>
    private int WriteChain(ushort head, ReadOnlySpan<DmaSegment> segments)
    {
        int capacity = 0;
        ushort current = head;
        for (int i = 0; i < segments.Length; i++)
        {
            bool isLast = i == segments.Length - 1;
            capacity += WriteDescriptor(_descriptors, current, segments[i], isLast ? null : _next[current]);
            if (isLast)
            {
                _firstFree = _next[current];
            }

            current = _next[current];
        }

        return capacity;
    }

    /// <summary>Fills in the table that belongs to a descriptor, and the descriptor.</summary>
    private int WriteIndirect(ushort head, ReadOnlySpan<DmaSegment> segments)
    {
        int perPage = IDmaPage.Size / VirtqueueRing.DescriptorSize / _indirectLength;
        IDmaPage page = _indirect[head / perPage];
        int first = head % perPage * _indirectLength;
        int capacity = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            // Numbers in a table count from its own beginning (2.7.5.3.1).
            ushort? next = i == segments.Length - 1 ? null : (ushort)(i + 1);
            capacity += WriteDescriptor(page, first + i, segments[i], next);
        }

        int offset = head * VirtqueueRing.DescriptorSize;
        _descriptors.WriteUInt64(offset, page.DeviceAddress + (ulong)(first * VirtqueueRing.DescriptorSize));
        _descriptors.WriteUInt32(offset + VirtqueueRing.DescriptorLength, (uint)(segments.Length * VirtqueueRing.DescriptorSize));
        _descriptors.WriteUInt16(offset + VirtqueueRing.DescriptorFlags, VirtqueueRing.IsIndirect);
        return capacity;
    }

    /// <summary>Tells the device of a segment. The one place where a buffer's address is handed out.</summary>
    /// <returns>Bytes that the device may write.</returns>
    private static int WriteDescriptor(IDmaPage table, int index, DmaSegment segment, ushort? next)
    {
        int offset = index * VirtqueueRing.DescriptorSize;
        int flags = (next is null ? 0 : VirtqueueRing.HasNext) | (segment.IsForDevice ? VirtqueueRing.DeviceWrites : 0);
        table.WriteUInt64(offset, segment.Page.DeviceAddress + (ulong)segment.Offset);
        table.WriteUInt32(offset + VirtqueueRing.DescriptorLength, (uint)segment.Length);
        table.WriteUInt16(offset + VirtqueueRing.DescriptorFlags, (ushort)flags);
        table.WriteUInt16(offset + VirtqueueRing.DescriptorNext, next ?? 0);
        return segment.IsForDevice ? segment.Length : 0;
    }

    /// <summary>Puts the descriptors of a chain in front of the free ones.</summary>
    private void Free(ushort head)
    {
        ushort last = head;
        for (int i = 1; i < _chainLength[head]; i++)
        {
            last = _next[last];
        }

        _next[last] = _firstFree;
        _firstFree = head;
        _freeCount += _chainLength[head];
        _capacity[head] = NotOutstanding;
    }
}
