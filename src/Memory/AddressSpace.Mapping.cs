using System.Diagnostics;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Making, changing and removing mappings.</content>
public sealed partial class AddressSpace
{
    private const ulong LowStart = 0x4000_0000;
    private const ulong LowEnd = 0x8000_0000;

    /// <summary>Bytes beyond all of memory that one mapping may still reserve.</summary>
    /// <remarks>Like Linux's heuristic overcommit, only what could never be had is refused: an allocation gone wrong fails at once
    /// instead of killing the program later, while stacks and arenas that stay mostly untouched succeed in a small machine.</remarks>
    private const ulong OvercommitAllowance = 64 << 20;

    // Where the search for a gap begins, and the largest gap that was seen above it: so a program that maps and maps does not search what
    // is full.
    private ulong _searchTop;
    private ulong _largestGapAbove;

    /// <summary>Says where the heap begins. exec calls this once, before the program runs.</summary>
    public void SetBreakStart(ulong address)
    {
        BreakStart = address;
        Break = address;
    }

    /// <summary>Moves the end of the heap (brk(2) as the kernel has it).</summary>
    /// <returns>The new end, or the old one when it cannot be moved.</returns>
    public ulong SetBreak(ulong address)
    {
        if (address < BreakStart || address > Paging.UserEnd)
        {
            return Break;
        }

        ulong oldEnd = Paging.RoundUp(Break);
        ulong newEnd = Paging.RoundUp(address);
        if (newEnd < oldEnd)
        {
            if (UnmapRange(newEnd, oldEnd) != Errno.None)
            {
                return Break;
            }
        }
        else if (newEnd > oldEnd)
        {
            // A page stays free between the heap and what lies above it.
            const PageAccess Access = PageAccess.Read | PageAccess.Write;
            if (address - BreakStart > DataLimit
                || Overlaps(oldEnd, newEnd + Paging.PageSize)
                || CheckLimits(newEnd - oldEnd, 0, Access, VmaFlags.None) != Errno.None
                || !_vmas.HasRoom())
            {
                return Break;
            }

            const PageAccess MaxAccess = PageAccess.Read | PageAccess.Write | PageAccess.Execute;
            InsertRange(oldEnd, newEnd, Access, MaxAccess, FlagsOfNew, null, 0, mayShareFrames: false);
            PopulateNew(oldEnd, newEnd);
        }

        Break = address;
        return address;
    }

    /// <summary>Makes a mapping (mmap(2)).</summary>
    /// <returns>None; EINVAL, ENOMEM, EEXIST, EPERM or EOVERFLOW with nothing changed.</returns>
    public Errno Map(in MapRequest request, out ulong address)
    {
        address = 0;
        if (!_vmas.HasRoom())
        {
            return Errno.ENOMEM;
        }

        if (request.Length == 0)
        {
            return Errno.EINVAL;
        }

        ulong length = Paging.RoundUp(request.Length);
        if (length == 0 || length > Paging.UserEnd)
        {
            return Errno.ENOMEM;
        }

        if (request.Object is not null)
        {
            if ((request.Offset & Paging.PageMask) != 0)
            {
                return Errno.EINVAL;
            }

            if (request.Offset > long.MaxValue - length)
            {
                return Errno.EOVERFLOW;
            }
        }

        bool isFixed = (request.Options & (MapOptions.Fixed | MapOptions.FixedNoReplace)) != 0;
        ulong start;
        ulong replaced = 0;
        bool isAtTop = false;
        Errno error;
        if (isFixed)
        {
            start = request.Address;
            error = CheckFixed(start, length, request.LowestFixed);
            if (error != Errno.None)
            {
                return error;
            }

            if ((request.Options & MapOptions.FixedNoReplace) != 0)
            {
                if (Overlaps(start, start + length))
                {
                    return Errno.EEXIST;
                }
            }
            else
            {
                replaced = MappedBytes(start, start + length);
            }
        }
        else if (!TryFindPlace(request.Address, length, request.Options, out start, out isAtTop))
        {
            return Errno.ENOMEM;
        }

        error = CheckLimits(length, replaced, request.Access, request.Flags);
        if (error != Errno.None)
        {
            return error;
        }

        if (replaced > 0)
        {
            error = UnmapRange(start, start + length);
            if (error != Errno.None)
            {
                return error;
            }
        }

        InsertMapping(start, length, request);
        if (isAtTop)
        {
            _searchTop = start;
        }

        PopulateNew(start, start + length, (request.Options & MapOptions.Populate) != 0);
        address = start;
        return Errno.None;
    }

