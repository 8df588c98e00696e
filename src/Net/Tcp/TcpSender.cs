namespace Semitone.Net;

/// <summary>What goes out: the data that is queued, what of it is in flight, the peer's window, and when to send.</summary>
internal sealed partial class TcpSender
{
    private readonly ISegmentOutput _output;
    private readonly TcpCounters _counters;
    private readonly SentList _list;

    // The sequence number of the queue's first byte: behind the SYN.
    private SequenceNumber _queueStart;
    private bool _isFinSent;
    private long _lastSentNs;

    // RFC 9293, 3.10.7.4: the segment that told the window.
    private SequenceNumber _windowSequence;
    private SequenceNumber _windowAcknowledgment;

    // Minshall's variant of Nagle's algorithm: where the last segment ended that was not full.
    private SequenceNumber _smallEnd;
    private bool _hasSmall;
    private bool _isForced;
    private bool _isHeld;

    public TcpSender(ISegmentOutput output, TcpMemory memory, TcpCounters counters)
    {
        _output = output;
        _counters = counters;
        _list = new SentList(memory);
        Queue = new SendQueue(memory);
        Recovery = new LossRecovery(_list, Rtt, counters);
    }

    public SendQueue Queue { get; }

    public RttEstimator Rtt { get; } = new();

    public LossRecovery Recovery { get; }

    /// <summary>The oldest byte that is not acknowledged (SND.UNA).</summary>
    public SequenceNumber Unacknowledged { get; private set; }

    /// <summary>The next byte to be sent (SND.NXT).</summary>
    public SequenceNumber Next { get; private set; }

    /// <summary>Bytes that the peer takes, from what is not acknowledged on (SND.WND).</summary>
    public int Window { get; private set; }

    /// <summary>The largest that it ever was.</summary>
    public int LargestWindow { get; private set; }

    /// <summary>Whether a FIN follows what is queued.</summary>
    public bool IsFinQueued { get; private set; }

    public bool IsFinSent => _isFinSent;

    /// <summary>Whether the FIN has been acknowledged, and all before it.</summary>
    public bool IsFinAcknowledged => _isFinSent && Unacknowledged == Next;

    /// <summary>Whether data is sent though what was sent before is not acknowledged (TCP_NODELAY).</summary>
    public bool IsNoDelay { get; set; }

    /// <summary>Whether only full segments are sent (TCP_CORK), for 200 ms.</summary>
    public bool IsCorked { get; set; }

    /// <summary>Whether more is about to be written (MSG_MORE).</summary>
    public bool HasMore { get; set; }

    /// <summary>Where urgent data ends; the byte before is the urgent one.</summary>
    public SequenceNumber UrgentEnd { get; private set; }

    public bool IsUrgent { get; private set; }

    public int SegmentCount => _list.Count;

    public int SackedBytes => _list.SackedBytes;

    public int LostBytes => _list.LostBytes;

    public int TotalRetransmissions { get; private set; }

    public long AcknowledgedBytes { get; private set; }

    public long SentBytes { get; private set; }

    public long RetransmittedBytes { get; private set; }

    public long LastSentNs => _lastSentNs;

    /// <summary>Bytes that are queued and were not sent yet (SIOCOUTQNSD).</summary>
    public int UnsentCount => Queue.Count - SentDataCount;

    /// <summary>Whether nothing is queued and nothing in flight.</summary>
    public bool IsIdle => Queue.Count == 0 && _list.Count == 0 && (!IsFinQueued || _isFinSent);

    private int SentDataCount => Next - _queueStart - (_isFinSent ? 1 : 0);

    /// <summary>Begins at an initial sequence number; the SYN is the connection's.</summary>
    public void Start(SequenceNumber initial)
    {
        Unacknowledged = initial;
        Next = initial + 1;
        _queueStart = initial + 1;
    }

    /// <summary>Takes the acknowledgment of the SYN, and the first window.</summary>
    public void Establish(SequenceNumber acknowledgment, SequenceNumber sequence, int window, int segmentSize)
    {
        Unacknowledged = acknowledgment;
        SetWindow(sequence, acknowledgment, window);
        Recovery.Start(segmentSize);
    }

    /// <summary>Puts a FIN behind what is queued.</summary>
    public void QueueFin() => IsFinQueued = true;

    /// <summary>Marks the last byte that is queued as urgent.</summary>
    public void MarkUrgent()
    {
        IsUrgent = true;
        UrgentEnd = _queueStart + Queue.Count;
    }

