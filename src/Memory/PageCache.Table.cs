using System.Diagnostics;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Memory;

/// <content>The sparse table of pages that have frames of their own: leaves of 64 pages, sorted by key; an entry is a frame, or
/// none.</content>
public sealed partial class PageCache
{
    private const int LeafShift = 6;
    private const int LeafSize = 1 << LeafShift;
    private const int LeafMask = LeafSize - 1;

    /// <summary>Bytes of a <see cref="Frame"/>.</summary>
    private const int FrameSize = sizeof(uint);

    private long[] _leafKeys = [];
    private Frame[][] _leaves = [];
    private int _leafCount;

    private bool TryGetFromTable(long page, out Frame frame)
    {
        int leaf = FindLeaf(page >> LeafShift);
        if (leaf >= 0)
        {
            Frame[] entries = _leaves[leaf];
            int slot = (int)page & LeafMask;
            if (slot < entries.Length)
            {
                frame = entries[slot];
                return !frame.IsNone;
            }
        }

        frame = default;
        return false;
    }

    /// <summary>Finds a leaf by key.</summary>
    /// <returns>Its position, or the complement of where it would be.</returns>
    private int FindLeaf(long key)
    {
        // A file without holes has leaf N at position N, less those that the extent spares.
        int low = 0;
        int high = _leafCount - 1;
        if (high >= 0)
        {
            long guess = key - _leafKeys[0];
            if ((ulong)guess <= (ulong)high && _leafKeys[guess] == key)
            {
                return (int)guess;
            }
        }

        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            long found = _leafKeys[middle];
            if (found == key)
            {
                return middle;
            }

            if (found < key)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }

    /// <summary>
    /// Sees to it that the table can take a page in: <see cref="Insert"/>, which comes when there is a frame to be lost, allocates nothing.
    /// </summary>
    private bool TryMakeRoomFor(long page)
    {
        long key = page >> LeafShift;
        int leaf = FindLeaf(key);
        if (leaf < 0)
        {
            if (_leafCount == _leaves.Length)
            {
                int capacity = Math.Max(1, _leafCount * 2);
                if (!KernelHeap.TryResize(ref _leafKeys, capacity, sizeof(long))
                    || !KernelHeap.TryResize(ref _leaves, capacity, IntPtr.Size))
                {
                    return false;
                }
            }

            leaf = ~leaf;
            Array.Copy(_leaves, leaf, _leaves, leaf + 1, _leafCount - leaf);
            Array.Copy(_leafKeys, leaf, _leafKeys, leaf + 1, _leafCount - leaf);
            _leaves[leaf] = [];
            _leafKeys[leaf] = key;
            _leafCount++;
        }

        // Most files are small: 4 entries, then 16, then all 64.
        int slot = (int)page & LeafMask;
        return slot < _leaves[leaf].Length
            || KernelHeap.TryResize(ref _leaves[leaf], slot < 4 ? 4 : slot < 16 ? 16 : LeafSize, FrameSize);
    }

    /// <summary>Enters a page that <see cref="TryMakeRoomFor"/> has made room for.</summary>
    private void Insert(long page, Frame frame)
    {
        int slot = (int)page & LeafMask;
        Frame[] entries = _leaves[FindLeaf(page >> LeafShift)];
        Debug.Assert(entries[slot].IsNone);
        entries[slot] = frame;
        PageCount++;
    }

    /// <summary>Frees the table's pages in [first, end).</summary>
    private void FreePages(long first, long end)
    {
        if (first >= end)
        {
            return;
        }

        int leaf = FindLeaf(first >> LeafShift);
        leaf = leaf < 0 ? ~leaf : leaf;
        int kept = leaf;
        for (; leaf < _leafCount; leaf++)
        {
            long key = _leafKeys[leaf];
            Frame[] entries = _leaves[leaf];
            long basePage = key << LeafShift;
            bool isEmpty = true;
            for (int slot = 0; slot < entries.Length; slot++)
            {
                Frame frame = entries[slot];
                if (frame.IsNone)
                {
                    continue;
                }

                long page = basePage + slot;
                if (page < first || page >= end)
                {
                    isEmpty = false;
                    continue;
                }

                entries[slot] = default;
                PageCount--;
                _frames.Release(frame);
            }

            if (!isEmpty)
            {
                _leaves[kept] = entries;
                _leafKeys[kept] = key;
                kept++;
            }
        }

        Array.Clear(_leaves, kept, _leafCount - kept);
        _leafCount = kept;
    }
}
