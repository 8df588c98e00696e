using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>What programs ask about and advise on their mappings.</content>
public sealed partial class AddressSpace
{
    /// <summary>Whether every page of a range lies in some vma.</summary>
    public bool IsMapped(ulong address, ulong length)
    {
        if (!TryGetRange(address, length, out ulong end))
        {
            return false;
        }

        ulong position = address;
        for (int i = _vmas.FindIndex(address); position < end; i++)
        {
            if (i == _vmas.Count || _vmas[i].Start > position)
            {
                return false;
            }

            position = _vmas[i].End;
        }

        return true;
    }

    /// <summary>Whether touching a page would cost no more than a table entry (mincore(2)).</summary>
    public bool IsResident(ulong address)
    {
        ulong page = Paging.RoundDown(address);
        Vma? vma = _vmas.Find(page);
        if (vma is null)
        {
            return false;
        }

        return _pageTable.TryGet(page, out _)
            || (vma.Object is not null
                && vma.GetObjectPage(page) < PagesOf(vma.Object)
                && vma.Object.TryGetResident(vma.GetObjectPage(page), out _));
    }

    /// <summary>Brings the pages of a range in, as by touching them; private writable ones as by writing.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">First byte after it.</param>
    /// <param name="access">What to touch for; <see cref="PageAccess.None"/> for what each vma is good for.</param>
    /// <returns>None; ENOMEM where nothing is mapped or memory ran out, EFAULT beyond the end of a file or where access is not
    /// allowed.</returns>
    public Errno Populate(ulong start, ulong end, PageAccess access = PageAccess.None)
    {
        Errno result = Errno.None;
        ulong page = Paging.RoundDown(start);
        while (page < end)
        {
            Vma? vma = _vmas.Find(page);
            if (vma is null)
            {
                return Errno.ENOMEM;
            }

            PageAccess wanted = access != PageAccess.None ? access
                : !vma.IsShared && (vma.Access & PageAccess.Write) != 0 ? PageAccess.Write
                : PageAccess.Read;
            for (ulong vmaEnd = Math.Min(end, vma.End); page < vmaEnd; page += Paging.PageSize)
            {
                FaultResult fault = HandleFault(page, wanted);
                if (fault == FaultResult.OutOfMemory)
                {
                    return Errno.ENOMEM;
                }

                if (fault is not (FaultResult.Resolved or FaultResult.Unchanged))
                {
                    result = Errno.EFAULT;
                    break;
                }
            }

            page = Math.Max(page, Math.Min(end, vma.End));
        }

        return result;
    }

    /// <summary>Bytes that are locked (VmLck).</summary>
    public ulong LockedSize => CountLocked(0, Paging.UserEnd);

    /// <summary>Counts the locked bytes of a range.</summary>
    public ulong CountLocked(ulong start, ulong end)
    {
        ulong bytes = 0;
        for (int i = _vmas.FindIndex(start); i < _vmas.Count && _vmas[i].Start < end; i++)
        {
            Vma vma = _vmas[i];
            bytes += (vma.Flags & VmaFlags.Locked) != 0 ? Math.Min(end, vma.End) - Math.Max(start, vma.Start) : 0;
        }

        return bytes;
    }

    /// <summary>Whether any of a range is locked.</summary>
    public bool HasLocked(ulong start, ulong length) => TryGetRange(start, length, out ulong end) && CountLocked(start, end) != 0;

    /// <summary>Locks what is mapped in a range of pages, or unlocks it (mlock(2)). Brings no pages in.</summary>
    /// <returns>None, or ENOMEM where a vma would have to be split and there are too many.</returns>
    public Errno SetLocked(ulong start, ulong end, bool isLocked)
    {
        for (int index = _vmas.FindIndex(start); index < _vmas.Count && _vmas[index].Start < end; index++)
        {
            VmaFlags flags = _vmas[index].Flags;
            Errno error = ChangeFlags(ref index, start, end, isLocked ? flags | VmaFlags.Locked : flags & ~VmaFlags.Locked);
            if (error != Errno.None)
            {
                return error;
            }
        }

        MergeAround(_vmas.FindIndex(start), end);
        return Errno.None;
    }

    /// <summary>Brings in every page that can be had (mlockall(2), MCL_CURRENT).</summary>
    public void PopulateAll()
    {
        for (int i = 0; i < _vmas.Count; i++)
        {
            _ = Populate(_vmas[i].Start, _vmas[i].End);
        }
    }

