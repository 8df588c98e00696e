namespace Semitone.Net;

/// <summary>What is in flight, by sequence number and by time of sending, with the sums that make up the pipe (RFC 6675, 4).</summary>
internal sealed class SentList(TcpMemory memory)
{
    /// <summary>Records of one connection: bounds the work that one acknowledgment makes.</summary>
    public const int MostSegments = 8192;

    // Where the last search ended: what a peer reports is near what it reported before.
    private SentSegment? _hint;

    public SentSegment? Head { get; private set; }

    public SentSegment? Tail { get; private set; }

    /// <summary>The one that was sent the longest ago, by its last transmission.</summary>
    public SentSegment? OldestSent { get; private set; }

    public SentSegment? NewestSent { get; private set; }

    /// <summary>The first one by sequence number that is lost and was not sent again.</summary>
    public SentSegment? FirstLost { get; private set; }

    public int Count { get; private set; }

    /// <summary>Bytes from the first to the last.</summary>
    public int Bytes { get; private set; }

    public int SackedBytes { get; private set; }

    public int LostBytes { get; private set; }

    /// <summary>Bytes that are held to be on their way.</summary>
    public int InFlight => Bytes - SackedBytes - LostBytes;

    /// <summary>Takes up what is sent for the first time.</summary>
    public bool TryAdd(SequenceNumber start, SequenceNumber end, long nowNs)
    {
        if (Count >= MostSegments || !memory.TryTakeSegment(out SentSegment? segment))
        {
            return false;
        }

        segment.Start = start;
        segment.End = end;
        segment.SentNs = nowNs;
        segment.Previous = Tail;
        if (Tail is null)
        {
            Head = segment;
        }
        else
        {
            Tail.Next = segment;
        }

        Tail = segment;
        Count++;
        Bytes += segment.Length;
        LinkByTime(segment);
        return true;
    }

    /// <summary>Takes back what was added last: it could not be sent.</summary>
    public void RemoveTail() => Remove(Tail!);

    /// <summary>Cuts a record in two.</summary>
    /// <returns>False when there is no memory for that.</returns>
    public bool TrySplit(SentSegment segment, SequenceNumber at)
    {
        if (Count >= MostSegments || !memory.TryTakeSegment(out SentSegment? rest))
        {
            return false;
        }

        rest.Start = at;
        rest.End = segment.End;
        rest.SentNs = segment.SentNs;
        rest.IsSacked = segment.IsSacked;
        rest.IsLost = segment.IsLost;
        rest.WasRetransmitted = segment.WasRetransmitted;
        segment.End = at;

        rest.Previous = segment;
        rest.Next = segment.Next;
        if (segment.Next is null)
        {
            Tail = rest;
        }
        else
        {
            segment.Next.Previous = rest;
        }

        segment.Next = rest;
        if (segment.IsInSentOrder)
        {
            LinkSentBehind(segment, rest);
        }

        Count++;
        return true;
    }

    /// <summary>Drops what is acknowledged of the first record.</summary>
    public void TrimHead(SequenceNumber start)
    {
        SentSegment head = Head!;
        int count = start - head.Start;
        Bytes -= count;
        SackedBytes -= head.IsSacked ? count : 0;
        LostBytes -= head.IsLost ? count : 0;
        head.Start = start;
    }

    public void Remove(SentSegment segment)
    {
        SetLost(segment, false);
        if (_hint == segment)
        {
            _hint = segment.Next ?? segment.Previous;
        }

        Count--;
        Bytes -= segment.Length;
        SackedBytes -= segment.IsSacked ? segment.Length : 0;
        if (segment.Previous is null)
        {
            Head = segment.Next;
        }
        else
        {
            segment.Previous.Next = segment.Next;
        }

        if (segment.Next is null)
        {
            Tail = segment.Previous;
        }
        else
        {
            segment.Next.Previous = segment.Previous;
        }

        UnlinkSent(segment);
        memory.Return(segment);
    }