    /// <summary>Removes mappings (munmap(2)). Parts that are not mapped are no error.</summary>
    public Errno Unmap(ulong address, ulong length)
    {
        if ((address & Paging.PageMask) != 0 || length == 0 || address > Paging.UserEnd || length > Paging.UserEnd - address)
        {
            return Errno.EINVAL;
        }

        return UnmapRange(address, address + Paging.RoundUp(length));
    }

    /// <summary>Changes what a program may do with pages (mprotect(2)).</summary>
    /// <param name="address">First page.</param>
    /// <param name="length">Bytes, rounded up to pages.</param>
    /// <param name="access">The new access.</param>
    /// <param name="fromStackStart">Begin where the growing vma begins that holds the address (PROT_GROWSDOWN).</param>
    /// <returns>None; EINVAL; EACCES or ENOMEM, where what lies before the page in question has been changed, as Linux does it.</returns>
    public Errno Protect(ulong address, ulong length, PageAccess access, bool fromStackStart = false)
    {
        if (!_vmas.HasRoom())
        {
            return Errno.ENOMEM;
        }

        if ((address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        if (length == 0)
        {
            return Errno.None;
        }

        if (!TryGetRange(address, length, out ulong end))
        {
            return Errno.ENOMEM;
        }

        int first = _vmas.FindIndex(address);
        if (fromStackStart)
        {
            if (first == _vmas.Count || _vmas[first].Start >= end)
            {
                return Errno.ENOMEM;
            }

            if ((_vmas[first].Flags & VmaFlags.GrowsDown) == 0)
            {
                return Errno.EINVAL;
            }

            address = _vmas[first].Start;
        }

        Errno error = CheckProtect(first, address, ref end, access);
        int index = first;
        while (index < _vmas.Count && _vmas[index].Start < end)
        {
            if (_vmas[index].Access != access)
            {
                // The vmas that are split are the first and the last one: what was asked for above is enough for both.
                index = Isolate(index, address, end);
                ProtectVma(_vmas[index], access);
            }

            index++;
        }

        MergeAround(first, end);
        return error;
    }

    /// <summary>Resizes or moves a mapping (mremap(2)).</summary>
    /// <returns>None; EINVAL, EFAULT or ENOMEM. With <see cref="RemapOptions.Fixed"/> the target may be unmapped even so, as Linux has
    /// it.</returns>
    public Errno Remap(ulong oldAddress, ulong oldLength, ulong newLength, RemapOptions options, ulong newAddress, out ulong address)
    {
        address = 0;
        if (!_vmas.HasRoom())
        {
            return Errno.ENOMEM;
        }

        bool isFixed = (options & RemapOptions.Fixed) != 0;
        bool mayMove = (options & RemapOptions.MayMove) != 0;
        bool keepsOld = (options & RemapOptions.DontUnmap) != 0;
        if ((oldAddress & Paging.PageMask) != 0 || ((isFixed | keepsOld) && !mayMove))
        {
            return Errno.EINVAL;
        }

        ulong oldSize = Paging.RoundUp(oldLength);
        ulong newSize = Paging.RoundUp(newLength);
        if (newSize == 0 || newSize > Paging.UserEnd || (oldSize == 0 && oldLength != 0) || (keepsOld && oldSize != newSize))
        {
            return Errno.EINVAL;
        }

        if (oldAddress >= Paging.UserEnd || oldSize > Paging.UserEnd - oldAddress)
        {
            return Errno.EFAULT;
        }

        ulong oldEnd = oldAddress + oldSize;
        if (isFixed)
        {
            if (CheckFixed(newAddress, newSize, Paging.UserStart) is Errno.EINVAL or Errno.ENOMEM
                || (newAddress < oldEnd && oldAddress < newAddress + newSize))
            {
                return Errno.EINVAL;
            }
        }

        if (isFixed && newAddress < Paging.UserStart)
        {
            return Errno.EPERM;
        }

        int index = _vmas.FindIndex(oldAddress);
        if (index == _vmas.Count || _vmas[index].Start > oldAddress)
        {
            return Errno.EFAULT;
        }

        Vma vma = _vmas[index];
        if (oldSize == 0 && !(vma.IsShared && mayMove))
        {
            // Only a shared mapping can be had a second time.
            return Errno.EINVAL;
        }

        if (keepsOld && vma.Object is not null)
        {
            return Errno.EINVAL;
        }

        if (!isFixed && !keepsOld && newSize <= oldSize && oldSize != 0)
        {
            address = oldAddress;
            return newSize == oldSize ? Errno.None : UnmapRange(oldAddress + newSize, oldEnd);
        }

        if (oldEnd > vma.End)
        {
            return Errno.EFAULT;
        }

        ulong growth = newSize > oldSize ? newSize - oldSize : 0;
        if (vma.Object is not null && growth > 0 && vma.ObjectOffset + (oldAddress - vma.Start) > long.MaxValue - newSize)
        {
            return Errno.EINVAL;
        }

        Errno error = CheckLimits(keepsOld ? newSize : growth, 0, vma.Access, vma.Flags);
        if (error != Errno.None)
        {
            return error;
        }

        if (!isFixed && !keepsOld && oldSize != 0 && oldEnd == vma.End && HasRoomAbove(index, growth))
        {
            vma.End += growth;
            Account(vma, growth);
            MergeAround(index, vma.End);
            PopulateNew(oldEnd, oldAddress + newSize);
            address = oldAddress;
            return Errno.None;
        }

        if (!mayMove)
        {
            return Errno.ENOMEM;
        }

        return Move(oldAddress, oldSize, newSize, isFixed, keepsOld, newAddress, out address);
    }

    private VmaFlags FlagsOfNew => LocksNewMappings ? VmaFlags.Locked : VmaFlags.None;

    /// <param name="lowest">The least address that may be mapped.</param>
    private static Errno CheckFixed(ulong start, ulong length, ulong lowest)
    {
        if ((start & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        if (start > Paging.UserEnd || length > Paging.UserEnd - start)
        {
            return Errno.ENOMEM;
        }

        return start < lowest ? Errno.EPERM : Errno.None;
    }

    /// <summary>Rounds a range that a guest gave to pages.</summary>
    /// <returns>False when it leaves the guest's addresses.</returns>
    private static bool TryGetRange(ulong address, ulong length, out ulong end)
    {
        if (address >= Paging.UserEnd || length > Paging.UserEnd - address)
        {
            end = 0;
            return false;
        }

        end = address + Paging.RoundUp(length);
        return true;
    }

    private Errno CheckLimits(ulong length, ulong replaced, PageAccess access, VmaFlags flags)
    {
        if (Size - replaced + length > SizeLimit
            || (IsData(access, flags) && DataSize + length > DataLimit)
            || _vmas.Count >= MaxVmaCount - 1)
        {
            return Errno.ENOMEM;
        }

        bool needsMemory = (access & PageAccess.Write) != 0 && (flags & VmaFlags.NoReserve) == 0;
        if (needsMemory && length > OvercommitAllowance && length - OvercommitAllowance > (ulong)_frames.TotalCount << Paging.PageShift)
        {
            return Errno.ENOMEM;
        }

        return Errno.None;
    }

    /// <summary>Looks how far access may be changed.</summary>
    /// <param name="end">Cut to what may; the start for nothing.</param>
    private Errno CheckProtect(int index, ulong start, ref ulong end, PageAccess access)
    {
        Errno error = Errno.None;
        ulong position = start;
        ulong newData = 0;
        for (; position < end; index++)
        {
            bool isHole = index == _vmas.Count || _vmas[index].Start > position;
            if (isHole || (access & ~_vmas[index].MaxAccess) != 0)
            {
                error = isHole ? Errno.ENOMEM : Errno.EACCES;
                end = position;
                break;
            }

            Vma vma = _vmas[index];

            ulong bytes = Math.Min(end, vma.End) - position;
            if (IsData(access, vma.Flags) && !IsData(vma.Access, vma.Flags))
            {
                newData += bytes;
            }

            position = vma.End;
        }

        bool exceedsLimit = newData > 0 && DataSize + newData > DataLimit;
        if (exceedsLimit || _vmas.Count >= MaxVmaCount - 1)
        {
            end = start;
            return Errno.ENOMEM;
        }

        return error;
    }

    /// <summary>Whether anything is mapped in [start, end).</summary>
    private bool Overlaps(ulong start, ulong end)
    {
        int index = _vmas.FindIndex(start);
        return index < _vmas.Count && _vmas[index].Start < end;
    }

    private ulong MappedBytes(ulong start, ulong end)
    {
        ulong bytes = 0;
        for (int i = _vmas.FindIndex(start); i < _vmas.Count && _vmas[i].Start < end; i++)
        {
            bytes += Math.Min(end, _vmas[i].End) - Math.Max(start, _vmas[i].Start);
        }

        return bytes;
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

    private void InsertMapping(ulong start, ulong length, in MapRequest request)
    {
        MemoryObject? target = request.Object;
        bool isOwnObject = target is null && (request.Flags & VmaFlags.Shared) != 0;
        if (isOwnObject)
        {
            // Shared anonymous memory is a file without a name (as in shmem).
            PageCache pages = new(_frames);
            pages.Truncate((long)length);
            target = pages;
        }

        bool mayShareFrames = target is not null && (request.Flags & VmaFlags.Shared) == 0;
        ulong offset = target is null ? 0 : isOwnObject ? 0 : request.Offset;
        InsertRange(start, start + length, request.Access, request.MaxAccess, request.Flags | FlagsOfNew, target, offset, mayShareFrames);
        if (isOwnObject)
        {
            target!.Release();
        }
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

    private void ProtectVma(Vma vma, PageAccess access)
    {
        Discount(vma, vma.Length);
        vma.Access = access;
        Account(vma, vma.Length);

        // Pages that others see stay without write access until they are written.
        bool mustKeepReadOnly = vma.MayShareFrames && (access & PageAccess.Write) != 0;
        _pageTable.Protect(vma.Start, vma.End, mustKeepReadOnly ? WithoutWrite(access) : access);
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

    /// <summary>Moves a range that lies in one vma to another place, with its pages.</summary>
    private Errno Move(ulong oldStart, ulong oldSize, ulong newSize, bool isFixed, bool keepsOld, ulong newStart, out ulong address)
    {
        address = 0;
        bool isAtTop = false;
        if (isFixed)
        {
            Errno error = UnmapRange(newStart, newStart + newSize);
            if (error != Errno.None)
            {
                return error;
            }
        }
        else if (!TryFindPlace(0, newSize, MapOptions.None, out newStart, out isAtTop))
        {
            return Errno.ENOMEM;
        }

        // Copy the entries first: that may run out of memory, and can be undone.
        ulong oldEnd = oldStart + oldSize;
        ulong movedEnd = oldStart + Math.Min(oldSize, newSize);
        if (!TryCopyEntries(oldStart, movedEnd, newStart))
        {
            return Errno.ENOMEM;
        }

        Vma vma = _vmas.Find(oldStart)!;
        MemoryObject? target = vma.Object;
        ulong offset = target is null ? 0 : vma.ObjectOffset + (oldStart - vma.Start);
        PageAccess access = vma.Access;
        VmaFlags flags = vma.Flags;
        InsertRange(newStart, newStart + newSize, access, vma.MaxAccess, flags, target, offset, vma.MayShareFrames);
        if (isAtTop)
        {
            _searchTop = newStart;
        }

        // What is left of the old entries are duplicates.
        _pageTable.Unmap(oldStart, movedEnd);
        if (!keepsOld && oldSize != 0)
        {
            RemovePages(movedEnd, oldEnd);
            int index = _vmas.FindIndex(oldStart);
            RemoveVmas(index, oldStart, oldEnd, _vmas[index].Start < oldStart && _vmas[index].End > oldEnd);
        }

        PopulateNew(newStart, newStart + newSize);
        address = newStart;
        return Errno.None;
    }

    /// <summary>Maps the pages of a range at another place as well.</summary>
    private bool TryCopyEntries(ulong start, ulong end, ulong target)
    {
        ulong position = start;
        while (position < end && _pageTable.TryFindMapped(position, end, out ulong page, out PageMapping mapping))
        {
            if (!_pageTable.TryMap(target + (page - start), mapping.Frame, mapping.Access))
            {
                _pageTable.Unmap(target, target + (page - start));
                return false;
            }

            position = page + Paging.PageSize;
        }

        return true;
    }

    /// <summary>Touches a new mapping where that was asked for, or mlockall(2) has it.</summary>
    private void PopulateNew(ulong start, ulong end, bool isWanted = false)
    {
        if (isWanted || PopulatesNewMappings)
        {
            // mmap(2): it is no error when this does not succeed.
            _ = Populate(start, end);
        }
    }
}
