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
    public const ulong UserStart = 0x1_0000;

    /// <summary>Lowest address that a guest may ever map, whatever it may do: no machine maps a page below it.</summary>
    /// <remarks>
    /// The first page stays empty because a null reference in the kernel must fault there, in whatever address space it happens, and not
    /// read what a program put there. What lies further than half a page from a reference the compiler's code reaches only after a check of
    /// its own (ILCompiler's maxUncheckedOffsetForNullObject, other targets than Windows).
    /// </remarks>
    public const ulong LowestMappable = PageSize;

    public static ulong RoundDown(ulong address) => address & ~PageMask;

    /// <summary>Rounds up to a page boundary; wraps to 0 above the last page.</summary>
    public static ulong RoundUp(ulong address) => unchecked(address + PageMask) & ~PageMask;
}
