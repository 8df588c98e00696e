using System.Runtime.CompilerServices;
using Semitone.Abi;

namespace Semitone.Machine.X64;

/// <summary>The tree of tables: how an address is found in it, how it grows, and how what holds no page any more is given back.</summary>
// SAFETY: below UserEnd each present entry of an upper level is a whole table that MakeLeafTable took, and it is one until no CPU can have
// it in its caches; indices are masked to 9 bits.
internal sealed unsafe partial class PageTable
{
    public void FreeTables(ulong start, ulong end, ulong floor, ulong ceiling)
    {
        ceiling = Math.Min(ceiling, Paging.UserEnd); // what lies above is shared by all
        start = Math.Max(start & ~(LeafSpan - 1), (floor + LeafSpan - 1) & ~(LeafSpan - 1));
        end = Math.Min((end + LeafSpan - 1) & ~(LeafSpan - 1), ceiling & ~(LeafSpan - 1));
        if (start < end && Unlink(ToTable(Root), 39, start, end, floor, ceiling))
        {
            // The CPU caches the entries of upper levels, too, and walks the tables whenever it likes: they are free only then (Intel SDM
            // Vol. 3A, 4.10.3).
            _cachedLeaf = NoLeaf;
            _cpu.InvalidateAll(Root);
            FreeUnlinked(ToTable(Root), 39, start, end);
        }
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

    private static int IndexOf(ulong address, int shift) => (int)(address >> shift) & (EntriesPerTable - 1);

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

    /// <summary>
    /// Takes those entries of a table out of the CPU's sight that touch [start, end) and map nothing outside [floor, ceiling).
    /// </summary>
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
