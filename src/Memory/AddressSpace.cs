using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>The memory of a process: its vmas, its page table, and what a fault in it means.</summary>
/// <remarks>
/// <para>A page of the page table is there only inside a vma, allows no more than the vma does, and counts as a use of its frame.
/// It allows less where the frame is shared with a page cache or with another process and the vma is private: then writing faults, and
/// copies.</para>
/// <para>One CPU runs the kernel at a time and nothing here waits, so there is no lock yet; one per address space comes with more
/// CPUs.</para>
/// </remarks>
public sealed partial class AddressSpace : IDisposable
{
    /// <summary>Bytes below a stack that other mappings keep clear of.</summary>
    public const ulong StackGuardGap = 256 * Paging.PageSize;

    /// <summary>Bytes of the kernel's heap that a vma takes, nearly.</summary>
    public const int HeapPerVma = 192;

    /// <summary>The most vmas that one address space may have (vm.max_map_count).</summary>
    public const int MaxVmaCount = 65530;

    private readonly IMachine _machine;
    private readonly FramePool _frames;
    private readonly IPageTable _pageTable;
    private readonly VmaList _vmas;
    private byte[]? _scratchPage;

    private AddressSpace(IMachine machine, FramePool frames, IPageTable pageTable, AddressSpaceLayout layout)
    {
        _machine = machine;
        _frames = frames;
        _pageTable = pageTable;
        _vmas = new VmaList(this);
        Layout = layout;
        _searchTop = layout.MmapBase;
        Memory = new UserMemory(this, pageTable);
    }

    public IPageTable PageTable => _pageTable;

    /// <summary>The door to this address space's bytes.</summary>
    public UserMemory Memory { get; }

    public AddressSpaceLayout Layout { get; }

    /// <summary>RLIMIT_AS in bytes.</summary>
    public ulong SizeLimit { get; set; } = ulong.MaxValue;

    /// <summary>RLIMIT_DATA in bytes.</summary>
    public ulong DataLimit { get; set; } = ulong.MaxValue;

    /// <summary>RLIMIT_STACK in bytes.</summary>
    public ulong StackLimit { get; set; } = 8 << 20;

    /// <summary>
    /// What to do when the kernel needed a page of the guest for a system call and there was no frame; the call fails. Null while the
    /// program is being loaded.
    /// </summary>
    public Action? WhenMemoryRunsOut { get; set; }

    /// <summary>
    /// What to do when an access has come to a page that must be fetched: whoever runs waits for it before its program goes on.
    /// </summary>
    public Action? WhenPageIsLacking { get; set; }

    /// <summary>Whether new mappings are locked (mlockall(2), MCL_FUTURE).</summary>
    public bool LocksNewMappings { get; set; }

    /// <summary>Whether locked mappings that are new are touched at once: not with MCL_ONFAULT.</summary>
    public bool PopulatesNewMappings { get; set; }

    /// <summary>Where the heap begins.</summary>
    public ulong BreakStart { get; private set; }

    /// <summary>The end of the heap.</summary>
    public ulong Break { get; private set; }

    /// <summary>Bytes mapped (VmSize).</summary>
    public ulong Size { get; private set; }

    /// <summary>Bytes of private writable mappings that are no stack (VmData).</summary>
    public ulong DataSize { get; private set; }

    /// <summary>Pages present (VmRSS).</summary>
    public long ResidentPageCount => _pageTable.MappedCount;

    public int VmaCount => _vmas.Count;

    /// <summary>The vmas in order of address, for /proc/PID/maps.</summary>
    public ReadOnlySpan<Vma> Vmas => _vmas.AsSpan();

    /// <summary>A page of kernel memory for slow paths (execve).</summary>
    internal byte[] ScratchPage => _scratchPage ??= new byte[Paging.PageSize];

    /// <summary>Makes an empty address space.</summary>
    /// <returns>False when memory has run out.</returns>
    public static bool TryCreate(IMachine machine, FramePool frames, AddressSpaceLayout layout, [NotNullWhen(true)] out AddressSpace? space)
    {
        if (!machine.TryCreatePageTable(out IPageTable? pageTable))
        {
            space = null;
            return false;
        }

        try
        {
            space = new AddressSpace(machine, frames, pageTable, layout);
            return true;
        }
        catch (OutOfMemoryException)
        {
            pageTable.Dispose();
            space = null;
            return false;
        }
    }

