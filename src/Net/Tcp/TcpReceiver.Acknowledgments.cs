namespace Semitone.Net;

/// <content>When is acknowledged, and what is announced.</content>
internal sealed partial class TcpReceiver
{
    /// <summary>RFC 9293, 3.8.6.3: half a second at most. Linux's smallest: a peer with Nagle's algorithm waits for it.</summary>
    private const long DelayNs = 40_000_000;

    private int _unacknowledged;
    private bool _isQuick;
    private SackBlock? _duplicate;

    /// <summary>Whether an acknowledgment is to go out now.</summary>
    public bool IsAcknowledgmentDue { get; private set; }

    /// <summary>When one that waits goes out alone.</summary>
    public long AcknowledgeAtNs { get; private set; } = TcpRecord.Never;

    /// <summary>Whether something was not acknowledged yet.</summary>
    public bool IsAcknowledgmentOwed => IsAcknowledgmentDue || AcknowledgeAtNs != TcpRecord.Never;

    /// <summary>Whether everything is acknowledged at once (TCP_QUICKACK), until data goes the other way.</summary>
    public bool IsQuick
    {
        get => _isQuick;
        set => _isQuick = value;
    }

    public void AcknowledgeNow() => IsAcknowledgmentDue = true;

    public void AcknowledgeSoon(long nowNs) => AcknowledgeAtNs = Math.Min(AcknowledgeAtNs, nowNs + DelayNs);

    /// <summary>Reports bytes that came twice (RFC 2883), with the next acknowledgment, which is due now.</summary>
    public void ReportDuplicate(SequenceNumber start, SequenceNumber end)
    {
        AcknowledgeNow();
        if (end > start)
        {
            counters.Add(TcpCounter.TCPDSACKOldSent);
            _duplicate = new SackBlock(start, SequenceNumber.Min(end, Next));
        }
    }

    /// <summary>Adds what came before its turn, and what came twice.</summary>
    public void Report(ref TcpOptions options)
    {
        int most = options.HasTimestamps ? TcpOptions.MaximumSackBlocks - 1 : TcpOptions.MaximumSackBlocks;
        if (_duplicate is { } block && block.End > block.Start)
        {
            options.AddSackBlock(block);
            most--;
        }

        _duplicate = null;
        if (HasHole)
        {
            _outOfOrder.Report(ref options, most);
        }
    }

    /// <summary>Notes that a segment with an acknowledgment goes out, and tells the window to announce.</summary>
    /// <param name="hasData">Whether it has data: an answer, so that acknowledging may wait for the next one.</param>
    /// <returns>The window's field, scaled.</returns>
    public ushort Announce(bool hasData)
    {
        if (hasData)
        {
            _isQuick = false;
        }

        IsAcknowledgmentDue = false;
        AcknowledgeAtNs = TcpRecord.Never;
        _unacknowledged = 0;
        int current = Window;
        int space = GetWindow();
        int field = Math.Min(space >> WindowScale, ushort.MaxValue);
        if (field << WindowScale < current)
        {
            // The end does not move back, not even by rounding.
            field = Math.Min((current + (1 << WindowScale) - 1) >> WindowScale, ushort.MaxValue);
        }

        if (field == 0 && current > 0)
        {
            counters.Add(TcpCounter.TCPToZeroWindowAdv);
        }
        else if (field > 0 && current == 0)
        {
            counters.Add(TcpCounter.TCPFromZeroWindowAdv);
        }

        _edge = SequenceNumber.Max(_edge, Next + (field << WindowScale));
        return (ushort)field;
    }

    /// <summary>Tells whether so much was read that the peer should hear of the room (RFC 9293, 3.8.6.2.2).</summary>
    public bool IsWindowNews()
    {
        int current = Window;
        if (IsFinReceived || current > Space / 2)
        {
            return false;
        }

        int window = GetWindow() >> WindowScale << WindowScale;
        return window > 0 && window >= 2 * current;
    }

    /// <summary>What to announce: the end moves on by a segment, or a good part of the buffer, or not at all.</summary>
    private int GetWindow()
    {
        int current = Window;
        int space = Space;
        int step = Math.Min(Buffer / 4, SegmentSize);
        return space < current + step ? current : space;
    }
}
