using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>
/// A page table as a sorted dictionary. Like a real one it takes a frame for each 2 MiB that something is mapped in, and can so run out of
/// memory.
/// </summary>
public sealed class FakePageTable : IPageTable
{
    private const int TableShift = 21;

    private readonly FakeFrameAllocator _frames;
    private readonly SortedDictionary<ulong, PageMapping> _pages = [];
    private readonly Dictionary<ulong, Frame> _tables = [];
    private bool _isDisposed;

    public FakePageTable(FakeFrameAllocator frames)
    {
        _frames = frames;
    }

    /// <summary>Pages mapped now.</summary>
    public int Count => _pages.Count;

    public long MappedCount => _pages.Count;

    /// <summary>Tables that there are now.</summary>
    public int TableCount => _tables.Count;

    /// <summary>The pages mapped, by address.</summary>
    public IReadOnlyDictionary<ulong, PageMapping> Pages => _pages;

    void IPageTable.BelongsToMachine()
    {
    }

    public bool TryMap(ulong address, Frame frame, PageAccess access)
    {
        Check(address);
        ulong table = address >> TableShift;
        if (!_tables.ContainsKey(table))
        {
            if (!_frames.TryTake(FakeFrameAllocator.Kind.Table, out Frame tableFrame))
            {
                return false;
            }

            _tables.Add(table, tableFrame);
        }

        _frames.AddMapping(frame);
        bool isReplaced = _pages.TryGetValue(address, out PageMapping old);
        _pages[address] = new PageMapping(frame, access, false);
        if (isReplaced)
        {
            _frames.DropMapping(old.Frame);
        }

        _frames.MayThrow();
        return true;
    }

    public bool TryGet(ulong address, out PageMapping mapping)
    {
        Check(address);
        return _pages.TryGetValue(address, out mapping);
    }

    public bool TryFindMapped(ulong start, ulong end, out ulong address, out PageMapping mapping)
    {
        CheckRange(start, end);
        foreach ((ulong page, PageMapping found) in _pages)
        {
            if (page >= start && page < end)
            {
                address = page;
                mapping = found;
                return true;
            }
        }

        address = 0;
        mapping = default;
        return false;
    }

    public void Protect(ulong start, ulong end, PageAccess access)
    {
        CheckRange(start, end);
        foreach (ulong page in PagesIn(start, end))
        {
            _pages[page] = _pages[page] with { Access = access };
        }
    }

    public void WriteProtect(ulong start, ulong end)
    {
        CheckRange(start, end);
        foreach (ulong page in PagesIn(start, end))
        {
            PageMapping mapping = _pages[page];
            PageAccess access = mapping.Access & ~PageAccess.Write;
            if (mapping.Access != PageAccess.None && access == PageAccess.None)
            {
                // Write implies Read.
                access = PageAccess.Read;
            }

            _pages[page] = mapping with { Access = access };
        }
    }

    public long Unmap(ulong start, ulong end)
    {
        CheckRange(start, end);
        _frames.MayThrow();
        List<ulong> pages = PagesIn(start, end);
        foreach (ulong page in pages)
        {
            Frame frame = _pages[page].Frame;
            _pages.Remove(page);
            _frames.DropMapping(frame);
        }

        return pages.Count;
    }

    public void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
    {
        CheckRange(start, end);
        CheckRange(floor, ceiling);
        if (floor > start || ceiling < end || PagesIn(floor, ceiling).Count != 0)
        {
            throw new InvalidOperationException($"0x{floor:x} to 0x{ceiling:x} is not free of pages around 0x{start:x} to 0x{end:x}.");
        }

        const ulong Span = 1UL << TableShift;
        foreach (ulong table in _tables.Keys.ToList())
        {
            ulong first = table << TableShift;
            if (first < end && first + Span > start && first >= floor && first + Span <= ceiling)
            {
                _frames.Return(_tables[table]);
                _tables.Remove(table);
            }
        }
    }

    public int CopyFromGuest(ulong address, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length && TryGetGuestBytes(address + (ulong)done, PageAccess.Read, out Span<byte> bytes))
        {
            int count = Math.Min(bytes.Length, destination.Length - done);
            bytes.Slice(0, count).CopyTo(destination.Slice(done));
            done += count;
        }

        return done;
    }

    public int CopyToGuest(ulong address, ReadOnlySpan<byte> source)
    {
        int done = 0;
        while (done < source.Length && TryGetGuestBytes(address + (ulong)done, PageAccess.Write, out Span<byte> bytes))
        {
            int count = Math.Min(bytes.Length, source.Length - done);
            source.Slice(done, count).CopyTo(bytes);
            done += count;
        }

        return done;
    }

    public int CopyFromGuest(ulong address, Frame destination, int offset, int count)
    {
        _frames.MayThrow();
        return CopyFromGuest(address, _frames.GetBytes(destination).Slice(offset, count));
    }

    public int CopyToGuest(ulong address, Frame source, int offset, int count)
    {
        _frames.MayThrow();
        return CopyToGuest(address, _frames.GetReadable(source).AsSpan(offset, count));
    }

    public bool TryLoad(ulong address, out uint value)
    {
        CheckAligned(address);
        if (!TryGetGuestBytes(address, PageAccess.Read, out Span<byte> bytes))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return true;
    }

    public bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed)
    {
        CheckAligned(address);
        if (!TryGetGuestBytes(address, PageAccess.Write, out Span<byte> bytes))
        {
            observed = 0;
            return false;
        }

        observed = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (observed == expected)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, desired);
        }

        return true;
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            throw new InvalidOperationException("A page table is disposed of twice.");
        }

        Unmap(0, Paging.UserEnd);
        _isDisposed = true;
        foreach (Frame frame in _tables.Values)
        {
            _frames.Return(frame);
        }
    }

    private static void CheckAligned(ulong address)
    {
        if ((address & 3) != 0)
        {
            throw new ArgumentException($"0x{address:x} is not aligned.", nameof(address));
        }
    }

    /// <summary>The bytes from an address to the end of its page, when the guest may access them.</summary>
    private bool TryGetGuestBytes(ulong address, PageAccess access, out Span<byte> bytes)
    {
        bytes = default;
        if (address >= Paging.UserEnd || !_pages.TryGetValue(Paging.RoundDown(address), out PageMapping mapping))
        {
            return false;
        }

        bool isAllowed = access == PageAccess.Read ? mapping.Access != PageAccess.None : (mapping.Access & access) != 0;
        if (!isAllowed)
        {
            return false;
        }

        bytes = _frames.GetBytes(mapping.Frame).Slice((int)(address & Paging.PageMask));
        if (access == PageAccess.Write)
        {
            _pages[Paging.RoundDown(address)] = mapping with { IsDirty = true };
        }

        return true;
    }

    private List<ulong> PagesIn(ulong start, ulong end)
    {
        List<ulong> found = [];
        foreach (ulong page in _pages.Keys)
        {
            if (page >= start && page < end)
            {
                found.Add(page);
            }
        }

        return found;
    }

    private void CheckRange(ulong start, ulong end)
    {
        Check(start);
        if ((end & Paging.PageMask) != 0 || end > Paging.UserEnd || start > end)
        {
            throw new ArgumentException($"0x{start:x} to 0x{end:x} is no range of pages.", nameof(end));
        }
    }

    private void Check(ulong address)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if ((address & Paging.PageMask) != 0 || address > Paging.UserEnd)
        {
            throw new ArgumentException($"0x{address:x} is no page of a guest.", nameof(address));
        }
    }
}