    /// <summary>Finds the vma that holds an address; null when nothing is mapped there.</summary>
    public Vma? FindVma(ulong address) => _vmas.Find(address);

    /// <summary>Whether a vma is the heap's, as /proc/PID/maps names it.</summary>
    public bool IsHeap(Vma vma) => vma.Object is null && vma.Start < Break && vma.End > BreakStart;

    /// <summary>Whether a vma is the main thread's stack, as /proc/PID/maps names it.</summary>
    public bool IsStack(Vma vma) => vma.Start < Layout.StackTop && Layout.StackTop <= vma.End;

    /// <summary>Tells which word a futex address means.</summary>
    /// <param name="address">A mapped address.</param>
    /// <param name="isPrivate">The caller says that only this process uses the word (FUTEX_PRIVATE_FLAG): no lookup.</param>
    /// <param name="key">The word.</param>
    /// <param name="isChanged">Whether the call may write the word.</param>
    /// <returns>False is EFAULT: a word that others may see is found by its page, which must be one that the program could touch
    /// itself.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetFutexKey(ulong address, bool isPrivate, out FutexKey key, bool isChanged = false)
    {
        if (!isPrivate)
        {
            return TryGetSharedFutexKey(address, isChanged ? PageAccess.Write : PageAccess.Read, out key);
        }

        key = new FutexKey(this, address);
        return address < Paging.UserEnd;
    }

    private bool TryGetSharedFutexKey(ulong address, PageAccess access, out FutexKey key)
    {
        key = new FutexKey(this, address);
        Vma? vma = _vmas.Find(address);
        if (vma is null || !Allows(vma.Access, access))
        {
            return false;
        }

        if (vma.Object is null)
        {
            // Memory of this process alone that is never written changes for nobody (futex(2), EFAULT).
            return (vma.Access & PageAccess.Write) != 0;
        }

        if (vma.IsShared)
        {
            key = new FutexKey(vma.Object, vma.ObjectOffset + (address - vma.Start));
        }

        // A mapping may be longer than its file.
        return vma.GetObjectPage(address) < PagesOf(vma.Object);
    }

    /// <summary>Copies the address space for fork(2). Private pages are shared, without write access, until one side writes.</summary>
    /// <returns>False when memory has run out; nothing has changed then, but that pages of this address space may have lost write access
    /// until they are next written.</returns>
    public bool TryClone([NotNullWhen(true)] out AddressSpace? copy)
    {
        if (!TryCreate(_machine, _frames, Layout, out copy))
        {
            return false;
        }

        bool isDone = false;
        try
        {
            isDone = TryCopyTo(copy);
            return isDone;
        }
        finally
        {
            if (!isDone)
            {
                copy.Dispose();
                copy = null;
            }
        }
    }