    /// <summary>Finds the record that has a sequence number, or the first one behind it.</summary>
    public SentSegment? Find(SequenceNumber sequence)
    {
        SentSegment? segment = _hint ?? Tail;
        while (segment is not null && segment.Start > sequence && segment.Previous is not null)
        {
            segment = segment.Previous;
        }

        while (segment is not null && segment.End <= sequence)
        {
            segment = segment.Next;
        }

        _hint = segment ?? _hint;
        return segment;
    }

    /// <summary>Notes that the peer has a record, which joins what it has before it: so few are left to walk over.</summary>
    /// <returns>The record that it is part of now.</returns>
    public SentSegment MarkSacked(SentSegment segment)
    {
        SetLost(segment, false);
        UnlinkSent(segment);
        segment.IsSacked = true;
        SackedBytes += segment.Length;
        if (segment.Next is { IsSacked: true } next)
        {
            Join(segment, next);
        }

        if (segment.Previous is not { IsSacked: true } previous)
        {
            return segment;
        }

        Join(previous, segment);
        return previous;
    }

    /// <summary>Forgets what the peer has said that it has: all of that is lost (RFC 2018, 8).</summary>
    public void ClearSacked()
    {
        for (SentSegment? segment = Head; segment is not null; segment = segment.Next)
        {
            if (segment.IsSacked)
            {
                segment.IsSacked = false;
                SackedBytes -= segment.Length;
                LinkByTime(segment);
            }
        }
    }

    public void SetLost(SentSegment segment, bool isLost)
    {
        if (segment.IsLost == isLost)
        {
            return;
        }

        segment.IsLost = isLost;
        if (isLost)
        {
            LostBytes += segment.Length;
            UnlinkSent(segment);
            if (FirstLost is null || segment.Start < FirstLost.Start)
            {
                FirstLost = segment;
            }

            return;
        }

        LostBytes -= segment.Length;
        LinkByTime(segment);
        if (FirstLost == segment)
        {
            SentSegment? next = LostBytes == 0 ? null : segment.Next;
            while (next is { IsLost: false })
            {
                next = next.Next;
            }

            FirstLost = next;
        }
    }

    /// <summary>Notes that a record has been sent again.</summary>
    public void MarkRetransmitted(SentSegment segment, long nowNs)
    {
        SetLost(segment, false);
        UnlinkSent(segment);
        segment.WasRetransmitted = true;
        segment.SentNs = nowNs;
        LinkByTime(segment);
    }

    public void Clear()
    {
        while (Head is { } head)
        {
            Remove(head);
        }
    }

    /// <summary>Puts a record where its time is: at the end, as a rule.</summary>
    private void LinkByTime(SentSegment segment)
    {
        SentSegment? before = NewestSent;
        while (before is not null && before.SentNs > segment.SentNs)
        {
            before = before.PreviousSent;
        }

        LinkSentBehind(before, segment);
    }

    private void LinkSentBehind(SentSegment? before, SentSegment segment)
    {
        SentSegment? after = before is null ? OldestSent : before.NextSent;
        segment.PreviousSent = before;
        segment.NextSent = after;
        segment.IsInSentOrder = true;
        if (before is null)
        {
            OldestSent = segment;
        }
        else
        {
            before.NextSent = segment;
        }

        if (after is null)
        {
            NewestSent = segment;
        }
        else
        {
            after.PreviousSent = segment;
        }
    }

    private void UnlinkSent(SentSegment segment)
    {
        if (!segment.IsInSentOrder)
        {
            return;
        }

        segment.IsInSentOrder = false;
        if (segment.PreviousSent is null)
        {
            OldestSent = segment.NextSent;
        }
        else
        {
            segment.PreviousSent.NextSent = segment.NextSent;
        }

        if (segment.NextSent is null)
        {
            NewestSent = segment.PreviousSent;
        }
        else
        {
            segment.NextSent.PreviousSent = segment.PreviousSent;
        }

        segment.PreviousSent = null;
        segment.NextSent = null;
    }

    /// <summary>Makes one of two neighbours that the peer has.</summary>
    private void Join(SentSegment first, SentSegment second)
    {
        first.WasRetransmitted |= second.WasRetransmitted;
        SequenceNumber end = second.End;
        Remove(second);
        Bytes += end - first.End;
        SackedBytes += end - first.End;
        first.End = end;
    }
}
