namespace Semitone.Net;

/// <summary>A connection: the state machine of RFC 9293 around a sender and a receiver.</summary>
/// <remarks>
/// It knows no socket, no clock and no lock: whoever calls says what time it is, and never calls while another call is on its way. Each
/// call and each segment ends in <see cref="Settle"/>, which sends what is owed, sets the timer, and tells the observer.
/// </remarks>
public sealed partial class TcpConnection : TcpRecord, ISegmentOutput
{
    /// <summary>RFC 9293, 3.7.1; below it a segment would be all header (Linux: tcp_min_snd_mss).</summary>
    private const int SmallestSegmentSize = 48;

    /// <summary>RFC 9293, 3.7.1: what a peer takes that does not say.</summary>
    private const int DefaultSegmentSizeIpv4 = 536;
    private const int DefaultSegmentSizeIpv6 = 1220;

    /// <summary>RFC 5961, 7: challenge ACKs are limited; one in half a second is what Linux sends on a connection.</summary>
    private const long ChallengeIntervalNs = 500_000_000;

    private readonly TcpLayer _layer;
    private TcpSender _sender;
    private TcpReceiver _receiver;
    private TcpSettings _settings;
    private TcpState _state = TcpState.Closed;
    private TcpEvents _events;
    private IpRoute _route;
    private int _routeGeneration;
    private int _segmentSize = DefaultSegmentSizeIpv4;

    // What the handshake has agreed on.
    private int _peerSegmentSize;
    private byte _sendScale;
    private bool _hasTimestamps;
    private bool _hasSack;
    private SequenceNumber _initialSend;
    private SequenceNumber _initialReceive;

    // RFC 7323, 4.3.
    private SequenceNumber _recentTimestamp;
    private long _recentTimestampNs = -1;
    private SequenceNumber _lastAcknowledgment;
    private uint _timestampOffset;

    private NetworkError _error;
    private NetworkError _softError;
    private bool _isReceiveShut;
    private bool _isSendShut;
    private bool _isOrphan;
    private bool _wasFull;
    private long _challengeNs = long.MinValue / 2;
    private long _receivedNs;
    private int _sendBuffer;

    internal TcpConnection(TcpLayer layer, in TcpSettings settings)
    {
        _layer = layer;
        _settings = settings;
        _sender = new TcpSender(this, layer.Memory, layer.Counters);
        _receiver = new TcpReceiver(layer.Memory, layer.Counters);
        _sendBuffer = layer.Limits.SendBuffer;
        _receiver.Buffer = layer.Limits.ReceiveBuffer;
        ApplySettings();
    }

    public override TcpState State => _state;

    /// <summary>Who hears of events; null for nobody.</summary>
    public ITcpObserver? Observer { get; set; }

    /// <summary>The next one that owes an acknowledgment, and whether it is in that list (<see cref="TcpLayer.FlushAcknowledgments"/>).</summary>
    internal TcpConnection? NextOwing { get; set; }

    internal bool IsOwing { get; set; }

    /// <summary>The next one that waits for being accepted (<see cref="TcpListener"/>).</summary>
    internal TcpConnection? NextAcceptable { get; set; }

    internal bool IsOrphan => _isOrphan;

    internal TcpSender Sender => _sender;

    internal TcpReceiver Receiver => _receiver;

    int ISegmentOutput.SegmentSize => _segmentSize;

    int ISegmentOutput.BurstSize => _route.LargestSegmentedPayload <= _segmentSize
        ? _segmentSize
        : Math.Min(_route.LargestSegmentedPayload, ushort.MaxValue - TcpHeader.MaximumSize) / _segmentSize * _segmentSize;

    private int IpHeaderSize => Key.Remote.Address.IsIpv4 ? 20 : 40;

    private bool IsSynchronized => _state is not (TcpState.Closed or TcpState.SynSent or TcpState.SynReceived);

    void ISegmentOutput.Refresh()
    {
        if (_layer.Ip.RouteGeneration != _routeGeneration)
        {
            FindRoute();
        }
    }

