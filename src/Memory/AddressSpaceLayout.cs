using Semitone.Abi;

namespace Semitone.Memory;

/// <summary>Where stack and mappings of a program begin, both growing downwards, as Linux lays them out.</summary>
/// <param name="StackTop">First address above the stack.</param>
/// <param name="MmapBase">First address above the area of mmap(2).</param>
public readonly record struct AddressSpaceLayout(ulong StackTop, ulong MmapBase)
{
    private const ulong StackRandomPages = 1UL << 22;
    private const ulong MmapRandomPages = 1UL << 28;
    private const ulong MinimumStackGap = 128UL << 20;

    /// <summary>Chooses a layout.</summary>
    /// <param name="entropy">Random bits; 0 gives the same layout each time.</param>
    /// <param name="stackLimit">RLIMIT_STACK: that much is kept free below the stack's top.</param>
    public static AddressSpaceLayout Choose(ulong entropy, ulong stackLimit)
    {
        // 22 bits for the stack and 28 for mappings, as Linux has on x86-64.
        ulong stackShift = (entropy % StackRandomPages) << Paging.PageShift;
        ulong mmapShift = ((entropy >> 32) % MmapRandomPages) << Paging.PageShift;
        ulong maximumStackGap = Paging.RoundDown(Paging.UserEnd / 6 * 5);
        ulong gap = Paging.RoundDown(Math.Clamp(stackLimit, MinimumStackGap, maximumStackGap));
        ulong stackTop = Paging.UserEnd - Paging.PageSize - stackShift;
        ulong spread = (StackRandomPages << Paging.PageShift) + AddressSpace.StackGuardGap;
        ulong mmapTop = Paging.UserEnd - gap - spread;
        return new AddressSpaceLayout(stackTop, mmapTop - Math.Min(mmapShift, mmapTop / 2));
    }
}
