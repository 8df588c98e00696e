using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>
/// A guest's page table: four levels of 4096-byte pages (Intel SDM Vol. 3A, 4.5), whose upper half and last lower slot are the kernel's.
/// </summary>
internal sealed unsafe partial class PageTable : IPageTable
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

    /// <summary>
    /// What CR3 holds while this address space is current. After it is disposed: the kernel's own tables, which map nothing of a guest.
    /// </summary>
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

    private static uint FrameOf(ulong entry) => (uint)((entry & AddressMask) >> 12);

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
}
