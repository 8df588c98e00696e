using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>Page faults: demand-zero, copy-on-write, pages of files, growing stacks.</content>
public sealed partial class AddressSpace
{
    /// <summary>
    /// Pages that one fault in a file maps at most: neighbours that the page cache holds cost a table entry now, and a trap later.
    /// </summary>
    private const int FaultAroundPages = 16;

    /// <summary>Pages that one fault in anonymous memory brings in at most, when the guest walks through it upwards.</summary>
    private const int FaultAheadPages = 8;

    private WaitQueue? _lack;

    /// <summary>Whether the last access that failed did so because a page must be fetched, and nobody has asked yet which.</summary>
    public bool HasLack => _lack is not null;

    /// <summary>Takes where to wait after an access that failed because a page must be fetched.</summary>
    public bool TryTakeLack([NotNullWhen(true)] out WaitQueue? queue)
    {
        queue = _lack;
        _lack = null;
        return queue is not null;
    }

    /// <summary>Takes note that an access has failed for another reason.</summary>
    public void ForgetLack() => _lack = null;

    /// <summary>Resolves a fault that the CPU reported.</summary>
    public FaultResult HandleFault(ulong address, PageFaultFlags flags) => HandleFault(
        address,
        (flags & PageFaultFlags.Write) != 0 ? PageAccess.Write
        : (flags & PageFaultFlags.InstructionFetch) != 0 ? PageAccess.Execute
        : PageAccess.Read);

    /// <summary>Makes an address accessible, or says why it cannot be.</summary>
    /// <param name="address">Any address; a guest chose it.</param>
    /// <param name="access">What is wanted: one of Read, Write and Execute.</param>
    public FaultResult HandleFault(ulong address, PageAccess access)
    {
        if (address >= Paging.UserEnd)
        {
            return FaultResult.MapError;
        }

        Vma? vma = _vmas.Find(address) ?? GrowStack(address);
        if (vma is null)
        {
            return FaultResult.MapError;
        }

        if (!Allows(vma.Access, access))
        {
            return FaultResult.AccessError;
        }

        ulong page = Paging.RoundDown(address);
        if (_pageTable.TryGet(page, out PageMapping mapping))
        {
            return Allows(mapping.Access, access) ? FaultResult.Unchanged : RaiseAccess(vma, page, mapping);
        }

        return vma.Object is null ? MapZeroes(vma, page) : MapObjectPage(vma, page, access);
    }

    /// <summary>Whether an access is possible: Write and Execute let a guest read, too.</summary>
    private static bool Allows(PageAccess granted, PageAccess wanted) =>
        wanted == PageAccess.Read ? granted != PageAccess.None : (granted & wanted) != 0;

    /// <summary>Gives a present page the access of its vma; a frame that others see is copied first.</summary>
    private FaultResult RaiseAccess(Vma vma, ulong page, in PageMapping mapping)
    {
        if (vma.IsShared || _frames.IsExclusive(mapping.Frame))
        {
            return _pageTable.TryMap(page, mapping.Frame, vma.Access) ? FaultResult.Resolved : FaultResult.OutOfMemory;
        }

        return _frames.TryAllocateCopy(mapping.Frame, out Frame copy) && TryMapOwn(vma, page, copy)
            ? FaultResult.Resolved
            : FaultResult.OutOfMemory;
    }

    /// <summary>Maps a frame that nobody else has, and leaves it to its entry; without one it is free again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMapOwn(Vma vma, ulong page, Frame frame)
    {
        bool isMapped = _pageTable.TryMap(page, frame, vma.Access);
        _frames.Release(frame);
        return isMapped;
    }

    private FaultResult MapZeroes(Vma vma, ulong page)
    {
        if (!_frames.TryAllocateZeroed(out Frame frame) || !TryMapOwn(vma, page, frame))
        {
            return FaultResult.OutOfMemory;
        }

        ulong next = page + Paging.PageSize;
        if (page == vma.NextSequentialFault && _frames.IsPlentiful)
        {
            next = MapZeroesAhead(vma, next);
        }

        vma.NextSequentialFault = next;
        return FaultResult.Resolved;
    }

