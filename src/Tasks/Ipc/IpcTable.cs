using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Tasks;

/// <summary>What tables of System V IPC have in common.</summary>
public static class IpcTable
{
    /// <summary>Bits of an id that say where the object stands; those above change when a place is used anew.</summary>
    public const int IndexBits = 15;

    /// <summary>How many times places are used anew before ids come again.</summary>
    internal const int SequenceLimit = int.MaxValue >> IndexBits;
}

/// <summary>The objects of one kind of System V IPC, by their ids and keys.</summary>
/// <param name="limit">Objects that there may be.</param>
public sealed class IpcTable<T>(int limit)
    where T : IpcObject
{
    /// <summary>Places that are gone through before one is used anew.</summary>
    private const int LeastCycle = 64;

    private IpcObject?[] _entries = [];
    private int _last = -1;
    private int _sequence;

    public int Count { get; private set; }

    public int Limit { get; } = limit;

    /// <summary>The greatest index in use; -1 when there is none.</summary>
    public int HighestIndex
    {
        get
        {
            int index = _entries.Length - 1;
            while (index >= 0 && _entries[index] is null)
            {
                index--;
            }

            return index;
        }
    }

    /// <summary>Gets the object at a place; null where there is none.</summary>
    public T? this[int index] => (uint)index < (uint)_entries.Length ? (T?)_entries[index] : null;

    /// <summary>Finds an object by its id.</summary>
    public bool TryGet(int id, [NotNullWhen(true)] out T? item)
    {
        int index = id & ((1 << IpcTable.IndexBits) - 1);
        IpcObject? found = id >= 0 && index < _entries.Length ? _entries[index] : null;
        item = found?.Id == id ? (T)found : null;
        return item is not null;
    }

    /// <summary>Finds an object by its key, which is not IPC_PRIVATE.</summary>
    public bool TryFind(int key, [NotNullWhen(true)] out T? item)
    {
        item = null;
        for (int i = 0; i < _entries.Length && item is null; i++)
        {
            item = _entries[i] is { } entry && entry.Key == key ? (T)entry : null;
        }

        return item is not null;
    }

    /// <summary>Sees to it that <see cref="Add"/> succeeds.</summary>
    /// <returns>None; ENOSPC when there are too many, ENOMEM.</returns>
    public Errno Reserve()
    {
        if (Count >= Limit)
        {
            return Errno.ENOSPC;
        }

        int length = GetCycle(Count + 1);
        return KernelHeap.HasRoom() && (_entries.Length >= length || KernelHeap.TryResize(ref _entries, length, IntPtr.Size))
            ? Errno.None
            : Errno.ENOMEM;
    }

    /// <summary>Gives an object an id. There is room for it.</summary>
    public void Add(T item)
    {
        IpcObject added = item;
        Count++;
        int cycle = GetCycle(Count);
        int index = _last + 1;
        while (index >= cycle || _entries[index] is not null)
        {
            index = index >= cycle ? 0 : index + 1;
        }

        if (index <= _last)
        {
            _sequence = _sequence >= IpcTable.SequenceLimit ? 0 : _sequence + 1;
        }

        _last = index;
        _entries[index] = added;
        added.Id = (_sequence << IpcTable.IndexBits) + index;
    }

    /// <summary>Takes an object out. Nothing is allocated: it may be the end of a process that does so.</summary>
    /// <param name="item">One that is in the table.</param>
    internal void Remove(IpcObject item)
    {
        _entries[item.Id & ((1 << IpcTable.IndexBits) - 1)] = null;
        Count--;
        item.OnRemoved();
    }

    private int GetCycle(int count) => Math.Min(Math.Max(LeastCycle, count * 3 / 2), Limit);
}
