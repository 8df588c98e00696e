namespace Semitone.Net;

/// <summary>What comes in: the data that waits for being read, what came before its turn, the window that is announced.</summary>
internal sealed partial class TcpReceiver(TcpMemory memory, TcpCounters counters)
{
    /// <summary>RFC 9293, 3.7.1: who does not say how large segments may be takes 536 bytes.</summary>
    private const int SmallestSegment = 536;

    private readonly OutOfOrderQueue _outOfOrder = new(memory, counters);
    private PacketBuffer? _head;
    private PacketBuffer? _tail;
    private int _charged;

    // The end of the window that was announced: it never moves back (RFC 9293, 3.8.6).
    private SequenceNumber _edge;
    private SequenceNumber _finSequence;
    private bool _hasFin;

    // Receive buffer tuning: what the program took during the current round trip.
    private int _taken;
    private int _takenBefore;
    private long _roundStartNs;

    /// <summary>What comes next (RCV.NXT).</summary>
    public SequenceNumber Next { get; private set; }

    /// <summary>Bytes that can be read.</summary>
    public int Count { get; private set; }

    /// <summary>The first byte that was not read.</summary>
    public SequenceNumber ReadSequence => Next - Count - (IsFinReceived ? 1 : 0);

    /// <summary>Whether the peer's FIN has come, and all before it.</summary>
    public bool IsFinReceived { get; private set; }

    /// <summary>Bytes that may be kept (SO_RCVBUF): data has half of them, its packets the rest.</summary>
    public int Buffer { get; set; }

    /// <summary>Whether the program has said how many: they do not grow then.</summary>
    public bool IsBufferFixed { get; set; }

    /// <summary>By how much the announced window is shifted.</summary>
    public byte WindowScale { get; set; }

    /// <summary>The largest window to announce (TCP_WINDOW_CLAMP); 0 for none.</summary>
    public int WindowClamp { get; set; }

    /// <summary>The largest segment that came: what the peer sends when it has enough.</summary>
    public int SegmentSize { get; private set; } = SmallestSegment;

    public long TakenBytes { get; private set; }

    public long ReceivedBytes { get; private set; }

    /// <summary>Bytes of the packets that are kept.</summary>
    public int Charged => _charged + _outOfOrder.Charged;

    /// <summary>Whether something is missing before what has come.</summary>
    public bool HasHole => _outOfOrder.First is not null;

    /// <summary>Bytes announced that may still come.</summary>
    public int Window => Math.Max(_edge - Next, 0);

    private int Space
    {
        get
        {
            int space = Math.Max((Buffer / 2) - Count, 0);
            return WindowClamp > 0 ? Math.Min(space, WindowClamp) : space;
        }
    }

    /// <summary>Begins behind the peer's SYN.</summary>
    public void Start(SequenceNumber initial, int announced)
    {
        Next = initial + 1;
        _edge = Next + announced;
    }

    /// <summary>Tells whether a segment is in the window (RFC 9293, 3.10.7.4, the four cases).</summary>
    public bool IsAcceptable(SequenceNumber start, int length)
    {
        int window = Window;
        if (window == 0)
        {
            return start == Next && length == 0;
        }

        SequenceNumber end = Next + window;
        bool isStartInside = start >= Next && start < end;
        SequenceNumber last = start + (length - 1);
        return isStartInside || (length > 0 && last >= Next && last < end);
    }

    /// <summary>Takes the data of an acceptable segment, and its FIN.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="nowNs">The time.</param>
    /// <returns>Whether there is something new to read.</returns>
    public bool OnData(ref TcpSegment segment, long nowNs)
    {
        if (segment.Sequence < Next)
        {
            int old = Next - segment.Sequence;
            if (old >= segment.SequenceLength)
            {
                ReportDuplicate(segment.Sequence, segment.End);
                return false;
            }

            if (segment.PayloadLength > 0)
            {
                ReportDuplicate(segment.Sequence, Next);
            }

            segment.TrimStart(Math.Min(old, segment.PayloadLength));
        }

        int room = _edge - segment.Sequence;
        if (_hasFin)
        {
            room = Math.Min(room, _finSequence - segment.Sequence);
        }

        if (segment.PayloadLength > room)
        {
            segment.TrimEnd(Math.Max(room, 0));
        }

        if (segment.HasFin && !_hasFin)
        {
            _hasFin = true;
            _finSequence = segment.Sequence + segment.PayloadLength;
        }

        bool isNew = segment.PayloadLength > 0 && (segment.Sequence == Next ? TakeInOrder(ref segment, nowNs) : TakeOutOfOrder(ref segment));
        if (_hasFin && !IsFinReceived)
        {
            TakeFin(segment);
        }

        return isNew;
    }

    /// <summary>Gets bytes that can be read.</summary>
    /// <param name="offset">How many to pass over.</param>
    public ReadOnlySpan<byte> Peek(int offset)
    {
        PacketBuffer? buffer = _head;
        while (buffer is not null && offset >= buffer.Length)
        {
            offset -= buffer.Length;
            buffer = buffer.Next;
        }

        return buffer is null ? [] : buffer.Bytes[offset..];
    }

