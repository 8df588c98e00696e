namespace Semitone.Net;

/// <summary>What the program has written and the peer has not acknowledged.</summary>
internal sealed class SendQueue(TcpMemory memory)
{
    private SendChunk? _head;
    private SendChunk? _tail;

    // Where the last read was: the next one is behind it, as a rule.
    private SendChunk? _cursor;
    private int _cursorOffset;

    /// <summary>Bytes.</summary>
    public int Count { get; private set; }

    /// <summary>Gets room behind the last byte.</summary>
    /// <param name="wanted">Bytes that are to be written, which tells what kind of chunk is taken.</param>
    /// <returns>Empty where there is no memory.</returns>
    public Span<byte> GetRoom(int wanted)
    {
        if (_tail is null || _tail.Room == 0)
        {
            bool isLarge = wanted > SendChunk.SmallSize || Count >= SendChunk.SmallSize;
            if (!memory.TryTakeChunk(isLarge, out SendChunk? chunk) && (!isLarge || !memory.TryTakeChunk(false, out chunk)))
            {
                return [];
            }

            if (_tail is null)
            {
                _head = chunk;
            }
            else
            {
                _tail.Next = chunk;
            }

            _tail = chunk;
        }

        return _tail.Bytes.AsSpan(_tail.End);
    }

    /// <summary>Counts bytes that were written to the room.</summary>
    public void Commit(int count)
    {
        if (count == 0)
        {
            return;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_tail?.Room ?? 0));
        _tail!.End += count;
        Count += count;
    }

    /// <summary>Gets bytes, in two pieces at most.</summary>
    /// <param name="offset">The first one, counted from the first that is not acknowledged.</param>
    /// <param name="count">How many.</param>
    /// <returns>How many there are in two pieces.</returns>
    public int Read(int offset, int count, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second)
    {
        if (_cursor is null || offset < _cursorOffset)
        {
            _cursor = _head;
            _cursorOffset = 0;
        }

        while (_cursor is not null && offset - _cursorOffset >= _cursor.Count)
        {
            _cursorOffset += _cursor.Count;
            _cursor = _cursor.Next;
        }

        first = [];
        second = [];
        if (_cursor is null)
        {
            return 0;
        }

        int skipped = offset - _cursorOffset;
        first = _cursor.Bytes.AsSpan(_cursor.Start + skipped, Math.Min(count, _cursor.Count - skipped));
        if (first.Length < count && _cursor.Next is { } next)
        {
            second = next.Bytes.AsSpan(next.Start, Math.Min(count - first.Length, next.Count));
        }

        return first.Length + second.Length;
    }

    /// <summary>Drops bytes from the front: they are acknowledged.</summary>
    public void Drop(int count)
    {
        Count -= count;
        _cursorOffset -= count;
        while (count > 0 && _head is { } head)
        {
            int part = Math.Min(count, head.Count);
            head.Start += part;
            count -= part;
            if (head.Count > 0)
            {
                break;
            }

            RemoveHead(head);
        }

        if (_cursorOffset < 0)
        {
            _cursor = null;
        }

        // A chunk that is empty but has room stays only while there is something else: an idle connection costs none.
        if (Count == 0 && _head is { } last)
        {
            RemoveHead(last);
        }
    }

    public void Clear() => Drop(Count);

    private void RemoveHead(SendChunk head)
    {
        _head = head.Next;
        if (_head is null)
        {
            _tail = null;
        }

        if (_cursor == head)
        {
            _cursor = null;
        }

        memory.Return(head);
    }
}
