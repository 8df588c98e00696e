using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Moving and resizing mappings (mremap(2)).</content>
public sealed partial class AddressSpace
{
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
}
