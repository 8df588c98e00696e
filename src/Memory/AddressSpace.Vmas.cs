using System.Diagnostics;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Cutting, joining and removing vmas.</content>
public sealed partial class AddressSpace
{
    private ulong MappedBytes(ulong start, ulong end)
    {
        ulong bytes = 0;
        for (int i = _vmas.FindIndex(start); i < _vmas.Count && _vmas[i].Start < end; i++)
        {
            bytes += Math.Min(end, _vmas[i].End) - Math.Max(start, _vmas[i].Start);
        }

        return bytes;
    }

    /// <summary>Adds a range in which nothing is mapped; like neighbours take it in.</summary>
    private void InsertRange(
        ulong start,
        ulong end,
        PageAccess access,
        PageAccess maxAccess,
        VmaFlags flags,
        MemoryObject? target,
        ulong offset,
        bool mayShareFrames)
    {
        int index = _vmas.FindIndex(start);
        Debug.Assert(index == _vmas.Count || _vmas[index].Start >= end);
        Vma? below = index > 0 ? _vmas[index - 1] : null;
        Vma? above = index < _vmas.Count ? _vmas[index] : null;
        if (below is not null
            && below.End == start
            && IsLike(below, access, maxAccess, flags, target)
            && (target is null || below.ObjectOffset + below.Length == offset))
        {
            below.End = end;
            below.MayShareFrames |= mayShareFrames;
            Account(below, end - start);
            if (above is not null && CanMerge(below, above))
            {
                Merge(index - 1);
            }

            return;
        }

        if (above is not null
            && above.Start == end
            && IsLike(above, access, maxAccess, flags, target)
            && (target is null || offset + (end - start) == above.ObjectOffset))
        {
            above.Start = start;
            above.ObjectOffset = offset;
            above.MayShareFrames |= mayShareFrames;
            Account(above, end - start);
            return;
        }

        Vma vma = _vmas.Insert(index);
        vma.Start = start;
        vma.End = end;
        vma.Access = access;
        vma.MaxAccess = maxAccess;
        vma.Flags = flags;
        vma.MayShareFrames = mayShareFrames;
        vma.NextSequentialFault = 0;
        vma.ObjectOffset = 0;
        if (target is not null)
        {
            vma.Attach(target, offset);
        }

        Account(vma, end - start);
    }

    private static bool IsLike(Vma vma, PageAccess access, PageAccess maxAccess, VmaFlags flags, MemoryObject? target) =>
        vma.Access == access && vma.Flags == flags && vma.MaxAccess == maxAccess && ReferenceEquals(vma.Object, target);

    private static bool CanMerge(Vma below, Vma above) =>
        below.End == above.Start
        && IsLike(below, above.Access, above.MaxAccess, above.Flags, above.Object)
        && (below.Object is null || below.ObjectOffset + below.Length == above.ObjectOffset);

    /// <summary>Makes one vma of those at an index and above it.</summary>
    private void Merge(int index)
    {
        Vma below = _vmas[index];
        Vma above = _vmas[index + 1];
        below.End = above.End;
        below.MayShareFrames |= above.MayShareFrames;
        _vmas.RemoveRange(index + 1, index + 2);
    }

    /// <summary>Merges like neighbours, from the one below an index up to an address.</summary>
    private void MergeAround(int index, ulong end)
    {
        index = Math.Max(0, index - 1);
        while (index + 1 < _vmas.Count && _vmas[index].Start <= end)
        {
            if (CanMerge(_vmas[index], _vmas[index + 1]))
            {
                Merge(index);
            }
            else
            {
                index++;
            }
        }
    }

    /// <summary>Splits the vma at an index in two.</summary>
    private void Split(int index, ulong address)
    {
        Vma below = _vmas[index];
        Vma above = _vmas.Insert(index + 1);
        above.Start = address;
        above.End = below.End;
        CopyAttributes(below, above, below.ObjectOffset + (address - below.Start));
        below.End = address;
    }

    /// <summary>Splits the vma at an index so that what lies in [start, end) is a vma of its own.</summary>
    /// <returns>The index of that one.</returns>
    private int Isolate(int index, ulong start, ulong end)
    {
        if (_vmas[index].Start < start)
        {
            Split(index, start);
            index++;
        }

        if (_vmas[index].End > end)
        {
            Split(index, end);
        }

        return index;
    }

    /// <summary>Unmaps what is mapped in [start, end).</summary>
    /// <returns>None, or ENOMEM when a vma would have to be split and there are too many, or the kernel has no room for one more.</returns>
    private Errno UnmapRange(ulong start, ulong end)
    {
        int first = _vmas.FindIndex(start);
        if (first == _vmas.Count || _vmas[first].Start >= end)
        {
            return Errno.None;
        }

        Vma vma = _vmas[first];
        bool isHole = vma.Start < start && vma.End > end;
        if (isHole && (_vmas.Count >= MaxVmaCount || !_vmas.HasRoom()))
        {
            return Errno.ENOMEM;
        }

        RemovePages(Math.Max(start, vma.Start), end);
        RemoveVmas(first, start, end, isHole);
        return Errno.None;
    }

    /// <summary>Cuts a range, whose pages are gone, out of the vmas from an index on.</summary>
    private void RemoveVmas(int first, ulong start, ulong end, bool isHole)
    {
        if (isHole)
        {
            Split(first, end);
        }

        Vma vma = _vmas[first];
        if (vma.Start < start)
        {
            Discount(vma, vma.End - start);
            vma.End = start;
            first++;
        }

        int next = first;
        while (next < _vmas.Count && _vmas[next].End <= end)
        {
            Discount(_vmas[next], _vmas[next].Length);
            next++;
        }

        _vmas.RemoveRange(first, next);
        if (first < _vmas.Count && _vmas[first].Start < end)
        {
            vma = _vmas[first];
            ulong cut = end - vma.Start;
            Discount(vma, cut);
            vma.ObjectOffset += vma.Object is null ? 0 : cut;
            vma.Start = end;
        }

        NoteGap(first, end);
        ulong floor = first > 0 ? _vmas[first - 1].End : 0;
        ulong ceiling = first < _vmas.Count ? _vmas[first].Start : Paging.UserEnd;
        _pageTable.FreeTables(start, end, floor, ceiling);
    }
}
