using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>A guest's page table: four levels of 4096-byte pages (Intel SDM Vol. 3A, 4.5), whose upper half and last lower slot are the kernel's.</summary>
internal sealed unsafe class PageTable : IPageTable
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Dirty = 64;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;

    /// <summary>A bit the MMU ignores: the entry holds a page, even when no access is allowed and Present is clear.</summary>
    private const ulong Mapped = 1UL << 9;

    /// <summary>Another one: the entry's table is to be freed once no CPU can have it in its caches. Never beside Present.</summary>
    private const ulong Unlinked = 1UL << 10;

    private const int EntriesPerTable = 512;
    private const int UserSlots = (int)(Paging.UserEnd >> 39);
    private const ulong LeafSpan = 1UL << 21;
    private const ulong NoLeaf = ulong.MaxValue;

    /// <summary>Above this many pages one reload of CR3 is cheaper than flushing each.</summary>
    private const int FlushAllThreshold = 32;

    /// <summary>Entries whose frames are let go together, after one flush.</summary>
    private const int RemovalBatch = 64;

    private readonly FrameTable _frames;
    private readonly X64Cpu _cpu;
    private readonly MetalDoor* _door;
    private readonly ulong _directMap;
    private ulong _cachedLeaf = NoLeaf;
    private ulong* _cachedTable;

    internal PageTable(X64Machine machine, MetalDoor* door, ulong root)
    {
        _frames = machine.FrameTable;
        _cpu = machine.X64Cpu;
        _door = door;
        _directMap = door->DirectMap;
        Root = root;

        // SAFETY: both are whole tables; the kernel's slots are filled once, before the first address space.
        new ReadOnlySpan<ulong>(ToTable(door->KernelRoot), EntriesPerTable)[UserSlots..]
            .CopyTo(new Span<ulong>(ToTable(Root), EntriesPerTable)[UserSlots..]);
    }

    /// <summary>What CR3 holds while this address space is current. After it is disposed: the kernel's own tables, which map nothing of a guest.</summary>
    internal ulong Root { get; private set; }

    public long MappedCount { get; private set; }

    void IPageTable.BelongsToMachine()
    {
    }

    public bool TryMap(ulong address, Frame frame, PageAccess access)
    {
        // A null reference in the kernel must fault: what a program mapped down there would be taken for an object.
        if (address < Paging.LowestMappable)
        {
            throw new ArgumentOutOfRangeException(nameof(address));
        }

        ulong* table = FindLeafTable(address);
        if (table == null)
        {
            table = MakeLeafTable(address);
            if (table == null)
            {
                return false;
            }
        }

        if (!_frames.TryAddMapping(frame.Number))
        {
            return false;
        }

        ulong* entry = table + IndexOf(address, 12);
        ulong old = *entry;
        *entry = ((ulong)frame.Number << 12) | ToFlags(access);
        if (old != 0)
        {
            _cpu.InvalidatePage(Root, address);
            _frames.DropMapping(FrameOf(old));
        }
        else
        {
            MappedCount++;
        }

        return true;
    }

    public bool TryGet(ulong address, out PageMapping mapping)
    {
        ulong* table = FindLeafTable(address);
        if (table != null)
        {
            ulong entry = table[IndexOf(address, 12)];
            if ((entry & Mapped) != 0)
            {
                mapping = ToMapping(entry);
                return true;
            }
        }

        mapping = default;
        return false;
    }

    public bool TryFindMapped(ulong start, ulong end, out ulong address, out PageMapping mapping)
    {
        while (start < end)
        {
            ulong* table = FindLeafTable(start);
            if (table == null)
            {
                start = SkipMissing(start);
                continue;
            }

            ulong entry = table[IndexOf(start, 12)];
            if ((entry & Mapped) != 0)
            {
                address = start;
                mapping = ToMapping(entry);
                return true;
            }

            start += Paging.PageSize;
        }

        address = 0;
        mapping = default;
        return false;
    }

    public void Protect(ulong start, ulong end, PageAccess access)
    {
        ulong flags = ToFlags(access);
        Rewrite(start, end, AddressMask | Dirty, flags);
    }

    public void WriteProtect(ulong start, ulong end) => Rewrite(start, end, ~Writable, 0);

    [SkipLocalsInit]
    public long Unmap(ulong start, ulong end)
    {
        long before = MappedCount;
        uint* removed = stackalloc uint[RemovalBatch];
        while (start < end)
        {
            ulong* table = FindLeafTable(start);
            if (table == null)
            {
                start = SkipMissing(start);
                continue;
            }

            ulong tableEnd = (start & ~(LeafSpan - 1)) + LeafSpan;
            UnmapInTable(table, start, Math.Min(end, tableEnd), removed);
            start = tableEnd;
        }

        return before - MappedCount;
    }

    public void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
    {
        ceiling = Math.Min(ceiling, Paging.UserEnd); // what lies above is shared by all
        start = Math.Max(start & ~(LeafSpan - 1), (floor + LeafSpan - 1) & ~(LeafSpan - 1));
        end = Math.Min((end + LeafSpan - 1) & ~(LeafSpan - 1), ceiling & ~(LeafSpan - 1));
        if (start < end && Unlink(ToTable(Root), 39, start, end, floor, ceiling))
        {
            // The CPU caches the entries of upper levels, too, and walks the tables whenever it likes: they are free only then (Intel SDM Vol. 3A, 4.10.3).
            _cachedLeaf = NoLeaf;
            _cpu.InvalidateAll(Root);
            FreeUnlinked(ToTable(Root), 39, start, end);
        }
    }

    public int CopyFromGuest(ulong address, Span<byte> destination)
    {
        int count = Clamp(address, destination.Length);
        _cpu.Activate(Root);

        // SAFETY: the source is below UserEnd, where only guest pages are; a fault there ends the copy, nothing else.
        fixed (byte* to = destination)
        {
            return (int)_door->CopyUser(to, (void*)address, count);
        }
    }

    public int CopyToGuest(ulong address, ReadOnlySpan<byte> source)
    {
        int count = Clamp(address, source.Length);
        _cpu.Activate(Root);

        // SAFETY: as above; CR0.WP makes a page that the guest cannot write fault for the kernel too.
        fixed (byte* from = source)
        {
            return (int)_door->CopyUser((void*)address, from, count);
        }
    }

    public int CopyFromGuest(ulong address, Frame destination, int offset, int count)
    {
        // SAFETY: as above; the other side is untyped memory that stays in use for the length of the call.
        byte* to = _frames.ForWriting(destination.Number, offset, count);
        count = Clamp(address, count);
        _cpu.Activate(Root);
        return (int)_door->CopyUser(to, (void*)address, count);
    }

    public int CopyToGuest(ulong address, Frame source, int offset, int count)
    {
        // SAFETY: as above.
        byte* from = _frames.ForReading(source.Number, offset, count);
        count = Clamp(address, count);
        _cpu.Activate(Root);
        return (int)_door->CopyUser((void*)address, from, count);
    }

    public bool TryLoad(ulong address, out uint value)
    {
        long loaded = -1;
        if (Clamp(address, sizeof(uint)) == sizeof(uint))
        {
            _cpu.Activate(Root);
            loaded = _door->LoadUser32((void*)address);
        }

        value = (uint)loaded;
        return loaded >= 0;
    }

    public bool TryCompareExchange(ulong address, uint expected, uint desired, out uint observed)
    {
        long result = -1;
        if (Clamp(address, sizeof(uint)) == sizeof(uint))
        {
            _cpu.Activate(Root);
            result = _door->CompareExchangeUser32((void*)address, expected, desired);
        }

        observed = (uint)result;
        return result >= 0;
    }

    public void Dispose()
    {
        ulong root = Root;
        if (root == _door->KernelRoot)
        {
            return;
        }

        if (MappedCount != 0)
        {
            Unmap(0, Paging.UserEnd);
        }

        _cpu.Abandon(root);
        Root = _door->KernelRoot;
        _cachedLeaf = NoLeaf;
        FreeTables(root, 39, UserSlots);
    }

    private static uint FrameOf(ulong entry) => (uint)((entry & AddressMask) >> 12);

    private static int IndexOf(ulong address, int shift) => (int)(address >> shift) & (EntriesPerTable - 1);

    private static ulong ToFlags(PageAccess access)
    {
        if (access == PageAccess.None)
        {
            return Mapped;
        }

        return Mapped | Present | User
            | ((access & PageAccess.Write) != 0 ? Writable : 0)
            | ((access & PageAccess.Execute) == 0 ? NoExecute : 0);
    }

    private static PageMapping ToMapping(ulong entry)
    {
        PageAccess access = (entry & Present) == 0
            ? PageAccess.None
            : PageAccess.Read
                | ((entry & Writable) != 0 ? PageAccess.Write : 0)
                | ((entry & NoExecute) == 0 ? PageAccess.Execute : 0);
        return new PageMapping(new Frame(FrameOf(entry)), access, (entry & Dirty) != 0);
    }

    /// <summary>How much of a guest range lies below <see cref="Paging.UserEnd"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Clamp(ulong address, int length)
    {
        if (address > Paging.UserEnd - (ulong)length)
        {
            length = ClampAtEnd(address, length);
        }

        return length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int ClampAtEnd(ulong address, int length) =>
        address >= Paging.UserEnd ? 0 : (int)Math.Min((ulong)length, Paging.UserEnd - address);

    private ulong* ToTable(ulong entry) => (ulong*)(_directMap + (entry & AddressMask));

    /// <summary>The last-level table of an address, or null. Neighbouring pages mostly share the one found last.</summary>
    private ulong* FindLeafTable(ulong address)
    {
        ulong leaf = address >> 21;
        return leaf == _cachedLeaf ? _cachedTable : WalkToLeaf(address, leaf);
    }

    private ulong* WalkToLeaf(ulong address, ulong leaf)
    {
        if (address >= Paging.UserEnd)
        {
            return null; // the tables from here on are the kernel's: nothing in here ever finds one
        }

        ulong* table = ToTable(Root);
        for (int shift = 39; shift > 12; shift -= 9)
        {
            ulong entry = table[IndexOf(address, shift)];
            if ((entry & Present) == 0)
            {
                return null;
            }

            table = ToTable(entry);
        }

        _cachedLeaf = leaf;
        _cachedTable = table;
        return table;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong* MakeLeafTable(ulong address)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(address, Paging.UserEnd);
        ObjectDisposedException.ThrowIf(Root == _door->KernelRoot, this);
        ulong* table = ToTable(Root);
        for (int shift = 39; shift > 12; shift -= 9)
        {
            ulong* entry = table + IndexOf(address, shift);
            if ((*entry & Present) == 0)
            {
                ulong made = _frames.Take(FrameTable.PageTable);
                if (made == 0)
                {
                    return null; // tables made on the way stay: they are found and freed like any other
                }

                *entry = made | Present | Writable | User;
            }

            table = ToTable(*entry);
        }

        return table;
    }

    /// <summary>The first address after the table that is missing for this one.</summary>
    private ulong SkipMissing(ulong address)
    {
        if (address >= Paging.UserEnd)
        {
            return ulong.MaxValue;
        }

        ulong* table = ToTable(Root);
        for (int shift = 39; shift > 12; shift -= 9)
        {
            ulong entry = table[IndexOf(address, shift)];
            if ((entry & Present) == 0)
            {
                ulong span = 1UL << shift;
                return (address & ~(span - 1)) + span;
            }

            table = ToTable(entry);
        }

        return (address & ~(LeafSpan - 1)) + LeafSpan;
    }

    /// <summary>Removes the pages of a range that lies in one table.</summary>
    private void UnmapInTable(ulong* table, ulong start, ulong end, uint* removed)
    {
        ulong* entry = table + IndexOf(start, 12);
        ulong* last = entry + ((end - start) >> 12);
        ulong* first = entry;
        int count = 0;
        while (entry < last)
        {
            if (*entry == 0)
            {
                entry++;
                while (last - entry >= 4 && (entry[0] | entry[1] | entry[2] | entry[3]) == 0)
                {
                    entry += 4;
                }

                continue;
            }

            if (count == 0)
            {
                first = entry;
            }

            removed[count++] = FrameOf(*entry);
            *entry++ = 0;
            if (count == RemovalBatch)
            {
                LetGo(table, start, first, entry, removed, count);
                count = 0;
            }
        }

        if (count > 0)
        {
            LetGo(table, start, first, entry, removed, count);
        }
    }

    /// <summary>Lets frames go whose entries have been removed.</summary>
    private void LetGo(ulong* table, ulong address, ulong* first, ulong* last, uint* removed, int count)
    {
        // A frame may be somebody else's as soon as it is let go: no translation to it may be left by then.
        address &= ~(LeafSpan - 1);
        Flush(address + ((ulong)(first - table) << 12), address + ((ulong)(last - table) << 12));
        MappedCount -= count;
        for (int i = 0; i < count; i++)
        {
            _frames.DropMapping(removed[i]);
        }
    }

    private void Rewrite(ulong start, ulong end, ulong keep, ulong set)
    {
        ulong first = start;
        bool changed = false;
        while (start < end)
        {
            ulong* table = FindLeafTable(start);
            if (table == null)
            {
                start = SkipMissing(start);
                continue;
            }

            ulong* entry = table + IndexOf(start, 12);
            if ((*entry & Mapped) != 0)
            {
                *entry = (*entry & keep) | set;
                changed = true;
            }

            start += Paging.PageSize;
        }

        if (changed)
        {
            Flush(first, end);
        }
    }

    private void Flush(ulong start, ulong end)
    {
        if (end - start > FlushAllThreshold * (ulong)Paging.PageSize)
        {
            _cpu.InvalidateAll(Root);
            return;
        }

        for (; start < end; start += Paging.PageSize)
        {
            _cpu.InvalidatePage(Root, start);
        }
    }

    /// <summary>Takes those entries of a table out of the CPU's sight that touch [start, end) and map nothing outside [floor, ceiling).</summary>
    /// <returns>False when there are none.</returns>
    private bool Unlink(ulong* table, int shift, ulong start, ulong end, ulong floor, ulong ceiling)
    {
        bool isUnlinked = false;
        ulong span = 1UL << shift;
        for (ulong address = start & ~(span - 1); address < end; address += span)
        {
            ulong* entry = table + IndexOf(address, shift);
            if ((*entry & Present) == 0)
            {
                continue;
            }

            if (address >= floor && address + span <= ceiling)
            {
                *entry = (*entry & ~Present) | Unlinked;
                isUnlinked = true;
            }
            else if (span > LeafSpan)
            {
                isUnlinked |= Unlink(ToTable(*entry), shift - 9, Math.Max(start, address), Math.Min(end, address + span), floor, ceiling);
            }
        }

        return isUnlinked;
    }

    /// <summary>Frees what <see cref="Unlink"/> left behind in [start, end).</summary>
    private void FreeUnlinked(ulong* table, int shift, ulong start, ulong end)
    {
        ulong span = 1UL << shift;
        for (ulong address = start & ~(span - 1); address < end; address += span)
        {
            ulong* entry = table + IndexOf(address, shift);
            if ((*entry & Unlinked) != 0)
            {
                ulong freed = *entry & AddressMask;
                *entry = 0;
                FreeTables(freed, shift - 9, EntriesPerTable);
            }
            else if ((*entry & Present) != 0 && span > LeafSpan)
            {
                FreeUnlinked(ToTable(*entry), shift - 9, Math.Max(start, address), Math.Min(end, address + span));
            }
        }
    }

    private void FreeTables(ulong table, int shift, int slots)
    {
        if (shift > 12)
        {
            ulong* entries = ToTable(table);
            for (int i = 0; i < slots; i++)
            {
                if ((entries[i] & Present) != 0)
                {
                    FreeTables(entries[i] & AddressMask, shift - 9, EntriesPerTable);
                }
            }
        }

        _frames.Return(table & AddressMask);
    }
}
