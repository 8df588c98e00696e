using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Where a mapping goes that may go anywhere.</content>
public sealed partial class AddressSpace
{
    private const ulong LowStart = 0x4000_0000;
    private const ulong LowEnd = 0x8000_0000;

    // Where the search for a gap begins, and the largest gap that was seen above it: so a program that maps and maps does not search what
    // is full.
    private ulong _searchTop;
    private ulong _largestGapAbove;

    /// <summary>Whether anything is mapped in [start, end).</summary>
    private bool Overlaps(ulong start, ulong end)
    {
        int index = _vmas.FindIndex(start);
        return index < _vmas.Count && _vmas[index].Start < end;
    }

    /// <summary>Where mappings below a vma must end: a stack needs room to grow into.</summary>
    private static ulong GuardedStart(Vma vma) =>
        (vma.Flags & VmaFlags.GrowsDown) == 0 ? vma.Start : vma.Start - Math.Min(vma.Start, StackGuardGap);

    private bool HasRoomAbove(int index, ulong growth)
    {
        ulong end = _vmas[index].End;
        ulong limit = index + 1 < _vmas.Count ? GuardedStart(_vmas[index + 1]) : Paging.UserEnd;
        return limit >= end && limit - end >= growth;
    }

    /// <summary>Chooses where a mapping goes: at the hint where that is free, else as high below the base as there is room.</summary>
    /// <param name="isAtTop">Nothing between the place and the top of the search is free but what was too small: once taken, it is the new
    /// top.</param>
    private bool TryFindPlace(ulong hint, ulong length, MapOptions options, out ulong start, out bool isAtTop)
    {
        isAtTop = false;
        bool isLow = (options & MapOptions.Low) != 0;
        ulong highest = isLow ? LowEnd : Paging.UserEnd;
        hint = Paging.RoundDown(hint);
        if (hint >= Paging.UserStart && length <= highest && hint <= highest - length)
        {
            int index = _vmas.FindIndex(hint);
            if (index == _vmas.Count || GuardedStart(_vmas[index]) >= hint + length)
            {
                start = hint;
                return true;
            }
        }

        if (isLow)
        {
            return TryFindGap(LowStart, LowEnd, length, out start, out _);
        }

        if (length <= _largestGapAbove)
        {
            _searchTop = Layout.MmapBase;
            _largestGapAbove = 0;
        }

        if (TryFindGap(Paging.UserStart, _searchTop, length, out start, out ulong largestSkipped))
        {
            _largestGapAbove = Math.Max(_largestGapAbove, largestSkipped);
            isAtTop = true;
            return true;
        }

        // The space above the base is the last resort: it is the stack's.
        return TryFindGap(Paging.UserStart, Layout.MmapBase, length, out start, out _)
            || TryFindGap(Layout.MmapBase, Paging.UserEnd, length, out start, out _);
    }

    /// <summary>Finds the highest gap in [low, high) that holds a length.</summary>
    private bool TryFindGap(ulong low, ulong high, ulong length, out ulong start, out ulong largestSkipped)
    {
        largestSkipped = 0;
        int index = _vmas.FindIndex(high);
        ulong gapEnd = high;
        while (true)
        {
            if (index < _vmas.Count)
            {
                gapEnd = Math.Min(gapEnd, GuardedStart(_vmas[index]));
            }

            ulong gapStart = index > 0 ? Math.Max(low, _vmas[index - 1].End) : low;
            if (gapEnd > gapStart)
            {
                ulong room = gapEnd - gapStart;
                if (room >= length)
                {
                    start = gapEnd - length;
                    return true;
                }

                largestSkipped = Math.Max(largestSkipped, room);
            }

            if (gapEnd <= low || index == 0)
            {
                start = 0;
                return false;
            }

            index--;
        }
    }

    /// <summary>Moves the top of the search above a gap that has come.</summary>
    private void NoteGap(int nextIndex, ulong end)
    {
        if (end > _searchTop)
        {
            ulong gapEnd = nextIndex < _vmas.Count ? _vmas[nextIndex].Start : Paging.UserEnd;
            _searchTop = Math.Min(Layout.MmapBase, Math.Max(_searchTop, gapEnd));
        }
    }
}
