namespace Semitone.Net;

/// <summary>What is held for lost, and how much may be sent meanwhile: RACK-TLP (RFC 8985) over SACK (RFC 2018), PRR (RFC 6937).</summary>
/// <remarks>It marks records and sets the window; <see cref="TcpSender"/> sends.</remarks>
internal sealed partial class LossRecovery(SentList list, RttEstimator rtt, TcpCounters counters)
{
    /// <summary>RFC 5681, 2: three duplicates.</summary>
    private const int DuplicateThreshold = 3;

    private CongestionWindow _window;
    private ICongestionControl _control = new Cubic();

    // RFC 6937, 3.
    private int _prrDelivered;
    private int _prrSent;
    private int _recoveryFlight;

    // What there was before the window fell, for when that was a mistake.
    private bool _canUndo;
    private int _priorWindow;
    private int _priorThreshold;
    private SequenceNumber _undoTimestamp;
    private bool _hasUndoTimestamp;
    private int _unconfirmed;

    public RecoveryState State { get; private set; }

    /// <summary>What had been sent when it began: acknowledged, it is over.</summary>
    public SequenceNumber Point { get; private set; }

    public ref CongestionWindow Window => ref _window;

    public ICongestionControl Control
    {
        get => _control;
        set => _control = value;
    }

    /// <summary>Acknowledgments that acknowledge nothing new, of a peer without SACK.</summary>
    public int DuplicateCount { get; private set; }

    public bool IsSackPermitted { get; set; }

    /// <summary>Bytes that are held to be on their way.</summary>
    public int InFlight => IsSackPermitted
        ? list.InFlight
        : Math.Max(list.InFlight - (DuplicateCount * _window.SegmentSize), 0);

    /// <summary>Begins with a window of a few segments.</summary>
    public void Start(int segmentSize)
    {
        _window.SegmentSize = segmentSize;
        _window.Bytes = CongestionWindow.GetInitial(segmentSize);
        _window.Threshold = int.MaxValue;
    }

    /// <summary>Notes that something was sent.</summary>
    public void OnSent(int count, bool isRetransmission, SequenceNumber timestamp)
    {
        if (State == RecoveryState.Recovery)
        {
            _prrSent += count;
        }

        if (!isRetransmission || !_canUndo)
        {
            return;
        }

        _unconfirmed++;
        if (!_hasUndoTimestamp)
        {
            _hasUndoTimestamp = true;
            _undoTimestamp = timestamp;
        }
    }

    /// <summary>Takes a duplicate from a peer without SACK (RFC 6582, 3.2).</summary>
    /// <returns>Whether the first segment is lost.</returns>
    public bool OnDuplicate()
    {
        // Each stands for a segment that has left the network; more than are in flight cannot have.
        DuplicateCount = Math.Min(DuplicateCount + 1, (list.Bytes / Math.Max(_window.SegmentSize, 1)) + 1);
        return State == RecoveryState.Open && DuplicateCount >= DuplicateThreshold;
    }

    /// <summary>Begins a fast recovery.</summary>
    public void EnterRecovery(SequenceNumber next)
    {
        SavePrior();
        State = RecoveryState.Recovery;
        Point = next;
        _window.Threshold = _control.GetThreshold(_window, InFlight + list.LostBytes);
        _prrDelivered = 0;
        _prrSent = 0;
        _recoveryFlight = Math.Max(list.Bytes, 1);
        counters.Add(IsSackPermitted ? TcpCounter.TCPSackRecovery : TcpCounter.TCPRenoRecovery);
    }

    /// <summary>The timeout has expired: what is not known to have arrived is lost.</summary>
    public void EnterLoss(SequenceNumber next, SequenceNumber unacknowledged)
    {
        if (State == RecoveryState.Open || (State == RecoveryState.Recovery && unacknowledged >= Point))
        {
            SavePrior();
            _window.Threshold = _control.GetThreshold(_window, InFlight + list.LostBytes);
        }
        else if (State == RecoveryState.Recovery)
        {
            // RFC 5681, 3.1: the threshold has fallen for this window already.
            _canUndo = false;
        }

        State = RecoveryState.Loss;
        Point = next;
        DuplicateCount = 0;
        _hasProbe = false;
        if (list.Head is { IsSacked: true })
        {
            // It has taken back what it said, else it would have acknowledged it (RFC 2018, 8).
            counters.Add(TcpCounter.TCPSACKReneging);
            list.ClearSacked();
        }

        for (SentSegment? segment = list.Head; segment is not null; segment = segment.Next)
        {
            if (!segment.IsSacked)
            {
                list.SetLost(segment, true);
            }
        }

        // RFC 5681, 3.1: the loss window is one full segment.
        _window.Bytes = _window.SegmentSize;
    }

