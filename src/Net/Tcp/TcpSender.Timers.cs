namespace Semitone.Net;

/// <content>What is done when nothing comes.</content>
internal sealed partial class TcpSender
{
    /// <summary>
    /// RFC 9293, 3.8.3 (R2): at least 100 seconds until a connection is given up; with Linux's fifteen retransmissions it is some 15 minutes.
    /// </summary>
    public const int MostRetransmissions = 15;

    /// <summary>Of a connection that nobody has open any more.</summary>
    public const int MostOrphanRetransmissions = 8;

    // How soon a link without room is asked again.
    private const long RetryNs = 10_000_000;

    private int _persistBackoff;
    private int _unansweredProbes;

    // Since when nothing was acknowledged though something should have been, or the window was shut.
    private long _stalledSinceNs;
    private long _shutSinceNs = -1;

    /// <summary>RFC 6298, 5: when what is in flight is held for lost.</summary>
    private long TimeoutAtNs { get; set; } = TcpRecord.Never;

    /// <summary>RFC 8985, 7: when the tail is sent again.</summary>
    private long ProbeNs { get; set; } = TcpRecord.Never;

    /// <summary>RFC 8985, 6.2: when what may only be late is held for lost.</summary>
    private long ReorderNs { get; set; } = TcpRecord.Never;

    /// <summary>RFC 9293, 3.8.6.1: when a shut window is asked for.</summary>
    private long PersistNs { get; set; } = TcpRecord.Never;

    /// <summary>How long sent data may be without acknowledgment (TCP_USER_TIMEOUT, RFC 5482); 0 for the usual number of attempts.</summary>
    public long UserTimeoutNs { get; set; }

    public bool IsOrphan { get; set; }

    /// <summary>Timeouts since something was acknowledged.</summary>
    public int TimeoutCount { get; private set; }

    public int UnansweredProbes => _unansweredProbes;

    /// <summary>Whether the peer's window is what keeps data from being sent.</summary>
    public bool IsPersisting => PersistNs != TcpRecord.Never;

    public long DeadlineNs => Math.Min(Math.Min(TimeoutAtNs, ProbeNs), Math.Min(ReorderNs, PersistNs));

    /// <summary>What runs, by the number that /proc/net/tcp has: 1 retransmission, 4 persist, 0 nothing.</summary>
    public int TimerKind => PersistNs != TcpRecord.Never ? 4 : DeadlineNs != TcpRecord.Never ? 1 : 0;

    /// <summary>Does what is due.</summary>
    /// <returns>False when the connection is to be given up.</returns>
    public bool OnTimer(long nowNs)
    {
        if (ReorderNs <= nowNs)
        {
            FindLosses(false, nowNs);
            Output(nowNs);
        }

        if (ProbeNs <= nowNs && ProbeNs <= TimeoutAtNs)
        {
            // The probe goes first, and the timeout waits for its answer.
            SendProbe(nowNs);
        }

        if (TimeoutAtNs <= nowNs)
        {
            return OnTimeout(nowNs);
        }

        return PersistNs > nowNs || OnPersist(nowNs);
    }

    /// <summary>Tells that the peer has answered: that keeps a connection alive, however long the window is shut (RFC 9293, 3.8.6.1).</summary>
    public void OnAnswer() => _unansweredProbes = 0;

    private static long Earliest(long first, long second) => Math.Min(first, second);

    private void StopTimers()
    {
        TimeoutAtNs = TcpRecord.Never;
        ProbeNs = TcpRecord.Never;
        ReorderNs = TcpRecord.Never;
        PersistNs = TcpRecord.Never;
    }

    /// <summary>RFC 6298, 5.1: when something is sent and the timer does not run, it is started.</summary>
    private void ArmAfterSending(bool isFirst, long nowNs)
    {
        PersistNs = TcpRecord.Never;
        _shutSinceNs = -1;
        _persistBackoff = 0;
        if (isFirst)
        {
            _stalledSinceNs = nowNs;
        }

        if (TimeoutAtNs == TcpRecord.Never)
        {
            ArmTimeout(nowNs);
        }

        ArmProbe(nowNs);
    }

    /// <summary>RFC 6298, 5.2 and 5.3: when all is acknowledged it stops, when something is it starts again.</summary>
    private void ArmAfterProgress(long nowNs)
    {
        TimeoutCount = 0;
        _stalledSinceNs = nowNs;
        if (_list.Count == 0)
        {
            TimeoutAtNs = TcpRecord.Never;
            ProbeNs = TcpRecord.Never;
            ReorderNs = TcpRecord.Never;
            return;
        }

        ArmTimeout(nowNs);
        ArmProbe(nowNs);
    }

    private void ArmTimeout(long nowNs)
    {
        TimeoutAtNs = nowNs + Rtt.TimeoutNs;
        if (UserTimeoutNs > 0)
        {
            TimeoutAtNs = Earliest(TimeoutAtNs, Math.Max(_stalledSinceNs + UserTimeoutNs, nowNs + 1_000_000));
        }
    }