    SequenceNumber ISegmentOutput.GetTimestamp(long nowNs) => GetTimestamp(nowNs);

    NetworkError ISegmentOutput.Emit(
        SequenceNumber sequence,
        TcpFlags flags,
        ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> more,
        long nowNs)
    {
        TcpOptions options = default;
        AddTimestamps(ref options, nowNs);
        if (_hasSack)
        {
            _receiver.Report(ref options);
        }

        int length = payload.Length + more.Length;
        ushort window = _receiver.Announce(length > 0);
        _lastAcknowledgment = _receiver.Next;
        ushort urgent = 0;
        if (_sender.IsUrgent && _sender.UrgentEnd > sequence)
        {
            int distance = _sender.UrgentEnd - sequence;
            if (distance <= ushort.MaxValue)
            {
                flags |= TcpFlags.Urg;
                urgent = (ushort)distance;
            }
        }

        return Send(sequence, flags, window, urgent, ref options, payload, more, nowNs);
    }

    /// <summary>Ends what changed the state: sends what is owed, sets the timer, and tells the observer.</summary>
    internal void Settle(long nowNs)
    {
        if (IsSynchronized)
        {
            if (_receiver.IsAcknowledgmentDue)
            {
                EmitAcknowledgment(nowNs);
            }
            else if (_receiver.IsAcknowledgmentOwed)
            {
                _layer.AddOwing(this);
            }

            if (_wasFull && HasRoomToWrite)
            {
                _wasFull = false;
                _events |= TcpEvents.Writable;
            }
        }

        if (_state != TcpState.Closed)
        {
            _layer.Timers.Update(this);
        }

        if (_events != TcpEvents.None)
        {
            TcpEvents events = _events;
            _events = TcpEvents.None;
            Observer?.OnEvents(this, events);
        }
    }

    /// <summary>Sends an acknowledgment alone.</summary>
    internal void EmitAcknowledgment(long nowNs) => ((ISegmentOutput)this).Emit(AcceptableSequence, TcpFlags.Ack, [], [], nowNs);

    /// <summary>Sends the acknowledgment that is owed, if one is.</summary>
    internal void FlushAcknowledgment(long nowNs)
    {
        if (IsSynchronized && _receiver.IsAcknowledgmentOwed)
        {
            _layer.Counters.Add(TcpCounter.DelayedACKs);
            EmitAcknowledgment(nowNs);
        }
    }

    /// <summary>The sequence number of a segment without data that the peer will accept, though it may have shrunk its window.</summary>
    private SequenceNumber AcceptableSequence =>
        SequenceNumber.Max(_sender.Unacknowledged, SequenceNumber.Min(_sender.Next, _sender.Unacknowledged + _sender.Window));

    private SequenceNumber GetTimestamp(long nowNs) => new((uint)(nowNs / 1_000_000) + _timestampOffset);

    private void AddTimestamps(ref TcpOptions options, long nowNs)
    {
        if (!_hasTimestamps)
        {
            return;
        }

        options.HasTimestamps = true;
        options.TimestampValue = GetTimestamp(nowNs).Value;
        options.TimestampEcho = _recentTimestamp.Value;
    }

