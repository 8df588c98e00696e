using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>The events of an inotify instance that nobody has read yet.</summary>
internal struct InotifyQueue
{
    private const int InitialLength = 16;
    private const int EntrySize = 40;

    private Entry[] _entries;
    private int _first;
    private bool _hasOverflow;

    public InotifyQueue()
    {
        _entries = new Entry[InitialLength];
    }

    public int Count { get; private set; }

    /// <summary>Bytes that reading all of them would give.</summary>
    public long Bytes { get; private set; }

    public readonly ref Entry First => ref _entries[_first];

    /// <summary>Adds an event, unless it is the last one over again. One that has no room is lost, and an event tells of that.</summary>
    /// <param name="limit">Events that there may be.</param>
    /// <returns>False when nothing was added.</returns>
    public bool TryAdd(int descriptor, InotifyMask mask, uint cookie, ReadOnlySpan<byte> name, int limit)
    {
        if (Count < limit && IsLast(descriptor, mask, name))
        {
            return false;
        }

        // One place is always left for what tells of the loss.
        byte[]? copy = null;
        bool hasRoom = Count < limit
            && (Count + 1 < _entries.Length || TryGrow())
            && (name.IsEmpty || KernelHeap.TryAllocate(name.Length, sizeof(byte), out copy) && KernelHeap.HasRoom());
        if (!hasRoom)
        {
            if (_hasOverflow)
            {
                return false;
            }

            _hasOverflow = true;
            Append(new Entry { Descriptor = -1, Mask = InotifyMask.IN_Q_OVERFLOW });
            return true;
        }

        name.CopyTo(copy);
        Append(new Entry { Descriptor = descriptor, Mask = mask, Cookie = cookie, Name = copy });
        return true;
    }

    public void RemoveFirst()
    {
        ref Entry entry = ref _entries[_first];
        Bytes -= entry.Size;
        _hasOverflow &= (entry.Mask & InotifyMask.IN_Q_OVERFLOW) == 0;
        entry = default;
        _first = (_first + 1) & (_entries.Length - 1);
        Count--;
    }

    private readonly bool IsLast(int descriptor, InotifyMask mask, ReadOnlySpan<byte> name)
    {
        if (Count == 0)
        {
            return false;
        }

        ref Entry last = ref _entries[(_first + Count - 1) & (_entries.Length - 1)];
        return last.Descriptor == descriptor && last.Mask == mask && name.SequenceEqual(last.Name);
    }

    private void Append(in Entry entry)
    {
        _entries[(_first + Count) & (_entries.Length - 1)] = entry;
        Count++;
        Bytes += entry.Size;
    }

    private bool TryGrow()
    {
        if (!KernelHeap.TryAllocate(_entries.Length * 2, EntrySize, out Entry[]? longer))
        {
            return false;
        }

        for (int i = 0; i < Count; i++)
        {
            longer[i] = _entries[(_first + i) & (_entries.Length - 1)];
        }

        _entries = longer;
        _first = 0;
        return true;
    }

    public struct Entry
    {
        private const int HeaderSize = 16;

        public int Descriptor;
        public InotifyMask Mask;
        public uint Cookie;
        public byte[]? Name;

        /// <summary>Bytes of the name with the NULs behind it; 0 where there is none.</summary>
        public readonly int NameSize => Name is null ? 0 : (Name.Length + HeaderSize) & ~(HeaderSize - 1);

        public readonly int Size => HeaderSize + NameSize;
    }
}
