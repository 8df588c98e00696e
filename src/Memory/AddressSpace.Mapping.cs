using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Making and removing mappings, and the heap that brk(2) moves.</content>
public sealed partial class AddressSpace
{
    /// <summary>Bytes beyond all of memory that one mapping may still reserve.</summary>
    /// <remarks>Like Linux's heuristic overcommit, only what could never be had is refused: an allocation gone wrong fails at once
    /// instead of killing the program later, while stacks and arenas that stay mostly untouched succeed in a small machine.</remarks>
    private const ulong OvercommitAllowance = 64 << 20;

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
