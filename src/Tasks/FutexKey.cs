using Semitone.Memory;

namespace Semitone.Tasks;

/// <summary>Which word a futex is (futex(2)): one of an address space, or one of an object that several map.</summary>
/// <param name="Owner">The address space or the memory object.</param>
/// <param name="Offset">The address in the one, the byte in the other.</param>
public readonly record struct FutexKey(object Owner, ulong Offset)
{
    /// <summary>Makes the key of a word in a process's memory.</summary>
    /// <param name="isShared">False when the caller promises that no other process waits there (FUTEX_PRIVATE_FLAG).</param>
    public static FutexKey From(AddressSpace space, ulong address, bool isShared)
    {
        if (isShared && Find(space.Vmas, address) is { IsShared: true, Object: not null } vma)
        {
            return new FutexKey(vma.Object, vma.ObjectOffset + (address - vma.Start));
        }

        return new FutexKey(space, address);
    }

    /// <summary>Finds the vma that holds an address.</summary>
    internal static Vma? Find(ReadOnlySpan<Vma> vmas, ulong address)
    {
        int low = 0;
        int high = vmas.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (vmas[middle].End <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < vmas.Length && vmas[low].Start <= address ? vmas[low] : null;
    }
}