    /// <summary>Draws the conclusions of an acknowledgment, after its records are marked.</summary>
    /// <param name="delivered">Bytes that are now known to have arrived and were not before.</param>
    /// <param name="acknowledged">Bytes of them, and of those before, that are acknowledged for good.</param>
    /// <param name="hasNewLoss">Whether something was found lost.</param>
    /// <param name="unacknowledged">The first byte that is not acknowledged.</param>
    /// <param name="isWindowUsed">Whether the window kept something from being sent.</param>
    /// <param name="nowNs">The time.</param>
    public void Conclude(
        int delivered,
        int acknowledged,
        bool hasNewLoss,
        SequenceNumber unacknowledged,
        bool isWindowUsed,
        long nowNs)
    {
        if (State != RecoveryState.Open && unacknowledged >= Point)
        {
            if (State == RecoveryState.Recovery)
            {
                _window.Bytes = Math.Max(_window.Threshold, _window.SegmentSize);
                CountRecovery();
            }

            State = RecoveryState.Open;
            DuplicateCount = 0;
        }

        switch (State)
        {
            case RecoveryState.Recovery:
                if (!IsSackPermitted && acknowledged > 0)
                {
                    TakePartial(acknowledged);
                }

                UpdateProportionally(delivered, acknowledged > 0 && !hasNewLoss);
                break;
            case RecoveryState.Loss when acknowledged > 0:
                _window.SlowStart(Math.Min(acknowledged, 2 * _window.SegmentSize));
                break;
            case RecoveryState.Open when acknowledged > 0:
                DuplicateCount = 0;
                if (isWindowUsed)
                {
                    _control.OnAcknowledged(ref _window, acknowledged, rtt.SmoothedNs, nowNs);
                }

                break;
        }
    }

    /// <summary>Takes an acknowledgment that names the first transmission: what was sent again had not been lost (RFC 3522).</summary>
    public bool TryUndo(bool hasEcho, SequenceNumber echo)
    {
        if (!_canUndo || State == RecoveryState.Open || !_hasUndoTimestamp || !hasEcho || echo.Value == 0 || echo >= _undoTimestamp)
        {
            return false;
        }

        counters.Add(State == RecoveryState.Loss ? TcpCounter.TCPSpuriousRTOs : TcpCounter.TCPFullUndo);
        Undo();
        return true;
    }

    /// <summary>Takes a report of bytes that came twice (RFC 2883): once each has, nothing had been lost.</summary>
    public void OnDuplicateReported()
    {
        counters.Add(TcpCounter.TCPDSACKRecv);
        WidenReorderWindow();
        if (_canUndo && _unconfirmed > 0 && --_unconfirmed == 0)
        {
            counters.Add(TcpCounter.TCPDSACKUndo);
            Undo();
        }
    }

    private void Undo()
    {
        _canUndo = false;
        while (list.FirstLost is { } segment)
        {
            list.SetLost(segment, false);
        }

        _window.Bytes = Math.Max(_window.Bytes, _priorWindow);
        _window.Threshold = Math.Max(_window.Threshold, _priorThreshold);
        _control.Undo();
        rtt.ResetBackoff();
        State = RecoveryState.Open;
        DuplicateCount = 0;
    }

    private void SavePrior()
    {
        _canUndo = true;
        _hasUndoTimestamp = false;
        _unconfirmed = 0;
        _priorWindow = _window.Bytes;
        _priorThreshold = _window.Threshold;
    }

    /// <summary>RFC 6582, 3.2 (5): what is next after a partial acknowledgment is lost too.</summary>
    private void TakePartial(int acknowledged)
    {
        DuplicateCount = Math.Max(DuplicateCount - (acknowledged / Math.Max(_window.SegmentSize, 1)), 0);
        MarkFirstLost();
    }

    /// <summary>Marks the first segment, of a full one's length.</summary>
    public void MarkFirstLost()
    {
        if (list.Head is not { IsSacked: false, IsLost: false } head)
        {
            return;
        }

        if (head.Length > _window.SegmentSize)
        {
            list.TrySplit(head, head.Start + _window.SegmentSize);
        }

        list.SetLost(head, true);
    }

    /// <summary>RFC 6937, 3: for what is delivered, as much is sent as leads to the threshold when the recovery ends.</summary>
    private void UpdateProportionally(int delivered, bool isProgress)
    {
        _prrDelivered += delivered;
        int inFlight = InFlight;
        long count;
        if (inFlight > _window.Threshold)
        {
            count = (((long)_prrDelivered * _window.Threshold) + _recoveryFlight - 1) / _recoveryFlight - _prrSent;
        }
        else
        {
            int limit = Math.Max(_prrDelivered - _prrSent, delivered) + (isProgress ? _window.SegmentSize : 0);
            count = Math.Min(_window.Threshold - inFlight, limit);
        }

        // The fast retransmission goes out whatever the sums say.
        count = Math.Max(count, _prrSent == 0 ? _window.SegmentSize : 0);
        _window.Bytes = (int)Math.Min(inFlight + count, int.MaxValue / 2);
    }
}
