using System.Diagnostics.CodeAnalysis;

namespace Semitone.Core;

/// <summary>Numbers from 1 on, each given to one object: process and thread ids, timers.</summary>
/// <remarks>
/// A number that was freed is not given again before all others of the table were, so that a stale one rarely names somebody else.
/// </remarks>
public sealed class IdTable<T>
    where T : class
{
    private readonly int _limit;
    private T?[] _entries = new T?[16];
    private int _last;

    /// <param name="limit">One more than the greatest number to give.</param>
    public IdTable(int limit)
    {
        _limit = limit;
    }

    public int Count { get; private set; }

    /// <summary>Gives an object the next free number.</summary>
    /// <returns>False when all are taken, or the kernel's heap has no room for more.</returns>
    public bool TryAdd(T item, out int id)
    {
        // Growing at half full keeps the search short.
        if (Count >= _entries.Length / 2 && _entries.Length < _limit)
        {
            // Without room it goes on with what there is.
            _ = KernelHeap.TryResize(ref _entries, Math.Min(_entries.Length * 2, _limit), IntPtr.Size);
        }

        for (int i = 1; i < _entries.Length; i++)
        {
            id = ((_last + i - 1) % (_entries.Length - 1)) + 1;
            if (_entries[id] is null)
            {
                _entries[id] = item;
                _last = id;
                Count++;
                return true;
            }
        }

        id = 0;
        return false;
    }

    /// <summary>Gives an object a number of the caller's choice.</summary>
    /// <returns>False when it is taken, or the kernel's heap has no room for a table that long.</returns>
    public bool TryAddAt(T item, int id)
    {
        if (id <= 0 || id >= _limit)
        {
            return false;
        }

        if (id >= _entries.Length)
        {
            int length = (int)Math.Min(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)id + 1), (uint)_limit);
            if (!KernelHeap.TryResize(ref _entries, length, IntPtr.Size))
            {
                return false;
            }
        }

        if (_entries[id] is not null)
        {
            return false;
        }

        _entries[id] = item;
        Count++;
        return true;
    }

    public bool TryGet(int id, [NotNullWhen(true)] out T? item)
    {
        item = (uint)id < (uint)_entries.Length ? _entries[id] : null;
        return item is not null;
    }

    /// <summary>Puts another object in a number's place.</summary>
    public void Replace(int id, T item) => _entries[id] = item;

    public void Remove(int id)
    {
        _entries[id] = null;
        Count--;
    }

    /// <summary>Finds the first object with a number from <paramref name="id"/> on.</summary>
    [NonAllocating]
    public bool TryGetNext(int id, out int found, [NotNullWhen(true)] out T? item)
    {
        for (found = Math.Max(id, 0); found < _entries.Length; found++)
        {
            item = _entries[found];
            if (item is not null)
            {
                return true;
            }
        }

        item = null;
        return false;
    }
}
