namespace Semitone.Net;

/// <summary>A connection that a peer has asked a listener for, and not confirmed.</summary>
internal sealed class SynRecord : TcpRecord
{
    /// <summary>How often a SYN-ACK is sent again (Linux: tcp_synack_retries): 63 seconds in all.</summary>
    private const int MostRetransmissions = 5;

    private readonly TcpLayer _layer;
    private long _deadlineNs;
    private int _retransmissions;

    public SynRecord(TcpLayer layer, TcpListener listener, in Handshake handshake, in IpRoute route, long nowNs)
    {
        _layer = layer;
        Listener = listener;
        Handshake = handshake;
        Route = route;
        Key = handshake.Key;
        InterfaceIndex = handshake.BoundInterface;
        StartNs = nowNs;
        _deadlineNs = nowNs + RttEstimator.InitialTimeoutNs;
    }

    public override TcpState State => TcpState.SynReceived;

    public TcpListener Listener { get; }

    /// <summary>The neighbours among those of the listener.</summary>
    public SynRecord? Previous { get; set; }

    public SynRecord? Next { get; set; }

    internal Handshake Handshake { get; private set; }

    internal IpRoute Route { get; }

    internal long StartNs { get; }

    /// <summary>
    /// What the peer has confirmed by, without its data, where it could not be let in for want of room; it is when there is some.
    /// </summary>
    internal TcpSegment? Confirmation { get; set; }

    internal override long DeadlineNs => _deadlineNs;

    internal override void OnTimer(long nowNs)
    {
        if (_retransmissions >= MostRetransmissions)
        {
            Listener.Drop(this);
            return;
        }

        if (Confirmation is null)
        {
            _layer.Counters.Add(TcpCounter.RetransSegs);
            _layer.Counters.Add(TcpCounter.TCPTimeouts);
            Resend(nowNs);
        }

        _deadlineNs = nowNs + (RttEstimator.InitialTimeoutNs << ++_retransmissions);
        _layer.Timers.Update(this);
    }

    internal void Resend(long nowNs)
    {
        Handshake = Handshake with { SentNs = nowNs, Retransmissions = Handshake.Retransmissions + 1 };
        _layer.SendSynAck(Handshake, Route, Listener.Settings, null, nowNs);
    }
}
