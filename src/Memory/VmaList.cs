using System.Runtime.CompilerServices;
using Semitone.Core;

namespace Semitone.Memory;

/// <summary>The vmas of an address space in order of address, none overlapping another.</summary>
/// <remarks>A sorted array: programs have tens of vmas, at which a binary search beats any tree, and mapping next to
/// a like vma only moves a bound. Vmas that are removed are kept for reuse.</remarks>
internal sealed class VmaList
{
    private const int InitialCapacity = 32;

    /// <summary>Vmas that one call adds at most: mremap(2) can cut a hole where it moves to and one where it comes from.</summary>
    private const int ReserveCount = 3;

    private readonly AddressSpace _space;
    private Vma[] _items = new Vma[InitialCapacity];
    private int _lastFound;
    private Vma? _spare;
    private int _spareCount;

    public VmaList(AddressSpace space)
    {
        _space = space;
    }

    public int Count { get; private set; }

    public Vma this[int index] => _items[index];

    public ReadOnlySpan<Vma> AsSpan() => _items.AsSpan(0, Count);

    /// <summary>Finds the vma that holds an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vma? Find(ulong address)
    {
        int index = FindIndex(address);
        return index < Count && _items[index].Start <= address ? _items[index] : null;
    }

    /// <summary>Finds the first vma that ends above an address: the one that holds it, or the next one up.</summary>
    /// <returns>Its index, or <see cref="Count"/>.</returns>
    public int FindIndex(ulong address)
    {
        // Faults come in runs.
        int last = _lastFound;
        if (last < Count && _items[last].Start <= address && address < _items[last].End)
        {
            return last;
        }

        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_items[middle].End > address)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        _lastFound = low;
        return low;
    }

    /// <summary>
    /// Sees to it that the vmas are there that one call adds. Whoever changes mappings begins with it, and cannot fail in the middle then.
    /// </summary>
    /// <returns>False when the kernel's memory is nearly full.</returns>
    public bool HasRoom() => (_spareCount >= ReserveCount && Count + ReserveCount <= _items.Length) || TryMakeRoom();

    /// <summary>Puts one of the vmas that <see cref="HasRoom"/> has made at an index. The caller fills it in.</summary>
    public Vma Insert(int index)
    {
        Vma vma = _spare ?? throw new InvalidOperationException("No room was made for a vma.");
        _spare = vma.NextMapping;
        _spareCount--;
        vma.NextMapping = null;

        Array.Copy(_items, index, _items, index + 1, Count - index);
        _items[index] = vma;
        Count++;
        return vma;
    }

    /// <summary>Takes the vmas of [first, end) out of the list.</summary>
    public void RemoveRange(int first, int end)
    {
        if (first == end)
        {
            return;
        }

        for (int i = first; i < end; i++)
        {
            Vma vma = _items[i];
            vma.Detach();
            vma.NextMapping = _spare;
            _spare = vma;
            _spareCount++;
        }

        Array.Copy(_items, end, _items, first, Count - end);
        int count = Count - (end - first);
        Array.Clear(_items, count, end - first);
        Count = count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryMakeRoom()
    {
        if (Count + ReserveCount > _items.Length && !KernelHeap.TryResize(ref _items, _items.Length * 2, IntPtr.Size))
        {
            return false;
        }

        while (_spareCount < ReserveCount)
        {
            if (!KernelHeap.HasRoom())
            {
                return false;
            }

            _spare = new Vma(_space) { NextMapping = _spare };
            _spareCount++;
        }

        return true;
    }
}