    private bool TryCopyTo(AddressSpace copy)
    {
        copy.SizeLimit = SizeLimit;
        copy.DataLimit = DataLimit;
        copy.StackLimit = StackLimit;
        copy.BreakStart = BreakStart;
        copy.Break = Break;
        for (int i = 0; i < _vmas.Count; i++)
        {
            Vma vma = _vmas[i];
            if ((vma.Flags & VmaFlags.DontFork) != 0)
            {
                continue;
            }

            if (!copy._vmas.HasRoom())
            {
                return false;
            }

            vma.MayShareFrames |= !vma.IsShared;
            Vma twin = copy._vmas.Insert(copy._vmas.Count);
            twin.Start = vma.Start;
            twin.End = vma.End;
            CopyAttributes(vma, twin, vma.ObjectOffset);

            // Locks are not inherited (mlock(2), "Notes").
            twin.Flags &= ~VmaFlags.Locked;
            copy.Account(twin, twin.Length);

            // Pages of shared mappings are found again by faulting.
            if (vma.IsShared || (vma.Flags & VmaFlags.WipeOnFork) != 0)
            {
                continue;
            }

            if ((vma.Access & PageAccess.Write) != 0)
            {
                _pageTable.WriteProtect(vma.Start, vma.End);
            }

            if (!TrySharePages(vma, copy))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>How many processes live in it: more than one after vfork(2) and clone(2) with CLONE_VM.</summary>
    public int UserCount { get; private set; } = 1;

    /// <summary>Lets one more process live in it.</summary>
    public void Share() => UserCount++;

    /// <summary>Ends a process's use; the last one frees it.</summary>
    public void Leave()
    {
        if (--UserCount == 0)
        {
            Dispose();
        }
    }

    /// <summary>Unmaps everything and frees the page table. No thread may run in it any more.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _vmas.Count; i++)
        {
            RemovePages(_vmas[i].Start, _vmas[i].End);
        }

        _vmas.RemoveRange(0, _vmas.Count);
        Size = 0;
        DataSize = 0;
        _pageTable.Dispose();
    }

    /// <summary>Takes pages of an object out of a vma that maps it: the file was truncated, or has a new hole.</summary>
    internal void DropObjectPages(Vma vma, long firstPage, long endPage, bool privateCopiesToo)
    {
        long vmaFirst = (long)(vma.ObjectOffset >> Paging.PageShift);
        long vmaEnd = vmaFirst + (long)(vma.Length >> Paging.PageShift);
        firstPage = Math.Max(firstPage, vmaFirst);
        endPage = Math.Min(endPage, vmaEnd);
        if (firstPage >= endPage)
        {
            return;
        }

        ulong start = vma.Start + ((ulong)(firstPage - vmaFirst) << Paging.PageShift);
        ulong end = vma.Start + ((ulong)(endPage - vmaFirst) << Paging.PageShift);
        if (vma.IsShared || privateCopiesToo)
        {
            RemovePages(start, end);
            return;
        }

        while (start < end && _pageTable.TryFindMapped(start, end, out ulong page, out PageMapping mapping))
        {
            start = page + Paging.PageSize;
            if (vma.Object!.TryGetResident(vma.GetObjectPage(page), out Frame frame) && frame == mapping.Frame)
            {
                RemovePages(page, start);
            }
        }
    }

    /// <summary>The access that lets a guest do all but write.</summary>
    private static PageAccess WithoutWrite(PageAccess access) =>
        access == PageAccess.None ? PageAccess.None : (access & ~PageAccess.Write) | PageAccess.Read;

    private static void CopyAttributes(Vma from, Vma to, ulong objectOffset)
    {
        to.Access = from.Access;
        to.MaxAccess = from.MaxAccess;
        to.Flags = from.Flags;
        to.MayShareFrames = from.MayShareFrames;
        to.NextSequentialFault = 0;
        to.ObjectOffset = 0;
        if (from.Object is not null)
        {
            to.Attach(from.Object, objectOffset);
        }
    }

    /// <summary>Maps the pages of a vma in another address space too, without write access.</summary>
    private bool TrySharePages(Vma vma, AddressSpace other)
    {
        ulong start = vma.Start;
        while (start < vma.End && _pageTable.TryFindMapped(start, vma.End, out ulong page, out PageMapping mapping))
        {
            if (!other._pageTable.TryMap(page, mapping.Frame, WithoutWrite(mapping.Access)))
            {
                return false;
            }

            start = page + Paging.PageSize;
        }

        return true;
    }

    /// <summary>Removes the pages of a range.</summary>
    private void RemovePages(ulong start, ulong end) => _pageTable.Unmap(start, end);

    /// <summary>Counts bytes of a vma that came.</summary>
    private void Account(Vma vma, ulong bytes)
    {
        Size += bytes;
        if (IsData(vma.Access, vma.Flags))
        {
            DataSize += bytes;
        }
    }

    /// <summary>Counts bytes of a vma that went.</summary>
    private void Discount(Vma vma, ulong bytes)
    {
        Size -= bytes;
        if (IsData(vma.Access, vma.Flags))
        {
            DataSize -= bytes;
        }
    }

    private static bool IsData(PageAccess access, VmaFlags flags) =>
        (access & PageAccess.Write) != 0 && (flags & (VmaFlags.Shared | VmaFlags.GrowsDown)) == 0;
}
