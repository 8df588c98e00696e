namespace Semitone.Net;

/// <summary>What is left of a connection that was closed in good order: it answers what comes late (RFC 9293, 3.6).</summary>
public sealed class TimeWaitRecord : TcpRecord
{
    /// <summary>RFC 9293, 3.4.2 says four minutes; Linux's one is what programs count on.</summary>
    internal const long DurationNs = 60_000_000_000;

    /// <summary>How long the pair of ends is barred from connect(2), where timestamps tell old segments from new ones.</summary>
    private const long ReuseNs = 1_000_000_000;

    private readonly TcpLayer _layer;
    private long _deadlineNs;
    private long _startNs;
    private long _answeredNs = long.MinValue / 2;

    internal TimeWaitRecord(TcpLayer layer)
    {
        _layer = layer;
    }

    public override TcpState State => TcpState.TimeWait;

    /// <summary>When it ends.</summary>
    public long EndNs => _deadlineNs;

    internal SequenceNumber SendNext { get; init; }

    internal SequenceNumber ReceiveNext { get; init; }

    internal int Window { get; init; }

    internal ushort WindowField { get; init; }

    internal bool HasTimestamps { get; init; }

    internal SequenceNumber RecentTimestamp { get; private set; }

    internal SequenceNumber InitialRecentTimestamp
    {
        init => RecentTimestamp = value;
    }

    internal uint TimestampOffset { get; init; }

    internal bool IsLocal { get; init; }

    internal override long DeadlineNs => _deadlineNs;

    internal void Start(long nowNs)
    {
        _startNs = nowNs;
        _deadlineNs = nowNs + DurationNs;
    }

    /// <summary>Tells whether connect(2) may have the pair of ends: between sockets of this host after a second (Linux: tcp_tw_reuse).</summary>
    internal bool MayReuse(long nowNs) => IsLocal && HasTimestamps && nowNs - _startNs >= ReuseNs;

    internal override void OnTimer(long nowNs) => _layer.Remove(this);

    /// <summary>Takes a segment.</summary>
    /// <returns>True where it is a SYN that begins a new connection: the record is to go, and a listener may have it.</returns>
    internal bool OnSegment(in TcpSegment segment, long nowNs)
    {
        TcpOptions options = segment.Options;
        SequenceNumber timestamp = new(options.TimestampValue);
        bool hasTimestamp = HasTimestamps && options.HasTimestamps;
        bool isOld = hasTimestamp && timestamp < RecentTimestamp;

        // RFC 9293, 3.10.7.4, TIME-WAIT, and RFC 6191: a SYN that is newer, by number or by timestamp.
        bool isNewer = segment.Sequence > ReceiveNext || (hasTimestamp && timestamp > RecentTimestamp);
        if (segment.HasSyn && !segment.HasRst && !segment.HasAck && !isOld && isNewer)
        {
            return true;
        }

        if (segment.HasRst)
        {
            // Linux lets it end the wait (tcp_rfc1337 = 0); only the one with the exact number (RFC 5961).
            if (segment.Sequence == ReceiveNext)
            {
                _layer.Remove(this);
            }

            return false;
        }

        if (!isOld && hasTimestamp && segment.Sequence <= ReceiveNext)
        {
            RecentTimestamp = timestamp;
        }

        if (!isOld && segment.HasFin && segment.End == ReceiveNext)
        {
            // The FIN again: the time begins anew.
            Start(nowNs);
            _layer.Timers.Update(this);
        }

        if (segment.SequenceLength > 0 || segment.Sequence != ReceiveNext)
        {
            Answer(segment.PayloadLength > 0, nowNs);
        }

        return false;
    }

    private void Answer(bool hasData, long nowNs)
    {
        if (!hasData && nowNs - _answeredNs < 500_000_000)
        {
            return;
        }

        _answeredNs = nowNs;
        TcpOptions options = default;
        if (HasTimestamps)
        {
            options.HasTimestamps = true;
            options.TimestampValue = (uint)(nowNs / 1_000_000) + TimestampOffset;
            options.TimestampEcho = RecentTimestamp.Value;
        }

        _layer.SendControl(Key, SendNext, ReceiveNext, TcpFlags.Ack, WindowField, options, InterfaceIndex, nowNs);
    }
}
