using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Bytes under way between the two ends of a pseudo-terminal: a ring that never grows.</summary>
/// <param name="capacity">A power of two.</param>
internal sealed class ByteRing(int capacity)
{
    private readonly byte[] _bytes = new byte[capacity];
    private int _start;

    public int Count { get; private set; }

    public int Room => _bytes.Length - Count;

    /// <summary>Adds as many bytes as there is room for.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes[..Math.Min(bytes.Length, Room)];
        int end = (_start + Count) & (_bytes.Length - 1);
        int first = Math.Min(bytes.Length, _bytes.Length - end);
        bytes[..first].CopyTo(_bytes.AsSpan(end));
        bytes[first..].CopyTo(_bytes);
        Count += bytes.Length;
    }

    /// <summary>Adds what a transfer brings, as far as there is room.</summary>
    public void Fill(ref IoCursor source)
    {
        while (Room != 0 && source.Remaining != 0)
        {
            int end = (_start + Count) & (_bytes.Length - 1);
            int moved = source.Read(_bytes.AsSpan(end, Math.Min(Room, _bytes.Length - end)));
            if (moved == 0)
            {
                return;
            }

            Count += moved;
        }
    }

    /// <summary>Moves bytes out, as many as a transfer takes.</summary>
    public void Drain(ref IoCursor destination)
    {
        while (Count != 0 && destination.Remaining != 0)
        {
            int length = Math.Min(Count, _bytes.Length - _start);
            int moved = destination.Write(_bytes.AsSpan(_start, length));
            Drop(moved);
            if (moved < length)
            {
                return;
            }
        }
    }

    /// <summary>Moves bytes out.</summary>
    /// <returns>Bytes moved.</returns>
    public int Take(Span<byte> destination)
    {
        int count = Math.Min(destination.Length, Count);
        int first = Math.Min(count, _bytes.Length - _start);
        _bytes.AsSpan(_start, first).CopyTo(destination);
        _bytes.AsSpan(0, count - first).CopyTo(destination[first..]);
        Drop(count);
        return count;
    }

    /// <summary>Drops bytes at the front.</summary>
    public void Drop(int count)
    {
        Count -= count;
        _start = (_start + count) & (_bytes.Length - 1);
    }

    /// <summary>Drops bytes at the end, so that no more than a number are left.</summary>
    public void Truncate(int count) => Count = Math.Min(Count, count);
}
