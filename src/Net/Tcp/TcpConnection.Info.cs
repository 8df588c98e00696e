namespace Semitone.Net;

/// <content>What there is to know.</content>
public sealed partial class TcpConnection
{
    /// <summary>Gets what there is to know now.</summary>
    public TcpInfo GetInfo(long nowNs)
    {
        int size = Math.Max(_segmentSize, 1);
        CongestionWindow window = _sender.Recovery.Window;
        int kind = _sender.TimerKind;
        long timerNs = kind != 0 ? _sender.DeadlineNs : _keepAtNs;
        return new TcpInfo
        {
            State = _state,
            CongestionState = _sender.Recovery.State switch { RecoveryState.Recovery => 3, RecoveryState.Loss => 4, _ => 0 },
            Retransmits = (byte)Math.Min(_sender.TimeoutCount, byte.MaxValue),
            Probes = (byte)Math.Min(_sender.UnansweredProbes + _keepProbes, byte.MaxValue),
            Backoff = (byte)Math.Min(_sender.Rtt.BackoffCount, byte.MaxValue),
            HasTimestamps = _hasTimestamps,
            HasSack = _hasSack,
            HasWindowScale = _receiver.WindowScale > 0 || _sendScale > 0,
            SendScale = _sendScale,
            ReceiveScale = _receiver.WindowScale,
            TimeoutNs = _sender.Rtt.TimeoutNs,
            AckTimeoutNs = 40_000_000,
            SendSegmentSize = _segmentSize,
            ReceiveSegmentSize = _receiver.SegmentSize,
            AdvertisedSegmentSize = _state == TcpState.Closed ? 0 : GetOwnSegmentSize(),
            Unacknowledged = (_sender.Next - _sender.Unacknowledged + size - 1) / size,
            Sacked = (_sender.SackedBytes + size - 1) / size,
            Lost = (_sender.LostBytes + size - 1) / size,
            LastDataSentAgoNs = nowNs - _sender.LastSentNs,
            LastReceivedAgoNs = nowNs - _receivedNs,
            PathMtu = _route.Mtu,
            RttNs = _sender.Rtt.SmoothedNs,
            RttVariationNs = _sender.Rtt.VariationNs,
            MinimumRttNs = _sender.Rtt.MinimumNs,
            SlowStartThreshold = window.Threshold / size,
            CongestionWindow = Math.Max(window.Bytes / size, 1),
            ReceiveSpace = _receiver.Buffer / 2,
            TotalRetransmissions = _sender.TotalRetransmissions + _synCount,
            BytesAcknowledged = _sender.AcknowledgedBytes,
            BytesReceived = _receiver.ReceivedBytes,
            BytesSent = _sender.SentBytes,
            BytesRetransmitted = _sender.RetransmittedBytes,
            NotSentBytes = _sender.UnsentCount,
            SendWindow = _sender.Window,
            ReceiveWindow = _receiver.Window,
            Timer = (byte)(kind != 0 ? kind : _keepAtNs != Never ? 2 : 0),
            TimerNs = timerNs == Never ? 0 : timerNs,
        };
    }
}