    /// <summary>Drops bytes that were read.</summary>
    public void Consume(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)Count);
        Count -= count;
        TakenBytes += count;
        _taken += count;
        while (count > 0)
        {
            PacketBuffer head = _head!;
            if (count < head.Length)
            {
                head.TrimStart(count);
                return;
            }

            count -= head.Length;
            _head = head.Next;
            if (_head is null)
            {
                _tail = null;
            }

            _charged -= head.Capacity;
            memory.Release(head);
        }
    }

    /// <summary>Lets the buffer grow with what the program takes in a round trip, so that the window is never what limits the path.</summary>
    public void Tune(long rttNs, long nowNs)
    {
        if (nowNs - _roundStartNs < rttNs || rttNs == 0)
        {
            return;
        }

        if (!IsBufferFixed && _taken > _takenBefore)
        {
            // Twice for a sender in slow start, which doubles; and twice for what packets take up beside their data.
            int wanted = (int)Math.Min(4L * _taken, memory.Limits.LargestReceiveBuffer);
            if (wanted > Buffer && !memory.IsUnderPressure)
            {
                Buffer = wanted;
            }

            _takenBefore = _taken;
        }

        _taken = 0;
        _roundStartNs = nowNs;
    }

    /// <summary>Drops everything: the connection has ended, and nobody will read.</summary>
    public void Clear()
    {
        Consume(Count);
        _outOfOrder.Clear();
    }

    /// <summary>Drops what came before its turn: nothing will fill the holes.</summary>
    public void ClearOutOfOrder() => _outOfOrder.Clear();

    private bool TakeInOrder(ref TcpSegment segment, long nowNs)
    {
        SegmentSize = Math.Max(SegmentSize, segment.PayloadLength);
        PacketBuffer buffer = segment.Buffer!;
        bool isCopied = PacketQueue.TryCoalesce(_tail, buffer);
        if (!isCopied && !TryCharge(buffer, true))
        {
            counters.Add(TcpCounter.TCPRcvQDrop);
            AcknowledgeNow();
            return false;
        }

        bool hadHole = HasHole;
        Next += segment.PayloadLength;
        Count += segment.PayloadLength;
        ReceivedBytes += segment.PayloadLength;
        if (isCopied)
        {
            counters.Add(TcpCounter.TCPRcvCoalesce);
        }
        else
        {
            Enqueue(segment.TakeBuffer());
        }

        while (_outOfOrder.TryTake(Next, out PacketBuffer? buffers))
        {
            while (buffers is not null)
            {
                PacketBuffer? next = buffers.Next;
                Next += buffers.Length;
                Count += buffers.Length;
                ReceivedBytes += buffers.Length;
                Enqueue(buffers);
                buffers = next;
            }
        }

        // RFC 5681, 4.2: at once where it fills a hole, else when two full segments have come, by bytes; or after a while.
        _unacknowledged += segment.PayloadLength;
        if (hadHole || _unacknowledged >= 2 * SegmentSize || _isQuick)
        {
            AcknowledgeNow();
        }
        else
        {
            AcknowledgeSoon(nowNs);
        }

        return true;
    }

    private bool TakeOutOfOrder(ref TcpSegment segment)
    {
        // RFC 5681, 4.2: a duplicate at once, for the sender to see that something is missing.
        AcknowledgeNow();
        if (!TryCharge(segment.Buffer!, false))
        {
            counters.Add(TcpCounter.TCPOFODrop);
            return false;
        }

        counters.Add(TcpCounter.TCPOFOQueue);
        PacketBuffer buffer = segment.TakeBuffer();
        _outOfOrder.Add(segment.Sequence, buffer, out SackBlock? duplicate);
        if (duplicate is { } block)
        {
            counters.Add(TcpCounter.TCPDSACKOfoSent);
            _duplicate = block;
        }

        return false;
    }

    private void TakeFin(in TcpSegment segment)
    {
        if (Next != _finSequence)
        {
            // In front of it something is missing.
            AcknowledgeNow();
            return;
        }

        IsFinReceived = true;
        Next += 1;
        _edge = SequenceNumber.Max(_edge, Next);
        _outOfOrder.Clear();
        AcknowledgeNow();
    }

    private void Enqueue(PacketBuffer buffer)
    {
        _charged += buffer.Capacity;
        buffer.Next = null;
        if (_tail is null)
        {
            _head = buffer;
        }
        else
        {
            _tail.Next = buffer;
        }

        _tail = buffer;
    }

    /// <summary>Charges a packet to the connection and to all together.</summary>
    private bool TryCharge(PacketBuffer buffer, bool isInOrder)
    {
        // Packets at least half full keep to the buffer's size as long as data keeps to the window; more is a peer's trick.
        int most = isInOrder ? 2 * Buffer : Buffer;
        while (Charged + buffer.Capacity > most && Charged > 0)
        {
            if (!isInOrder || !HasHole)
            {
                return false;
            }

            _outOfOrder.DropLast();
        }

        bool isFair = Charged < 2 * buffer.Capacity || memory.ReceiveBytes < memory.Limits.ReceiveBytes / 4 * 3;
        return isFair && memory.TryCharge(buffer);
    }
}
