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

    /// <summary>Whether the peer has confirmed, though it could not be let in yet.</summary>
    internal bool IsConfirmed { get; private set; }

    /// <summary>What the peer has confirmed with, without its data.</summary>
    internal TcpSegment Confirmation { get; private set; }

    internal long ConfirmedNs { get; private set; }

    /// <summary>Whether it is let in as soon as there is room.</summary>
    internal bool IsWaiting { get; set; }

    internal override long DeadlineNs => _deadlineNs;

    internal override void OnTimer(long nowNs)
    {
        if (_retransmissions >= MostRetransmissions)
        {
            Listener.Drop(this);
            return;
        }

        if (!IsConfirmed)
        {
            _layer.Counters.Add(TcpCounter.RetransSegs);
            _layer.Counters.Add(TcpCounter.TCPTimeouts);
            Resend(nowNs);
        }
        else if (!Listener.OnConfirmedTimer(this, nowNs))
        {
            return;
        }

        _deadlineNs = nowNs + (RttEstimator.InitialTimeoutNs << ++_retransmissions);
        _layer.Timers.Update(this);
    }

    /// <summary>Takes note of the third segment. What it says is kept, as nobody will say it again; its data is not.</summary>
    internal void Confirm(in TcpSegment segment, long nowNs)
    {
        Confirmation = new TcpSegment
        {
            Sequence = Handshake.InitialReceive + 1,
            Acknowledgment = segment.Acknowledgment,
            Flags = TcpFlags.Ack,
            Window = segment.Window,
            UrgentPointer = 0,
            Options = segment.Options,
            InterfaceIndex = segment.InterfaceIndex,
        };
        ConfirmedNs = IsConfirmed ? ConfirmedNs : nowNs;
        IsConfirmed = true;
    }

    /// <summary>Wants to be called at a time, and from then on as often as before.</summary>
    internal void WakeAt(long timeNs)
    {
        _deadlineNs = timeNs;
        _layer.Timers.Update(this);
    }

    internal void Resend(long nowNs)
    {
        Handshake = Handshake with { SentNs = nowNs, Retransmissions = Handshake.Retransmissions + 1 };
        _layer.SendSynAck(Handshake, Route, Listener.Settings, null, nowNs);
    }
}
