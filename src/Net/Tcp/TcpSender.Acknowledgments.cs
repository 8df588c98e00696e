namespace Semitone.Net;

/// <content>What the peer acknowledges.</content>
internal sealed partial class TcpSender
{
    /// <summary>Whether the congestion window has kept something back since the last acknowledgment.</summary>
    private bool IsWindowUsed { get; set; }

    /// <summary>Takes an acknowledgment that lies between what is not acknowledged and what was sent.</summary>
    /// <returns>Whether it acknowledges something new.</returns>
    public bool OnAcknowledgment(in TcpSegment segment, bool isWindowChanged, long nowNs)
    {
        SequenceNumber acknowledgment = segment.Acknowledgment;
        TcpOptions options = segment.Options;
        bool isProgress = acknowledgment > Unacknowledged;
        SequenceNumber echo = new(options.TimestampEcho);
        bool isDuplicateReported = TakeDuplicateReport(options, acknowledgment);
        if (_list.Count == 0 && !isProgress)
        {
            return false;
        }

        int inFlight = Recovery.InFlight;
        bool isWindowUsed = IsWindowUsed || (Recovery.Window.IsSlowStart && inFlight * 2L >= Recovery.Window.Bytes);
        int sackedBefore = _list.SackedBytes;
        TakeSacked(options, acknowledgment, echo, nowNs);
        int newlySacked = _list.SackedBytes - sackedBefore;
        int sackedAcknowledged = 0;
        int acknowledged = 0;
        if (isProgress)
        {
            acknowledged = acknowledgment - Unacknowledged;
            if (Recovery.TryUndo(options.HasTimestamps, echo))
            {
                isWindowUsed = false;
            }

            sackedAcknowledged = RemoveAcknowledged(acknowledgment, options.HasTimestamps, echo, nowNs);
        }

        bool isPlainDuplicate = !isProgress && segment.SequenceLength == 0 && newlySacked == 0 && !isWindowChanged;
        Recovery.OnProbeAcknowledged(acknowledgment, isDuplicateReported, isPlainDuplicate);
        bool hasLoss = FindLosses(isPlainDuplicate && !isDuplicateReported, nowNs);
        int delivered = acknowledged + newlySacked - sackedAcknowledged;
        Recovery.Conclude(delivered, acknowledged, hasLoss, Unacknowledged, isWindowUsed, nowNs);
        if (isProgress)
        {
            IsWindowUsed = false;
            ArmAfterProgress(nowNs);
        }

        return isProgress;
    }

    /// <summary>Drops what is acknowledged for good.</summary>
    /// <returns>Bytes of it that the peer had reported before.</returns>
    private int RemoveAcknowledged(SequenceNumber acknowledgment, bool hasEcho, SequenceNumber echo, long nowNs)
    {
        int sacked = 0;
        long sampleNs = 0;
        bool isAmbiguous = false;
        while (_list.Head is { } head && head.Start < acknowledgment)
        {
            bool isWhole = head.End <= acknowledgment;
            int length = isWhole ? head.Length : acknowledgment - head.Start;
            if (head.IsSacked)
            {
                sacked += length;
            }
            else if (isWhole)
            {
                Recovery.OnDelivered(head, IsEchoOlder(head, hasEcho, echo), nowNs);
            }

            if (head.WasRetransmitted)
            {
                isAmbiguous = true;
            }
            else if (sampleNs == 0 && !head.IsSacked)
            {
                sampleNs = Math.Max(nowNs - head.SentNs, 1);
            }

            if (!isWhole)
            {
                _list.TrimHead(acknowledgment);
                break;
            }

            _list.Remove(head);
        }

        AddSample(isAmbiguous ? 0 : sampleNs, hasEcho, echo, nowNs);
        int data = Math.Min(acknowledgment - _queueStart, Queue.Count);
        if (data > 0)
        {
            Queue.Drop(data);
            _queueStart += data;
            AcknowledgedBytes += data;
        }

        Unacknowledged = acknowledgment;
        if (IsUrgent && UrgentEnd <= acknowledgment)
        {
            IsUrgent = false;
        }

        return sacked;
    }

