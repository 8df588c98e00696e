namespace Semitone.Net;

/// <summary>What has come before its turn: ranges that do not touch, in order.</summary>
internal sealed class OutOfOrderQueue(TcpMemory memory, TcpCounters counters)
{
    /// <summary>Bounds the work that one segment makes, and what holes a peer can make us remember.</summary>
    private const int MostRanges = 256;

    private ReceivedRange? _last;
    private int _count;
    private int _stamp;

    public ReceivedRange? First { get; private set; }

    /// <summary>Bytes of the packets.</summary>
    public int Charged { get; private set; }

    /// <summary>Takes a segment's data.</summary>
    /// <param name="start">Its first byte.</param>
    /// <param name="buffer">The data, charged by the caller; it is kept, or given back.</param>
    /// <param name="duplicate">What of it had come before (RFC 2883).</param>
    /// <returns>Whether something of it was new.</returns>
    public bool Add(SequenceNumber start, PacketBuffer buffer, out SackBlock? duplicate)
    {
        duplicate = null;
        SequenceNumber end = start + buffer.Length;
        Charged += buffer.Capacity;
        ReceivedRange? before = null;
        ReceivedRange? range = First;
        if (_last is not null && start > _last.End)
        {
            before = _last;
            range = null;
        }

        while (range is not null && range.End < start)
        {
            before = range;
            range = range.Next;
        }

        if (range is null || start < range.Start)
        {
            range = Insert(before, start);
            if (range is null)
            {
                Release(buffer);
                return false;
            }
        }
        else
        {
            if (start < range.End)
            {
                duplicate = new SackBlock(start, SequenceNumber.Min(end, range.End));
                if (end <= range.End)
                {
                    Release(buffer);
                    range.Stamp = ++_stamp;
                    return false;
                }

                buffer.TrimStart(range.End - start);
            }
        }

        range.Stamp = ++_stamp;
        Append(range, buffer);
        range.End = end;
        Swallow(range, ref duplicate);
        return true;
    }

    /// <summary>Takes the first range out when what is before it has come.</summary>
    /// <param name="next">What comes next.</param>
    /// <param name="head">Its packets, from that byte on, in a row.</param>
    /// <returns>Whether there was one.</returns>
    public bool TryTake(SequenceNumber next, out PacketBuffer? head)
    {
        while (First is { } range && range.Start <= next)
        {
            if (range.End <= next)
            {
                DropFirst();
                continue;
            }

            TrimFront(range, next);
            head = range.Head;
            for (PacketBuffer? buffer = head; buffer is not null; buffer = buffer.Next)
            {
                Charged -= buffer.Capacity;
            }

            Unlink(range);
            memory.Return(range);
            return true;
        }

        head = null;
        return false;
    }

    /// <summary>Drops the range that is the furthest away: there is no room for what comes next.</summary>
    public void DropLast()
    {
        ReceivedRange? before = null;
        for (ReceivedRange? range = First; range is not null && range != _last; range = range.Next)
        {
            before = range;
        }

        if (_last is not { } last)
        {
            return;
        }

        counters.Add(TcpCounter.OfoPruned);
        ReleaseAll(last);
        _last = before;
        if (before is null)
        {
            First = null;
        }
        else
        {
            before.Next = null;
        }

        _count--;
        memory.Return(last);
    }

    public void Clear()
    {
        while (First is not null)
        {
            DropFirst();
        }
    }

    /// <summary>Adds what is here to an acknowledgment, what came last first (RFC 2018, 4).</summary>
    public void Report(ref TcpOptions options, int most)
    {
        int bound = int.MaxValue;
        for (int i = 0; i < Math.Min(most, _count); i++)
        {
            ReceivedRange? newest = null;
            for (ReceivedRange? range = First; range is not null; range = range.Next)
            {
                if (range.Stamp < bound && (newest is null || range.Stamp > newest.Stamp))
                {
                    newest = range;
                }
            }

            if (newest is null)
            {
                return;
            }

            bound = newest.Stamp;
            options.AddSackBlock(new SackBlock(newest.Start, newest.End));
        }
    }

    private ReceivedRange? Insert(ReceivedRange? before, SequenceNumber start)
    {
        if (_count >= MostRanges || !memory.TryTakeRange(out ReceivedRange? range))
        {
            counters.Add(TcpCounter.TCPOFODrop);
            return null;
        }

        range.Start = start;
        range.End = start;
        range.Next = before is null ? First : before.Next;
        if (before is null)
        {
            First = range;
        }
        else
        {
            before.Next = range;
        }

        if (range.Next is null)
        {
            _last = range;
        }

        _count++;
        return range;
    }

    /// <summary>Joins the ranges behind one that it has grown into.</summary>
    private void Swallow(ReceivedRange range, ref SackBlock? duplicate)
    {
        while (range.Next is { } next && next.Start <= range.End)
        {
            counters.Add(TcpCounter.TCPOFOMerge);
            if (next.Start < range.End)
            {
                duplicate ??= new SackBlock(next.Start, SequenceNumber.Min(range.End, next.End));
            }

            range.Next = next.Next;
            if (next == _last)
            {
                _last = range;
            }

            _count--;
            if (next.End <= range.End)
            {
                ReleaseAll(next);
            }
            else
            {
                TrimFront(next, range.End);
                range.Tail!.Next = next.Head;
                range.Tail = next.Tail;
                range.End = next.End;
            }

            memory.Return(next);
        }
    }

    private void Append(ReceivedRange range, PacketBuffer buffer)
    {
        if (PacketQueue.TryCoalesce(range.Tail, buffer))
        {
            counters.Add(TcpCounter.TCPRcvCoalesce);
            Release(buffer);
            return;
        }

        buffer.Next = null;
        if (range.Tail is null)
        {
            range.Head = buffer;
        }
        else
        {
            range.Tail.Next = buffer;
        }

        range.Tail = buffer;
    }

    /// <summary>Drops the bytes of a range before a place within it.</summary>
    private void TrimFront(ReceivedRange range, SequenceNumber start)
    {
        while (range.Start < start && range.Head is { } head)
        {
            int count = Math.Min(start - range.Start, head.Length);
            range.Start += count;
            if (count < head.Length)
            {
                head.TrimStart(count);
                return;
            }

            range.Head = head.Next;
            Release(head);
        }
    }

    private void DropFirst()
    {
        ReceivedRange first = First!;
        ReleaseAll(first);
        Unlink(first);
        memory.Return(first);
    }

    private void Unlink(ReceivedRange first)
    {
        First = first.Next;
        if (First is null)
        {
            _last = null;
        }

        _count--;
    }

    private void ReleaseAll(ReceivedRange range)
    {
        while (range.Head is { } head)
        {
            range.Head = head.Next;
            Release(head);
        }
    }

    private void Release(PacketBuffer buffer)
    {
        Charged -= buffer.Capacity;
        memory.Release(buffer);
    }
}