    private NetworkError Send(
        SequenceNumber sequence,
        TcpFlags flags,
        ushort window,
        ushort urgent,
        ref TcpOptions options,
        ReadOnlySpan<byte> payload,
        ReadOnlySpan<byte> more,
        long nowNs)
    {
        Span<byte> header = stackalloc byte[TcpHeader.MaximumSize];
        header = header[..(TcpHeader.Size + options.Write(header[TcpHeader.Size..]))];
        TcpHeader.Write(
            header, Key.Local.Port, Key.Remote.Port, sequence.Value, (flags & TcpFlags.Ack) != 0 ? _receiver.Next.Value : 0, flags, window, urgent);
        int length = payload.Length + more.Length;
        int segments = length <= _segmentSize ? 1 : (length + _segmentSize - 1) / _segmentSize;
        TransportPacket packet = new()
        {
            Protocol = IpProtocol.Tcp,
            Header = header,
            ChecksumOffset = TcpHeader.ChecksumOffset,
            Payload = payload,
            MorePayload = more,
            SegmentSize = segments > 1 ? _segmentSize : 0,
            HopLimit = _settings.HopLimit,
            TrafficClass = _settings.TrafficClass,
            DontFragment = true,
        };
        NetworkError error = _layer.Ip.Send(_route, packet, nowNs);
        switch (error)
        {
            case NetworkError.None:
                _layer.Counters.Add(TcpCounter.OutSegs, segments);
                break;
            case NetworkError.NoBuffers:
                break;
            case NetworkError.MessageTooLong:
                // The path has become narrower meanwhile: smaller ones are tried soon.
                FindRoute();
                return NetworkError.NoBuffers;
            default:
                _softError = error;
                break;
        }

        return error;
    }

    /// <summary>Asks again how the peer is reached, and how large segments may be.</summary>
    private NetworkError FindRoute()
    {
        _routeGeneration = _layer.Ip.RouteGeneration;
        NetworkError error = _layer.Ip.FindRoute(Key.Local.Address, Key.Remote.Address, InterfaceIndex, out IpRoute route);
        if (error != NetworkError.None)
        {
            // What is known is used on: a route that is gone may come back (RFC 1122, 4.2.3.9).
            _softError = error;
            return error;
        }

        _route = route;
        UpdateSegmentSize();
        return NetworkError.None;
    }

    /// <summary>Bytes of data that a segment to this host may have: what is announced in a SYN (RFC 6691).</summary>
    private int GetOwnSegmentSize()
    {
        int size = _layer.GetSegmentSize(_route, Key.Remote.Address);
        return _settings.MaximumSegmentSize > 0 ? Math.Min(size, _settings.MaximumSegmentSize) : size;
    }

    private void UpdateSegmentSize()
    {
        int peer = _peerSegmentSize > 0 ? _peerSegmentSize : Key.Remote.Address.IsIpv4 ? DefaultSegmentSizeIpv4 : DefaultSegmentSizeIpv6;
        int size = Math.Min(peer, GetOwnSegmentSize());
        _segmentSize = Math.Max(size - (_hasTimestamps ? TcpOptions.TimestampsSize : 0), SmallestSegmentSize);
        _sender.SetSegmentSize(_segmentSize);
    }

    /// <summary>Ends the connection.</summary>
    /// <param name="error">Why; none where both sides have said that they will send no more.</param>
    private void Finish(NetworkError error)
    {
        if (_state == TcpState.Closed)
        {
            return;
        }

        _state = TcpState.Closed;
        _error = error;
        _isReceiveShut = true;
        _isSendShut = true;
        _sender.Clear();
        _receiver.ClearOutOfOrder();
        if (_isOrphan)
        {
            _receiver.Clear();
        }

        _events |= TcpEvents.HangUp | TcpEvents.Readable | TcpEvents.Writable | TcpEvents.Drained;
        _events |= error != NetworkError.None ? TcpEvents.Failed : TcpEvents.None;
        _layer.Remove(this);
    }

    /// <summary>Gives up: the peer hears of it, if it is still there.</summary>
    private void Fail(NetworkError error, long nowNs)
    {
        SendReset(nowNs);
        Finish(error);
    }

    private void SendReset(long nowNs)
    {
        if (_state is TcpState.Established or TcpState.CloseWait or TcpState.FinWait1 or TcpState.FinWait2 or TcpState.SynReceived)
        {
            TcpOptions options = default;
            AddTimestamps(ref options, nowNs);
            _layer.Counters.Add(TcpCounter.OutRsts);
            Send(AcceptableSequence, TcpFlags.Rst | TcpFlags.Ack, 0, 0, ref options, [], [], nowNs);
        }
    }
}
