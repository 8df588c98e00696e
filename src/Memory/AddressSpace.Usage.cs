using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>What memory there is behind the mappings, page by page (proc(5): smaps, numa_maps, pagemap).</content>
public sealed partial class AddressSpace
{
    /// <summary>Looks at the page of an address.</summary>
    /// <returns>False when there is none: nothing is mapped there, or it was not touched yet.</returns>
    public bool TryGetPage(ulong address, out PageUse use)
    {
        ulong page = Paging.RoundDown(address);
        use = default;
        if (_vmas.Find(page) is not { } vma || !_pageTable.TryGet(page, out PageMapping mapping))
        {
            return false;
        }

        use = GetUse(vma, page, in mapping);
        return true;
    }

    /// <summary>Counts the pages of a mapping.</summary>
    public MemoryUse Measure(Vma vma)
    {
        MemoryUse use = default;
        ulong position = vma.Start;
        while (position < vma.End && _pageTable.TryFindMapped(position, vma.End, out ulong page, out PageMapping mapping))
        {
            use.Add(GetUse(vma, page, in mapping), vma);
            position = page + Paging.PageSize;
        }

        return use;
    }

    private PageUse GetUse(Vma vma, ulong page, in PageMapping mapping)
    {
        bool isOfObject = vma.Object is { } target
            && (vma.IsShared || (target.TryGetResident(vma.GetObjectPage(page), out Frame cached) && cached == mapping.Frame));
        if (isOfObject)
        {
            return new PageUse(
                mapping.Frame, IsOwn: false, mapping.IsDirty, CountMappings(vma.Object!, vma.GetObjectPage(page), mapping.Frame));
        }

        // A page of the program's own is nowhere but here, and so has to be kept; after a fork another may see it until one of them writes.
        return new PageUse(mapping.Frame, IsOwn: true, IsDirty: true, _frames.IsExclusive(mapping.Frame) ? 1 : 2);
    }

    /// <summary>Counts the mappings that show a page of an object.</summary>
    private static int CountMappings(MemoryObject target, long objectPage, Frame frame)
    {
        int count = 0;
        for (Vma? vma = target.FirstMapping; vma is not null; vma = vma.NextMapping)
        {
            long offset = objectPage - vma.GetObjectPage(vma.Start);
            bool isInside = offset >= 0 && (ulong)offset < vma.Length >> Paging.PageShift;
            if (isInside
                && vma.Space._pageTable.TryGet(vma.Start + ((ulong)offset << Paging.PageShift), out PageMapping mapping)
                && mapping.Frame == frame)
            {
                count++;
            }
        }

        return Math.Max(1, count);
    }
}