    /// <summary>Takes the window of an acceptable segment, if it is news (RFC 9293, 3.10.7.4).</summary>
    /// <returns>Whether it has changed.</returns>
    public bool UpdateWindow(SequenceNumber sequence, SequenceNumber acknowledgment, int window)
    {
        if (_windowSequence > sequence || (_windowSequence == sequence && _windowAcknowledgment > acknowledgment))
        {
            return false;
        }

        bool isChanged = window != Window;
        SetWindow(sequence, acknowledgment, window);
        return isChanged;
    }

    /// <summary>Takes a new size of full segments. What is in flight in larger ones will not arrive: it is sent again at once (RFC 1191, 6.4).</summary>
    public void SetSegmentSize(int size)
    {
        ref CongestionWindow window = ref Recovery.Window;
        bool isSmaller = window.SegmentSize > size;
        window.SegmentSize = size;
        for (SentSegment? segment = isSmaller ? _list.Head : null; segment is not null; segment = segment.Next)
        {
            if (segment.Length > size && !segment.IsSacked)
            {
                _list.SetLost(segment, true);
            }
        }
    }

    /// <summary>Sends what may be sent now.</summary>
    /// <param name="nowNs">The time.</param>
    /// <param name="isForced">Whether small segments are sent too, whatever is in flight.</param>
    public void Output(long nowNs, bool isForced = false)
    {
        _isForced = isForced;
        _output.Refresh();
        if (_list.Count == 0)
        {
            RestartAfterIdle(nowNs);
        }

        if (SendLost(nowNs))
        {
            SendNew(nowNs);
        }

        ArmPersist(nowNs);
    }

    /// <summary>Forgets all: the connection has ended.</summary>
    public void Clear()
    {
        _list.Clear();
        Queue.Clear();
        StopTimers();
    }

    private void SetWindow(SequenceNumber sequence, SequenceNumber acknowledgment, int window)
    {
        Window = window;
        LargestWindow = Math.Max(LargestWindow, window);
        _windowSequence = sequence;
        _windowAcknowledgment = acknowledgment;
    }

    /// <summary>RFC 5681, 4.1: what the window says of the path is old after a timeout's time.</summary>
    private void RestartAfterIdle(long nowNs)
    {
        long idleNs = nowNs - _lastSentNs;
        if (_lastSentNs == 0 || idleNs <= 0 || UnsentCount == 0)
        {
            return;
        }

        ref CongestionWindow window = ref Recovery.Window;
        Recovery.Control.OnIdle(idleNs);
        if (idleNs > Rtt.TimeoutNs)
        {
            window.Bytes = Math.Min(window.Bytes, CongestionWindow.GetInitial(window.SegmentSize));
        }
    }

