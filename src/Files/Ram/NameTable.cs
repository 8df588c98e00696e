using System.Diagnostics;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>The names in one directory: a hash table in a few arrays, however many files there are.</summary>
/// <remarks>
/// An entry keeps its slot as long as it lives, and slots are what getdents64(2) counts in: entries that come and go do not move the
/// others, as readdir(3) demands. Up to eight names are searched without buckets.
/// An entry may stand for a file whose inode has not been made yet: one of the initrd that nobody has looked at.
/// </remarks>
internal struct NameTable
{
    private const int NoSlot = -1;
    private const int SearchedLength = 8;
    private const int EntrySize = 40;

    private Entry[] _entries;
    private byte[] _names;

    // Slot + 1 of the first entry of each chain; null while the table is small.
    private int[]? _buckets;
    private int _slotCount;
    private int _nameBytes;
    private int _wastedNameBytes;
    private int _firstFree;

    public NameTable()
    {
        _entries = [];
        _names = [];
        _firstFree = NoSlot;
    }

    public struct Entry
    {
        /// <summary>The file; null while it has not been made, or in a free slot.</summary>
        public Inode? Inode;

        /// <summary>Where the initrd describes the file that has not been made.</summary>
        public long Source;
        public uint Hash;

        /// <summary>The next entry of the chain, or the next free slot.</summary>
        public int Next;
        public int NameOffset;
        public byte NameLength;
        public DirentType Type;
    }

    public int Count { get; private set; }

    /// <summary>One more than the highest slot in use.</summary>
    public readonly int SlotCount => _slotCount;

    public readonly ref Entry this[int slot] => ref _entries[slot];

    public readonly bool IsUsed(int slot) => _entries[slot].NameLength != 0;

    public readonly ReadOnlySpan<byte> GetName(int slot)
    {
        ref Entry entry = ref _entries[slot];
        return _names.AsSpan(entry.NameOffset, entry.NameLength);
    }

    /// <summary>Finds a name.</summary>
    /// <returns>Its slot, or -1.</returns>
    public readonly int Find(FileName name)
    {
        if (_buckets is null)
        {
            Entry[] entries = _entries;
            for (int i = 0; i < _slotCount && i < entries.Length; i++)
            {
                if (entries[i].Hash == name.Hash && Matches(ref entries[i], name.Bytes))
                {
                    return i;
                }
            }
            return NoSlot;
        }
        int slot = _buckets[name.Hash & (uint)(_buckets.Length - 1)] - 1;
        while (slot != NoSlot)
        {
            ref Entry entry = ref _entries[slot];
            if (entry.Hash == name.Hash && Matches(ref entry, name.Bytes))
            {
                return slot;
            }
            slot = entry.Next;
        }
        return NoSlot;
    }

    /// <summary>Sees to it that <see cref="Add"/> of a name needs no more memory.</summary>
    /// <returns>False when the kernel has none.</returns>
    public bool TryMakeRoomFor(int nameLength)
    {
        if (_firstFree == NoSlot
            && _slotCount == _entries.Length
            && !KernelHeap.TryResize(ref _entries, Math.Max(4, _slotCount * 2), EntrySize))
        {
            return false;
        }
        if (_nameBytes + nameLength > _names.Length && !TryMoveNames(nameLength))
        {
            return false;
        }
        int slots = Math.Max(_slotCount, _firstFree == NoSlot ? _slotCount + 1 : 0);
        if (slots > SearchedLength && (_buckets is null || slots > _buckets.Length))
        {
            if (!KernelHeap.TryAllocate(_entries.Length * 2, sizeof(int), out int[]? buckets))
            {
                return false;
            }
            Rehash(buckets);
        }
        return true;
    }

    /// <summary>Adds a name that is not there, and for which there is room.</summary>
    /// <returns>Its slot, whose inode or source the caller fills in.</returns>
    public int Add(FileName name, DirentType type)
    {
        Debug.Assert(name.Bytes.Length is > 0 and <= FileLimits.NAME_MAX);
        int slot = _firstFree;
        if (slot != NoSlot)
        {
            _firstFree = _entries[slot].Next;
        }
        else
        {
            slot = _slotCount++;
        }
        ref Entry entry = ref _entries[slot];
        entry.Hash = name.Hash;
        entry.NameOffset = StoreName(name.Bytes);
        entry.NameLength = (byte)name.Bytes.Length;
        entry.Type = type;
        entry.Next = NoSlot;
        Count++;
        if (_buckets is not null)
        {
            LinkIn(slot);
        }
        return slot;
    }

    public void Remove(int slot)
    {
        ref Entry entry = ref _entries[slot];
        if (_buckets is not null)
        {
            Unlink(slot);
        }
        _wastedNameBytes += entry.NameLength;
        entry = default;
        entry.Next = _firstFree;
        _firstFree = slot;
        Count--;
    }

    private readonly bool Matches(ref Entry entry, ReadOnlySpan<byte> name) =>
        entry.NameLength == name.Length && name.SequenceEqual(_names.AsSpan(entry.NameOffset, entry.NameLength));

    /// <summary>Moves the live names together, into an array no longer than the old one where half of that was waste.</summary>
    private bool TryMoveNames(int added)
    {
        long wanted = ((long)_nameBytes - _wastedNameBytes + added) * 3 / 2;
        long length = Math.Max(64, _names.Length);
        while (length < wanted)
        {
            length *= 2;
        }
        if (length > int.MaxValue || !KernelHeap.TryAllocate((int)length, sizeof(byte), out byte[]? names))
        {
            return false;
        }
        int offset = 0;
        for (int i = 0; i < _slotCount; i++)
        {
            ReadOnlySpan<byte> moved = GetName(i);
            moved.CopyTo(names.AsSpan(offset));
            _entries[i].NameOffset = offset;
            offset += moved.Length;
        }
        _names = names;
        _nameBytes = offset;
        _wastedNameBytes = 0;
        return true;
    }

    private int StoreName(ReadOnlySpan<byte> name)
    {
        int start = _nameBytes;
        name.CopyTo(_names.AsSpan(start));
        _nameBytes += name.Length;
        return start;
    }

    private readonly void LinkIn(int slot)
    {
        ref Entry entry = ref _entries[slot];
        ref int bucket = ref _buckets![entry.Hash & (uint)(_buckets.Length - 1)];
        entry.Next = bucket - 1;
        bucket = slot + 1;
    }

    private readonly void Unlink(int slot)
    {
        ref int bucket = ref _buckets![_entries[slot].Hash & (uint)(_buckets.Length - 1)];
        if (bucket - 1 == slot)
        {
            bucket = _entries[slot].Next + 1;
            return;
        }
        int previous = bucket - 1;
        while (_entries[previous].Next != slot)
        {
            previous = _entries[previous].Next;
        }
        _entries[previous].Next = _entries[slot].Next;
    }

    private void Rehash(int[] buckets)
    {
        int free = _firstFree;
        _buckets = buckets;
        for (int i = 0; i < _slotCount; i++)
        {
            if (IsUsed(i))
            {
                LinkIn(i);
            }
        }
        Debug.Assert(free == _firstFree);
    }
}
