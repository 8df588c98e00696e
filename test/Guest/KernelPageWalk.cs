using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>A page or large page as the kernel's tables map it, with what all levels together allow (Intel SDM Vol. 3A, 4.6).</summary>
internal readonly record struct KernelMapping(
    ulong Address, ulong Physical, ulong Size, bool IsWritable, bool IsExecutable, bool HasUserBit)
{
    public override string ToString() => $"the page at 0x{Address:x} -> 0x{Physical:x}";
}

/// <summary>Walks the kernel's page tables.</summary>
internal static class KernelPageWalk
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;
    private const int TopShift = 39;
    private const int TableLength = 512;

    internal static IEnumerable<KernelMapping> Walk(X64Machine machine) =>
        Walk(machine, machine.KernelRoot, TopShift, new KernelMapping(0, 0, 0, true, true, false));

    internal static ReadOnlySpan<ulong> ReadTable(X64Machine machine, ulong physical) =>
        MemoryMarshal.Cast<byte, ulong>(machine.GetPhysicalPage(physical & AddressMask));

    private static IEnumerable<KernelMapping> Walk(X64Machine machine, ulong table, int shift, KernelMapping above)
    {
        for (int i = 0; i < TableLength; i++)
        {
            ulong entry = ReadTable(machine, table)[i];
            if ((entry & Present) == 0)
            {
                continue;
            }

            ulong address = above.Address | ((ulong)i << shift);
            bool isCanonicalHigh = shift == TopShift && i >= TableLength / 2;
            KernelMapping mapping = above with
            {
                Address = isCanonicalHigh ? address | (ulong.MaxValue << (TopShift + 9)) : address,
                IsWritable = above.IsWritable && (entry & Writable) != 0,
                IsExecutable = above.IsExecutable && (entry & NoExecute) == 0,
                HasUserBit = above.HasUserBit || (entry & User) != 0,
            };
            if (shift == Paging.PageShift || (entry & Large) != 0)
            {
                yield return mapping with { Physical = entry & AddressMask, Size = 1UL << shift };
                continue;
            }

            foreach (KernelMapping below in Walk(machine, entry, shift - 9, mapping))
            {
                yield return below;
            }
        }
    }
}