    /// <summary>Sends again what is lost, as far as the window goes.</summary>
    /// <returns>Whether there is room for more.</returns>
    private bool SendLost(long nowNs)
    {
        ref CongestionWindow window = ref Recovery.Window;
        while (_list.FirstLost is { } segment)
        {
            int room = window.Bytes - Recovery.InFlight;
            if (room < Math.Min(segment.Length, window.SegmentSize) && _list.InFlight > 0)
            {
                return false;
            }

            int most = Math.Max(Math.Min(room / window.SegmentSize * window.SegmentSize, _output.BurstSize), _output.SegmentSize);
            if (!Retransmit(segment, most, nowNs))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Sends a record again, or its beginning.</summary>
    private bool Retransmit(SentSegment segment, int most, long nowNs)
    {
        SequenceNumber end = segment.End;
        bool hasFin = _isFinSent && end == Next;
        int wanted = segment.Length - (hasFin ? 1 : 0);
        int count = Math.Min(wanted, most);
        ReadOnlySpan<byte> first = [];
        ReadOnlySpan<byte> second = [];
        if (count > 0)
        {
            count = Queue.Read(segment.Start - _queueStart, count, out first, out second);
        }

        if (count > 0 && count < wanted)
        {
            // Without memory for a record it stays one: what the peer does not acknowledge is sent again.
            hasFin = false;
            _list.TrySplit(segment, segment.Start + count);
        }

        TcpFlags flags = TcpFlags.Ack | (hasFin ? TcpFlags.Fin : TcpFlags.None);
        flags |= segment.Start + count == _queueStart + Queue.Count ? TcpFlags.Psh : TcpFlags.None;
        if (_output.Emit(segment.Start, flags, first, second, nowNs) == NetworkError.NoBuffers)
        {
            RetrySoon(nowNs);
            return false;
        }

        _list.MarkRetransmitted(segment, nowNs);
        int segments = Math.Max((count + _output.SegmentSize - 1) / _output.SegmentSize, 1);
        TotalRetransmissions += segments;
        RetransmittedBytes += count;
        _counters.Add(TcpCounter.RetransSegs, segments);
        _counters.Add(Recovery.State == RecoveryState.Loss ? TcpCounter.TCPSlowStartRetrans : TcpCounter.TCPFastRetrans, segments);
        OnSent(count, true, nowNs);
        return true;
    }

    private void SendNew(long nowNs)
    {
        _isHeld = false;
        while (true)
        {
            int available = UnsentCount;
            bool isFinDue = IsFinQueued && !_isFinSent;
            if (available == 0 && !isFinDue)
            {
                return;
            }

            // A FIN needs room in the window, as a byte does: beyond its end it would be dropped (RFC 9293, 3.10.7.4).
            int usable = Unacknowledged + Window - Next;
            int count = available == 0 ? 0 : GetNextLength(available, usable, isFinDue);
            bool hasFin = isFinDue && count == available && count < usable;
            if ((count == 0 && !hasFin) || !SendSegment(count, hasFin, nowNs))
            {
                return;
            }
        }
    }

    /// <summary>Decides how much is sent next: against the silly window (RFC 9293, 3.8.6.2.1) and small segments (3.7.4).</summary>
    private int GetNextLength(int available, int usable, bool isFinDue)
    {
        int segmentSize = _output.SegmentSize;
        int count = Math.Min(Math.Min(available, usable), _output.BurstSize);
        if (count <= 0)
        {
            return 0;
        }

        if (count > segmentSize)
        {
            count -= count % segmentSize;
        }

        int room = Recovery.Window.Bytes - Recovery.InFlight;
        if (room < count)
        {
            IsWindowUsed = true;
            if (room >= segmentSize)
            {
                count = room / segmentSize * segmentSize;
            }
            else if (Recovery.InFlight > 0)
            {
                return 0;
            }
            else
            {
                count = Math.Min(count, segmentSize);
            }
        }

        if (count >= segmentSize || _isForced)
        {
            return count;
        }

        if (count < available)
        {
            // The peer's window ends here. Half of the largest one that it ever had is worth a segment.
            return count >= LargestWindow / 2 ? count : 0;
        }

        if (isFinDue)
        {
            return count;
        }

        // What is urgent waits for nothing.
        bool isUrgent = IsUrgent && UrgentEnd > Next;
        bool mayBeSmall = isUrgent || (!IsCorked && !HasMore && (IsNoDelay || !_hasSmall || _smallEnd <= Unacknowledged));
        _isHeld = !mayBeSmall;
        return mayBeSmall ? count : 0;
    }

    /// <summary>Sends bytes of the queue, or the FIN, or both.</summary>
    private bool SendSegment(int count, bool hasFin, long nowNs)
    {
        ReadOnlySpan<byte> first = [];
        ReadOnlySpan<byte> second = [];
        if (count > 0)
        {
            int offset = Next - _queueStart;
            int read = Queue.Read(offset, count, out first, out second);
            hasFin &= read == count;
            count = read;
        }

        SequenceNumber start = Next;
        SequenceNumber end = start + (count + (hasFin ? 1 : 0));
        bool isFirst = _list.Count == 0;
        if (end == start || !_list.TryAdd(start, end, nowNs))
        {
            RetrySoon(nowNs);
            return false;
        }

        TcpFlags flags = TcpFlags.Ack | (hasFin ? TcpFlags.Fin : TcpFlags.None);
        flags |= count > 0 && offsetEnd(count) == Queue.Count ? TcpFlags.Psh : TcpFlags.None;
        if (_output.Emit(start, flags, first, second, nowNs) == NetworkError.NoBuffers)
        {
            _list.RemoveTail();
            RetrySoon(nowNs);
            return false;
        }

        if (count > 0 && count < _output.SegmentSize)
        {
            _hasSmall = true;
            _smallEnd = end;
        }

        Next = end;
        _isFinSent |= hasFin;
        OnSent(count, false, nowNs);
        ArmAfterSending(isFirst, nowNs);
        return true;

        int offsetEnd(int sent) => start - _queueStart + sent;
    }

    private void OnSent(int count, bool isRetransmission, long nowNs)
    {
        SentBytes += count;
        _lastSentNs = nowNs;
        Recovery.OnSent(count, isRetransmission, _output.GetTimestamp(nowNs));
    }
}
