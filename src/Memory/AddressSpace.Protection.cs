using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Changing what a mapping allows (mprotect(2)).</content>
public sealed partial class AddressSpace
{
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

    private void ProtectVma(Vma vma, PageAccess access)
    {
        Discount(vma, vma.Length);
        vma.Access = access;
        Account(vma, vma.Length);

        // Pages that others see stay without write access until they are written.
        bool mustKeepReadOnly = vma.MayShareFrames && (access & PageAccess.Write) != 0;
        _pageTable.Protect(vma.Start, vma.End, mustKeepReadOnly ? WithoutWrite(access) : access);
    }
}