    /// <summary>Brings in the pages that a guest who walks upwards touches next. Not when memory is scarce: the caller looks.</summary>
    /// <returns>First page that was not brought in.</returns>
    private ulong MapZeroesAhead(Vma vma, ulong page)
    {
        ulong end = Math.Min(vma.End, page + ((FaultAheadPages - 1) * Paging.PageSize));
        for (; page < end && !_pageTable.TryGet(page, out _); page += Paging.PageSize)
        {
            if (!_frames.TryAllocateZeroed(out Frame frame) || !TryMapOwn(vma, page, frame))
            {
                break;
            }
        }

        return page;
    }

    private FaultResult MapObjectPage(Vma vma, ulong page, PageAccess access)
    {
        MemoryObject target = vma.Object!;
        switch (target.GetPage(vma.GetObjectPage(page), out Frame frame))
        {
            case Errno.None:
                break;
            case Errno.ENOMEM:
                return FaultResult.OutOfMemory;
            case InternalErrno.MustWait:
                _lack = target.Fetches;
                WhenPageIsLacking?.Invoke();
                return FaultResult.MustWait;
            default:
                return FaultResult.BusError;
        }

        if (vma.IsShared)
        {
            return MapCachedPages(vma, page, frame, vma.Access);
        }

        if (access != PageAccess.Write)
        {
            return MapCachedPages(vma, page, frame, WithoutWrite(vma.Access));
        }

        if (!_frames.TryAllocateCopy(frame, out Frame copy) || !TryMapOwn(vma, page, copy))
        {
            return FaultResult.OutOfMemory;
        }

        return FaultResult.Resolved;
    }

    /// <summary>Maps a frame of a page cache, and neighbours that the cache holds.</summary>
    private FaultResult MapCachedPages(Vma vma, ulong page, Frame frame, PageAccess access)
    {
        const ulong Window = FaultAroundPages * Paging.PageSize;
        MemoryObject target = vma.Object!;
        ulong start = Math.Max(vma.Start, page & ~(Window - 1));
        ulong end = Math.Min(vma.End, (page & ~(Window - 1)) + Window);
        long index = vma.GetObjectPage(start);
        long pagesToEnd = PagesOf(target) - index;
        end = Math.Min(end, start + ((ulong)pagesToEnd << Paging.PageShift));

        // Mostly the first fault in a window finds none of it mapped, and no page need be looked up.
        bool isEmpty = !_pageTable.TryFindMapped(start, end, out _, out _);
        if (!_pageTable.TryMap(page, frame, access))
        {
            return FaultResult.OutOfMemory;
        }

        for (ulong neighbour = start; neighbour < end; neighbour += Paging.PageSize, index++)
        {
            if (neighbour == page || !target.TryGetResident(index, out Frame found) || (!isEmpty && _pageTable.TryGet(neighbour, out _)))
            {
                continue;
            }

            if (!_pageTable.TryMap(neighbour, found, access))
            {
                break;
            }
        }

        return FaultResult.Resolved;
    }

    /// <summary>Extends the stack above an address down to it, within its limit and clear of its neighbour.</summary>
    private Vma? GrowStack(ulong address)
    {
        int index = _vmas.FindIndex(address);
        if (index == _vmas.Count || address < Paging.UserStart)
        {
            return null;
        }

        Vma vma = _vmas[index];
        ulong start = Paging.RoundDown(address);
        if ((vma.Flags & VmaFlags.GrowsDown) == 0 || vma.Object is not null || vma.End - start > StackLimit)
        {
            return null;
        }

        Debug.Assert(start < vma.Start);
        if (index > 0)
        {
            Vma below = _vmas[index - 1];
            bool keepsClear = below.Access != PageAccess.None && (below.Flags & VmaFlags.GrowsDown) == 0;
            if (keepsClear && start - below.End < StackGuardGap)
            {
                return null;
            }
        }

        ulong growth = vma.Start - start;
        if (Size + growth > SizeLimit)
        {
            return null;
        }

        vma.Start = start;
        Account(vma, growth);
        return vma;
    }
}
