namespace Semitone.Abi;

/// <summary>Sizes of the x86-64 page and of a guest's address range.</summary>
public static class Paging
{
    public const int PageShift = 12;
    public const int PageSize = 1 << PageShift;
    public const ulong PageMask = PageSize - 1;

    /// <summary>First address that a guest cannot use.</summary>
    /// <remarks>The last 512 GiB below the canonical hole hold the kernel's own heap, supervisor only.</remarks>
    public const ulong UserEnd = 0x7F80_0000_0000;

    /// <summary>Lowest address that a guest may map (vm.mmap_min_addr).</summary>
    /// <remarks>No machine maps a page below it, for anybody: a null reference in the kernel must fault, and not read what a program put there.</remarks>
    public const ulong UserStart = 0x1_0000;

    /// <summary>Lowest address that a guest may ever map.</summary>
    /// <remarks>Not the first page: a null reference in the kernel is found by the fault there, in whatever address space it happens.
    /// The code that the compiler makes checks references itself where the offset of what it reads is not within half a page.</remarks>
    public const ulong LowestMappable = PageSize;

    public static ulong RoundDown(ulong address) => address & ~PageMask;

    /// <summary>Rounds up to a page boundary; wraps to 0 above the last page.</summary>
    public static ulong RoundUp(ulong address) => unchecked(address + PageMask) & ~PageMask;
}