    private void ArmProbe(long nowNs)
    {
        ProbeNs = Recovery.MayProbe && _list.Count > 0
            ? Earliest(nowNs + Recovery.GetProbeTimeout(_list.Bytes <= _output.SegmentSize), TimeoutAtNs)
            : TcpRecord.Never;
    }

    /// <summary>Sees to it that something happens though nothing is in flight: a shut window, or data that is held back.</summary>
    private void ArmPersist(long nowNs)
    {
        bool isWaiting = _list.Count == 0 && (UnsentCount > 0 || (IsFinQueued && !_isFinSent));
        if (!isWaiting)
        {
            PersistNs = TcpRecord.Never;
            _shutSinceNs = -1;
            return;
        }

        if (PersistNs != TcpRecord.Never)
        {
            return;
        }

        if (_shutSinceNs < 0)
        {
            _shutSinceNs = nowNs;
        }

        PersistNs = nowNs + GetPersistInterval();
    }

    // RFC 9293, 3.8.6.1: at first after a retransmission's timeout, then exponentially rarer.
    private long GetPersistInterval()
    {
        long intervalNs = Math.Max(Rtt.TimeoutNs, RttEstimator.MinimumTimeoutNs);
        return Math.Min(intervalNs << Math.Min(_persistBackoff, 20), RttEstimator.MaximumTimeoutNs);
    }

    /// <summary>The link had no room: it is asked again soon.</summary>
    private void RetrySoon(long nowNs)
    {
        if (_list.Count == 0)
        {
            PersistNs = Earliest(PersistNs, nowNs + RetryNs);
        }
        else
        {
            ReorderNs = Earliest(ReorderNs, nowNs + RetryNs);
        }
    }

    private bool OnTimeout(long nowNs)
    {
        TimeoutAtNs = TcpRecord.Never;
        ProbeNs = TcpRecord.Never;
        ReorderNs = TcpRecord.Never;
        if (_list.Count == 0)
        {
            return true;
        }

        TimeoutCount++;
        _counters.Add(TcpCounter.TCPTimeouts);
        bool isOver = UserTimeoutNs > 0
            ? nowNs - _stalledSinceNs >= UserTimeoutNs
            : TimeoutCount > (IsOrphan ? MostOrphanRetransmissions : MostRetransmissions);
        if (isOver)
        {
            return false;
        }

        _output.Refresh();
        Recovery.EnterLoss(Next, Unacknowledged);
        Rtt.BackOff();
        SendLost(nowNs);
        ArmTimeout(nowNs);
        return true;
    }

    /// <summary>RFC 8985, 7.3: sends something new, or the last segment again.</summary>
    private void SendProbe(long nowNs)
    {
        ProbeNs = TcpRecord.Never;
        if (!Recovery.MayProbe || _list.Tail is not { } tail)
        {
            return;
        }

        SequenceNumber before = Next;
        int usable = Unacknowledged + Window - Next;
        int count = Math.Min(Math.Min(UnsentCount, usable), _output.SegmentSize);
        if (count > 0 && SendSegment(count, false, nowNs))
        {
            Recovery.OnProbeSent(Next, false);
        }
        else if (Next == before)
        {
            if (tail.Length > _output.SegmentSize && _list.TrySplit(tail, tail.End - _output.SegmentSize))
            {
                tail = tail.Next!;
            }

            if (Retransmit(tail, _output.SegmentSize, nowNs))
            {
                Recovery.OnProbeSent(Next, true);
            }
        }

        ProbeNs = TcpRecord.Never;
        ArmTimeout(nowNs);
    }

    /// <summary>The window was shut, or too small to be worth a segment, or data was held back, for long enough.</summary>
    private bool OnPersist(long nowNs)
    {
        PersistNs = TcpRecord.Never;
        if (UserTimeoutNs > 0 && _shutSinceNs >= 0 && nowNs - _shutSinceNs >= UserTimeoutNs && !_isHeld)
        {
            return false;
        }

        if (_unansweredProbes > (IsOrphan ? MostOrphanRetransmissions : MostRetransmissions))
        {
            return false;
        }

        Output(nowNs, true);
        if (_list.Count > 0 || IsIdle)
        {
            return true;
        }

        // A byte that the peer has makes it answer with its window.
        _counters.Add(TcpCounter.TCPWinProbe);
        _output.Emit(Unacknowledged - 1, TcpFlags.Ack, [], [], nowNs);
        _unansweredProbes++;
        _persistBackoff++;
        PersistNs = nowNs + GetPersistInterval();
        if (UserTimeoutNs > 0)
        {
            PersistNs = Earliest(PersistNs, Math.Max(_shutSinceNs + UserTimeoutNs, nowNs + 1_000_000));
        }

        return true;
    }
}