    /// <summary>Takes advice (madvise(2)).</summary>
    /// <returns>None; EINVAL, ENOMEM where parts are not mapped (the rest is done), EFAULT, EPERM.</returns>
    public Errno Advise(ulong address, ulong length, MadviseAdvice advice)
    {
        if (!IsKnown(advice) || (address & Paging.PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        ulong size = Paging.RoundUp(length);
        if ((size == 0 && length != 0) || address + size < address)
        {
            return Errno.EINVAL;
        }

        if (size == 0)
        {
            return Errno.None;
        }

        if (!TryGetRange(address, size, out ulong end))
        {
            return Errno.ENOMEM;
        }

        switch (advice)
        {
            case MadviseAdvice.MADV_HWPOISON:
            case MadviseAdvice.MADV_SOFT_OFFLINE:
                return Errno.EPERM;
            case MadviseAdvice.MADV_POPULATE_READ:
                return Populate(address, end, PageAccess.Read);
            case MadviseAdvice.MADV_POPULATE_WRITE:
                return Populate(address, end, PageAccess.Write);
        }

        Errno result = Errno.None;
        ulong position = address;
        int index = _vmas.FindIndex(address);
        for (; index < _vmas.Count && _vmas[index].Start < end; index++)
        {
            if (_vmas[index].Start > position)
            {
                result = Errno.ENOMEM;
            }

            Errno error = AdviseVma(ref index, address, end, advice);
            if (error != Errno.None)
            {
                return error;
            }

            position = _vmas[index].End;
        }

        MergeAround(_vmas.FindIndex(address), end);
        return position < end ? Errno.ENOMEM : result;
    }

    private static long PagesOf(MemoryObject target) =>
        (target.Length >> Paging.PageShift) + ((target.Length & (long)Paging.PageMask) != 0 ? 1 : 0);

    private static bool IsKnown(MadviseAdvice advice) => advice
        is <= MadviseAdvice.MADV_DONTNEED
        or (>= MadviseAdvice.MADV_FREE and <= MadviseAdvice.MADV_COLLAPSE)
        or MadviseAdvice.MADV_HWPOISON
        or MadviseAdvice.MADV_SOFT_OFFLINE;

    private Errno AdviseVma(ref int index, ulong start, ulong end, MadviseAdvice advice)
    {
        Vma vma = _vmas[index];
        ulong from = Math.Max(start, vma.Start);
        ulong to = Math.Min(end, vma.End);
        bool drops = advice is MadviseAdvice.MADV_FREE or MadviseAdvice.MADV_DONTNEED or MadviseAdvice.MADV_REMOVE
            or MadviseAdvice.MADV_COLD or MadviseAdvice.MADV_PAGEOUT;
        if (drops && (vma.Flags & VmaFlags.Locked) != 0)
        {
            return Errno.EINVAL;
        }

        switch (advice)
        {
            case MadviseAdvice.MADV_FREE when vma.Object is not null:
                return Errno.EINVAL;

            // MADV_FREE lets the kernel choose when; now is as good as later.
            case MadviseAdvice.MADV_FREE:
            case MadviseAdvice.MADV_DONTNEED:
            case MadviseAdvice.MADV_DONTNEED_LOCKED:
                RemovePages(from, to);
                return Errno.None;
            case MadviseAdvice.MADV_REMOVE:
                if (!vma.IsShared || vma.Object is null)
                {
                    return Errno.EINVAL;
                }

                return (vma.MaxAccess & PageAccess.Write) == 0
                    ? Errno.EACCES
                    : vma.Object.PunchHole((long)(vma.ObjectOffset + (from - vma.Start)), (long)(to - from));
            case MadviseAdvice.MADV_DONTFORK:
                return ChangeFlags(ref index, start, end, vma.Flags | VmaFlags.DontFork);
            case MadviseAdvice.MADV_DOFORK:
                return ChangeFlags(ref index, start, end, vma.Flags & ~VmaFlags.DontFork);
            case MadviseAdvice.MADV_WIPEONFORK:
                return vma.Object is not null || vma.IsShared
                    ? Errno.EINVAL
                    : ChangeFlags(ref index, start, end, vma.Flags | VmaFlags.WipeOnFork);
            case MadviseAdvice.MADV_KEEPONFORK:
                return ChangeFlags(ref index, start, end, vma.Flags & ~VmaFlags.WipeOnFork);
            default:
                // Read-ahead, huge pages, merging, core dumps, swapping: there is none of it, so advice on it is followed.
                return Errno.None;
        }
    }

    private Errno ChangeFlags(ref int index, ulong start, ulong end, VmaFlags flags)
    {
        if (_vmas[index].Flags == flags)
        {
            return Errno.None;
        }

        if (_vmas.Count >= MaxVmaCount - 1 || !_vmas.HasRoom())
        {
            return Errno.ENOMEM;
        }

        index = Isolate(index, start, end);
        _vmas[index].Flags = flags;
        return Errno.None;
    }
}
