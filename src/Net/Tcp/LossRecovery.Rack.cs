namespace Semitone.Net;

/// <summary>RFC 8985: what was sent before something that has arrived, and has not, is lost after a while.</summary>
internal sealed partial class LossRecovery
{
    // RFC 8985, 6.2 step 4: the window widens with each round in which a retransmission was in vain, for sixteen recoveries.
    private const int RecoveriesUntilNarrow = 16;

    // RFC 8985, 7.2: what a peer may delay an acknowledgment by.
    private const long LargestAckDelayNs = 200_000_000;

    // The segment sent last of all that have arrived.
    private long _rackSentNs;
    private SequenceNumber _rackEnd;
    private long _rackRttNs;

    private SequenceNumber _forward;
    private bool _hasForward;
    private bool _isReordered;
    private int _reorderFactor = 1;
    private int _reorderRecoveries;

    private bool _hasProbe;
    private bool _isProbeRetransmission;
    private SequenceNumber _probeEnd;

    /// <summary>Whether a tail loss probe has not been answered.</summary>
    public bool HasProbe => _hasProbe;

    public bool IsReorderingSeen => _isReordered;

    /// <summary>Notes that a record has arrived (6.2, steps 1 to 3).</summary>
    /// <param name="segment">The record.</param>
    /// <param name="isEchoOlder">Whether the acknowledgment's timestamp is of before the record was sent last.</param>
    /// <param name="nowNs">The time.</param>
    public void OnDelivered(SentSegment segment, bool isEchoOlder, long nowNs)
    {
        long rttNs = nowNs - segment.SentNs;
        if (segment.WasRetransmitted && (isEchoOlder || rttNs < rtt.MinimumNs))
        {
            // It is the first transmission that has arrived.
            return;
        }

        if (!segment.WasRetransmitted)
        {
            if (_hasForward && segment.End < _forward && !_isReordered)
            {
                _isReordered = true;
                counters.Add(TcpCounter.TCPSACKReorder);
            }

            if (!_hasForward || segment.End > _forward)
            {
                _hasForward = true;
                _forward = segment.End;
            }
        }

        if (segment.SentNs > _rackSentNs || (segment.SentNs == _rackSentNs && segment.End > _rackEnd))
        {
            _rackSentNs = segment.SentNs;
            _rackEnd = segment.End;
            _rackRttNs = rttNs;
        }
    }

    /// <summary>Marks what is lost (6.2, step 5).</summary>
    /// <param name="nowNs">The time.</param>
    /// <param name="waitNs">How long until something more may be; 0 for nothing.</param>
    /// <returns>Whether something was.</returns>
    public bool DetectLosses(long nowNs, out long waitNs)
    {
        waitNs = 0;
        bool hasLoss = false;
        long windowNs = GetReorderWindow();
        SentSegment? segment = list.OldestSent;
        while (segment is not null && IsSentBeforeRack(segment))
        {
            SentSegment? next = segment.NextSent;
            long leftNs = segment.SentNs + _rackRttNs + windowNs - nowNs;
            if (leftNs <= 0)
            {
                if (segment.WasRetransmitted)
                {
                    counters.Add(TcpCounter.TCPLostRetransmit);
                }

                list.SetLost(segment, true);
                hasLoss = true;
            }
            else
            {
                waitNs = Math.Max(waitNs, leftNs);
            }

            segment = next;
        }

        return hasLoss;
    }

    /// <summary>How long to wait for an acknowledgment before the last segment is sent again (7.2).</summary>
    public long GetProbeTimeout(bool isOneSegment)
    {
        if (rtt.SmoothedNs == 0)
        {
            return RttEstimator.InitialTimeoutNs;
        }

        return (2 * rtt.SmoothedNs) + (isOneSegment ? LargestAckDelayNs : 2_000_000);
    }

    public bool MayProbe => IsSackPermitted && State == RecoveryState.Open && !_hasProbe && list.SackedBytes == 0;

    /// <summary>Notes that a probe was sent (7.3).</summary>
    public void OnProbeSent(SequenceNumber end, bool isRetransmission)
    {
        _hasProbe = true;
        _probeEnd = end;
        _isProbeRetransmission = isRetransmission;
        counters.Add(TcpCounter.TCPLossProbes);
    }

    /// <summary>Looks whether an acknowledgment answers the probe, and what it tells of a loss that the probe repaired (7.4).</summary>
    /// <param name="acknowledgment">What is acknowledged.</param>
    /// <param name="isDuplicateReported">Whether bytes came twice: the probe, and what it repeated.</param>
    /// <param name="isPlainDuplicate">Whether it acknowledges nothing and reports nothing.</param>
    public void OnProbeAcknowledged(SequenceNumber acknowledgment, bool isDuplicateReported, bool isPlainDuplicate)
    {
        if (!_hasProbe || acknowledgment < _probeEnd)
        {
            return;
        }

        if (!_isProbeRetransmission || isDuplicateReported)
        {
            _hasProbe = false;
        }
        else if (acknowledgment > _probeEnd)
        {
            // Only one has arrived: the network has lost the other, which is congestion.
            _hasProbe = false;
            counters.Add(TcpCounter.TCPLossProbeRecovery);
            if (State == RecoveryState.Open)
            {
                SavePrior();
                _canUndo = false;
                _window.Threshold = _control.GetThreshold(_window, InFlight);
                _window.Bytes = _window.Threshold;
            }
        }
        else if (isPlainDuplicate)
        {
            _hasProbe = false;
        }
    }

    private bool IsSentBeforeRack(SentSegment segment) =>
        segment.SentNs < _rackSentNs || (segment.SentNs == _rackSentNs && segment.End < _rackEnd);

    /// <summary>6.2, step 4.</summary>
    private long GetReorderWindow()
    {
        if (!_isReordered && (State != RecoveryState.Open || list.SackedBytes > (DuplicateThreshold - 1) * _window.SegmentSize))
        {
            return 0;
        }

        return Math.Min(_reorderFactor * rtt.MinimumNs / 4, rtt.SmoothedNs);
    }

    private void WidenReorderWindow()
    {
        // Once a recovery: a round trip with several of them is one.
        if (_reorderRecoveries != RecoveriesUntilNarrow)
        {
            _reorderFactor = Math.Min(_reorderFactor + 1, 255);
        }

        _reorderRecoveries = RecoveriesUntilNarrow;
    }

    /// <summary>Counts a recovery that ended: the window narrows when there was nothing to widen it for long.</summary>
    private void CountRecovery()
    {
        if (_reorderRecoveries > 0 && --_reorderRecoveries == 0)
        {
            _reorderFactor = 1;
        }
    }
}