    /// <summary>RFC 6298, 3: of a segment that was sent once; or what the timestamp says (RFC 7323, 4).</summary>
    private void AddSample(long sampleNs, bool hasEcho, SequenceNumber echo, long nowNs)
    {
        if (sampleNs > 0)
        {
            Rtt.AddSample(sampleNs, nowNs);
        }
        else if (hasEcho && echo.Value != 0)
        {
            int milliseconds = _output.GetTimestamp(nowNs) - echo;
            if (milliseconds >= 0)
            {
                Rtt.AddSample(Math.Max(milliseconds, 1) * 1_000_000L, nowNs);
            }
        }
    }

    /// <summary>Marks what the peer says that it has, though something before is missing (RFC 2018).</summary>
    private void TakeSacked(in TcpOptions options, SequenceNumber acknowledgment, SequenceNumber echo, long nowNs)
    {
        if (!Recovery.IsSackPermitted)
        {
            return;
        }

        for (int i = 0; i < options.SackBlockCount; i++)
        {
            SackBlock block = options.GetSackBlock(i);
            if (block.Start >= block.End || block.Start < acknowledgment || block.Start < Unacknowledged || block.End > Next)
            {
                // Old, a duplicate (RFC 2883), or nonsense: nothing that was not sent can have arrived.
                continue;
            }

            MarkBlock(block, options.HasTimestamps, echo, nowNs);
        }
    }

    private void MarkBlock(SackBlock block, bool hasEcho, SequenceNumber echo, long nowNs)
    {
        SentSegment? segment = _list.Find(block.Start);
        while (segment is not null && segment.Start < block.End)
        {
            if (segment.IsSacked)
            {
                segment = segment.Next;
                continue;
            }

            if (segment.Start < block.Start)
            {
                if (!_list.TrySplit(segment, block.Start))
                {
                    return;
                }

                segment = segment.Next!;
            }

            if (segment.End > block.End && !_list.TrySplit(segment, block.End))
            {
                return;
            }

            Recovery.OnDelivered(segment, IsEchoOlder(segment, hasEcho, echo), nowNs);
            segment = _list.MarkSacked(segment).Next;
        }
    }

    /// <summary>RFC 2883: the first block may tell of bytes that came twice: below what is acknowledged, or within the second block.</summary>
    private bool TakeDuplicateReport(in TcpOptions options, SequenceNumber acknowledgment)
    {
        if (!Recovery.IsSackPermitted || options.SackBlockCount == 0)
        {
            return false;
        }

        SackBlock first = options.GetSackBlock(0);
        bool isBelow = first.Start < acknowledgment && first.End <= acknowledgment;
        bool isWithin = options.SackBlockCount > 1
            && first.Start >= options.GetSackBlock(1).Start
            && first.End <= options.GetSackBlock(1).End;
        if (first.Start >= first.End || (!isBelow && !isWithin) || first.End > Next)
        {
            return false;
        }

        Recovery.OnDuplicateReported();
        return true;
    }

    /// <summary>Looks for losses, and begins a recovery where there are some.</summary>
    private bool FindLosses(bool isDuplicate, long nowNs)
    {
        bool hasLoss;
        ReorderNs = TcpRecord.Never;
        if (Recovery.IsSackPermitted)
        {
            hasLoss = Recovery.DetectLosses(nowNs, out long waitNs);
            ReorderNs = waitNs > 0 ? nowNs + waitNs : TcpRecord.Never;
        }
        else
        {
            hasLoss = isDuplicate && _list.Count > 0 && Recovery.OnDuplicate();
            if (hasLoss)
            {
                Recovery.MarkFirstLost();
            }
        }

        if (hasLoss && Recovery.State == RecoveryState.Open)
        {
            Recovery.EnterRecovery(Next);
            ProbeNs = TcpRecord.Never;
        }

        return hasLoss;
    }

    private bool IsEchoOlder(SentSegment segment, bool hasEcho, SequenceNumber echo) =>
        hasEcho && echo.Value != 0 && echo < _output.GetTimestamp(segment.SentNs);
}
