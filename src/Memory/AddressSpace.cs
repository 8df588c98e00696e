using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Memory;

/// <summary>What mremap(2) may do besides resizing in place.</summary>
[Flags]
public enum RemapOptions
{
    None = 0,
    MayMove = 1,
    Fixed = 2,
    DontUnmap = 4,
}

/// <summary>The memory of a process: its vmas, its page table, and what a fault in it means.</summary>
/// <remarks>One CPU runs the kernel at a time and nothing here waits, so there is no lock yet; one per address space comes with more CPUs.</remarks>
public sealed class AddressSpace : IDisposable
{
    /// <summary>Bytes below a stack that other mappings keep clear of.</summary>
    public const ulong StackGuardGap = 256 * Paging.PageSize;

    /// <summary>The most vmas that one address space may have (vm.max_map_count).</summary>
    public const int MaxVmaCount = 65530;

    internal byte[] ScratchPage => throw new NotImplementedException();

    public static bool TryCreate(IMachine machine, FramePool frames, AddressSpaceLayout layout, [NotNullWhen(true)] out AddressSpace? space) => throw new NotImplementedException();

    public IPageTable PageTable => throw new NotImplementedException();

    /// <summary>The door to this address space's bytes.</summary>
    public UserMemory Memory => throw new NotImplementedException();

    public AddressSpaceLayout Layout => throw new NotImplementedException();

    /// <summary>RLIMIT_AS in bytes.</summary>
    public ulong SizeLimit { get; set; } = ulong.MaxValue;

    /// <summary>RLIMIT_DATA in bytes.</summary>
    public ulong DataLimit { get; set; } = ulong.MaxValue;

    /// <summary>RLIMIT_STACK in bytes.</summary>
    public ulong StackLimit { get; set; } = 8 << 20;

    /// <summary>Where the heap begins; set by exec before the program runs.</summary>
    public ulong BreakStart { get; }

    /// <summary>The end of the heap.</summary>
    public ulong Break { get; }

    /// <summary>Bytes mapped.</summary>
    public ulong Size { get; }

    /// <summary>Pages present.</summary>
    public long ResidentPageCount { get; }

    public int VmaCount => 0;

    /// <summary>The vmas in order of address, for /proc/PID/maps.</summary>
    public ReadOnlySpan<Vma> Vmas => throw new NotImplementedException();

    public void SetBreakStart(ulong address) => throw new NotImplementedException();

    /// <summary>brk(2) as the kernel has it: the new break, or the old one when it cannot be moved.</summary>
    public ulong SetBreak(ulong address) => throw new NotImplementedException();

    public Errno Map(in MapRequest request, out ulong address) => throw new NotImplementedException();

    public Errno Unmap(ulong address, ulong length) => throw new NotImplementedException();

    public Errno Protect(ulong address, ulong length, PageAccess access) => throw new NotImplementedException();

    public Errno Remap(ulong oldAddress, ulong oldLength, ulong newLength, RemapOptions options, ulong newAddress, out ulong address) => throw new NotImplementedException();

    public FaultResult HandleFault(ulong address, PageFaultFlags flags) => throw new NotImplementedException();

    /// <summary>Resolves a fault.</summary>
    /// <param name="access">One of Read, Write and Execute.</param>
    public FaultResult HandleFault(ulong address, PageAccess access) => throw new NotImplementedException();

    /// <summary>Copies the address space for fork(2), copy-on-write.</summary>
    public bool TryClone([NotNullWhen(true)] out AddressSpace? copy) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();

    internal void DropObjectPages(Vma vma, long firstPage, long endPage, bool privateCopiesToo) => throw new NotImplementedException();
}
