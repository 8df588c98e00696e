namespace Semitone.Net;

/// <summary>A connection that a peer has asked a listener for, and not confirmed.</summary>
internal sealed class SynRecord : TcpRecord
{
    /// <summary>How often a SYN-ACK is sent again (Linux: tcp_synack_retries): 63 seconds in all.</summary>
    private const int MostRetransmissions = 5;

    private readonly TcpLayer _layer;
    private long _deadlineNs;
    private int _retransmissions;
    private TcpSegment _confirmation;

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

    /// <summary>Whether data is kept that came when there was no room.</summary>
    internal bool HasData => _confirmation.Buffer is not null;

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

    /// <summary>Takes note of the third segment. What it says is kept, as nobody will say it again.</summary>
    internal void Confirm(in TcpSegment segment, long nowNs)
    {
        _confirmation = new TcpSegment
        {
            Sequence = Handshake.InitialReceive + 1,
            Acknowledgment = segment.Acknowledgment,
            Flags = TcpFlags.Ack,
            Window = segment.Window,
            UrgentPointer = 0,
            Options = segment.Options,
            InterfaceIndex = segment.InterfaceIndex,
            Buffer = _confirmation.Buffer,
            PayloadLength = _confirmation.PayloadLength,
        };
        ConfirmedNs = IsConfirmed ? ConfirmedNs : nowNs;
        IsConfirmed = true;
    }

    /// <summary>Keeps the data that a peer begins with: it may take seconds over sending it again.</summary>
    internal void KeepData(ref TcpSegment segment)
    {
        if (!HasData && segment.PayloadLength > 0 && segment.Sequence == Handshake.InitialReceive + 1)
        {
            _confirmation.PayloadLength = segment.PayloadLength;
            _confirmation.Buffer = segment.TakeBuffer();
        }
    }

    /// <summary>Takes what the peer has confirmed with, and the data that was kept.</summary>
    internal TcpSegment TakeConfirmation()
    {
        TcpSegment taken = _confirmation;
        _confirmation.Buffer = null;
        _confirmation.PayloadLength = 0;
        return taken;
    }

    /// <summary>Lets go of the data.</summary>
    internal void DropData() => TakeConfirmation().Buffer?.Release();

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
