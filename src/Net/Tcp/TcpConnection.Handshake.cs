namespace Semitone.Net;

/// <content>How a connection begins.</content>
public sealed partial class TcpConnection
{
    private int _synCount;
    private long _synAtNs = Never;
    private long _synSentNs;
    private long _synStartNs;
    private bool _isUsed;

    /// <summary>Begins to connect (connect(2)).</summary>
    /// <param name="local">Where from. Its address may be any, for the one that suits; its port is the caller's choice.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="interfaceIndex">The only interface that may be used; 0 for any.</param>
    /// <param name="nowNs">The time.</param>
    /// <returns>
    /// None: it is on its way, and the observer hears how it ends. <see cref="NetworkError.AddressNotAvailable"/> where the pair of ends is in
    /// use; <see cref="NetworkError.AlreadyConnected"/>; or why there is no route.
    /// </returns>
    public NetworkError Connect(TcpEndpoint local, TcpEndpoint remote, int interfaceIndex, long nowNs)
    {
        if (_state != TcpState.Closed)
        {
            return NetworkError.AlreadyConnected;
        }

        NetworkError error = _layer.Ip.FindRoute(local.Address, remote.Address, interfaceIndex, out IpRoute route);
        if (error != NetworkError.None)
        {
            return error;
        }

        Key = new ConnectionKey(new TcpEndpoint(local.Address.IsAny ? route.Source : local.Address, local.Port), remote);
        InterfaceIndex = interfaceIndex;
        _route = route;
        _routeGeneration = _layer.Ip.RouteGeneration;
        error = _layer.TryAdd(this, nowNs);
        if (error != NetworkError.None)
        {
            return error;
        }

        Reset(nowNs);
        _initialSend = _layer.GetInitialSequence(Key, nowNs);
        _timestampOffset = _layer.GetTimestampOffset(Key);
        _hasTimestamps = true;
        _hasSack = true;
        _receiver.WindowScale = _layer.WindowScale;
        _sender.Start(_initialSend);
        _state = TcpState.SynSent;
        UpdateSegmentSize();
        _layer.Counters.Add(TcpCounter.ActiveOpens);
        SendSyn(nowNs);
        Settle(nowNs);
        return NetworkError.None;
    }

    /// <summary>Takes up a connection whose handshake a listener has made.</summary>
    internal void StartAccepted(in Handshake handshake, in IpRoute route, long nowNs)
    {
        Key = handshake.Key;
        InterfaceIndex = handshake.BoundInterface;
        _route = route;
        _routeGeneration = _layer.Ip.RouteGeneration;
        _initialSend = handshake.InitialSend;
        _initialReceive = handshake.InitialReceive;
        _timestampOffset = handshake.TimestampOffset;
        _hasTimestamps = handshake.HasTimestamps;
        _hasSack = handshake.HasSack;
        _recentTimestamp = new SequenceNumber(handshake.RecentTimestamp);
        _recentTimestampNs = handshake.HasTimestamps ? nowNs : -1;
        _peerSegmentSize = handshake.PeerSegmentSize;
        _sendScale = handshake.SendScale;
        _receiver.WindowScale = handshake.ReceiveScale;
        _sender.Start(_initialSend);
        _receiver.Start(_initialReceive, handshake.AnnouncedWindow);
        _lastAcknowledgment = _receiver.Next;
        _state = TcpState.SynReceived;
        _synSentNs = handshake.SentNs;
        _synCount = handshake.Retransmissions;
        UpdateSegmentSize();
    }

    /// <summary>Forgets the connection that there was: a socket may connect again.</summary>
    private void Reset(long nowNs)
    {
        if (_isUsed)
        {
            _sender = new TcpSender(this, _layer.Memory, _layer.Counters);
            _receiver.Clear();
            _receiver = new TcpReceiver(_layer.Memory, _layer.Counters) { Buffer = _layer.Limits.ReceiveBuffer };
            _sendBuffer = _layer.Limits.SendBuffer;
            ApplySettings();
        }

        _isUsed = true;
        _synStartNs = nowNs;
        _synAtNs = Never;
        _keepAtNs = Never;
        _keepProbes = 0;
        _closeAtNs = Never;
        _events = TcpEvents.None;
        _error = NetworkError.None;
        _softError = NetworkError.None;
        _isReceiveShut = false;
        _isSendShut = false;
        _synCount = 0;
        _peerSegmentSize = 0;
        _sendScale = 0;
        _recentTimestamp = default;
        _recentTimestampNs = -1;
    }

    private void SendSyn(long nowNs)
    {
        bool isAnswer = _state == TcpState.SynReceived;
        TcpOptions options = new()
        {
            MaximumSegmentSize = (ushort)GetOwnSegmentSize(),
            HasWindowScale = !isAnswer || _receiver.WindowScale > 0 || _sendScale > 0,
            WindowScale = _receiver.WindowScale,
            IsSackPermitted = _hasSack,
        };
        AddTimestamps(ref options, nowNs);

        // RFC 7323, 2.2: the window of a SYN is never scaled.
        ushort window = (ushort)Math.Min(_layer.GetInitialWindow(_settings), ushort.MaxValue);
        TcpFlags flags = isAnswer ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Syn;
        NetworkError error = Send(_initialSend, flags, window, 0, ref options, [], [], nowNs);
        _synSentNs = nowNs;
        _synAtNs = nowNs + (error == NetworkError.NoBuffers ? RttEstimator.MinimumTimeoutNs : _sender.Rtt.TimeoutNs);
    }

    /// <summary>The SYN was not answered in time (RFC 9293, 3.8.3: at least three minutes; Linux gives two).</summary>
    private void OnSynTimer(long nowNs)
    {
        _synAtNs = Never;
        bool isOver = _synCount >= _settings.SynRetries
            || (_settings.UserTimeoutNs > 0 && nowNs - _synStartNs >= _settings.UserTimeoutNs);
        if (isOver)
        {
            _layer.Counters.Add(TcpCounter.TCPAbortOnTimeout);
            _layer.Counters.Add(TcpCounter.AttemptFails);
            Finish(_softError != NetworkError.None ? _softError : NetworkError.TimedOut);
            return;
        }

        _synCount++;
        _sender.Rtt.BackOff();
        _layer.Counters.Add(TcpCounter.RetransSegs);
        _layer.Counters.Add(TcpCounter.TCPTimeouts);
        SendSyn(nowNs);
    }

    /// <summary>RFC 9293, 3.10.7.3.</summary>
    private void OnSegmentInSynSent(ref TcpSegment segment, long nowNs)
    {
        if (segment.HasAck && segment.Acknowledgment != _initialSend + 1)
        {
            if (!segment.HasRst)
            {
                _layer.SendReset(Key, segment.Acknowledgment, default, TcpFlags.Rst, InterfaceIndex, nowNs);
            }

            return;
        }

        if (segment.HasRst)
        {
            if (segment.HasAck)
            {
                _layer.Counters.Add(TcpCounter.AttemptFails);
                Finish(NetworkError.ConnectionRefused);
            }

            return;
        }

        if (!segment.HasSyn)
        {
            return;
        }

        TakeSynOptions(segment, nowNs);
        if (segment.HasAck)
        {
            Establish(segment, segment.Window, nowNs);
            _receiver.AcknowledgeNow();
            return;
        }

        // Both have begun at once (RFC 9293, 3.5).
        _state = TcpState.SynReceived;
        SendSyn(nowNs);
    }

    private void TakeSynOptions(in TcpSegment segment, long nowNs)
    {
        TcpOptions options = segment.Options;
        _initialReceive = segment.Sequence;
        _peerSegmentSize = options.MaximumSegmentSize;
        _hasTimestamps &= options.HasTimestamps;
        _hasSack &= options.IsSackPermitted;
        if (options.HasWindowScale)
        {
            _sendScale = options.WindowScale;
        }
        else
        {
            _sendScale = 0;
            _receiver.WindowScale = 0;
        }

        if (_hasTimestamps)
        {
            _recentTimestamp = new SequenceNumber(options.TimestampValue);
            _recentTimestampNs = nowNs;
        }

        _receiver.Start(segment.Sequence, Math.Min(_layer.GetInitialWindow(_settings), ushort.MaxValue));
        UpdateSegmentSize();
    }

    /// <summary>Both sides have each other's SYN.</summary>
    private void Establish(in TcpSegment segment, int window, long nowNs)
    {
        _state = TcpState.Established;
        _synAtNs = Never;
        _receivedNs = nowNs;
        _sender.Recovery.IsSackPermitted = _hasSack;
        _sender.Establish(segment.Acknowledgment, segment.Sequence, window, _segmentSize);
        if (_synCount == 0 && _synSentNs >= 0)
        {
            _sender.Rtt.AddSample(nowNs - _synSentNs, nowNs);
        }
        else if (_synCount > 0)
        {
            // RFC 6298, 5.7; and RFC 5681, 3.1: a SYN that was lost leaves one segment.
            _sender.Rtt.StartAfterLostSyn();
            _sender.Recovery.Window.Bytes = _segmentSize;
        }

        GrowSendBuffer();
        ArmKeepAlive(nowNs);
        if (_isSendShut)
        {
            // The program has shut or closed it before it was there.
            _sender.QueueFin();
            _state = TcpState.FinWait1;
        }

        _events |= TcpEvents.Connected | TcpEvents.Writable;
    }

    /// <summary>Takes a complaint about a segment of ours (RFC 1122, 4.2.3.9; RFC 5927).</summary>
    /// <param name="error">What it says.</param>
    /// <param name="mtu">The size that fits, where it was too large; else 0.</param>
    /// <param name="sequence">The segment's number: one that is not in flight was made up.</param>
    /// <param name="nowNs">The time.</param>
    internal void OnIcmpError(NetworkError error, int mtu, SequenceNumber sequence, long nowNs)
    {
        if (_state == TcpState.Closed || sequence < _sender.Unacknowledged || sequence > _sender.Next)
        {
            _layer.Counters.Add(TcpCounter.OutOfWindowIcmps);
            return;
        }

        if (mtu > 0)
        {
            _layer.Ip.LowerPathMtu(Key.Remote.Address, mtu, nowNs);
            FindRoute();
            if (IsSynchronized)
            {
                _sender.Output(nowNs);
            }
        }
        else if (_state is TcpState.SynSent or TcpState.SynReceived)
        {
            // Nothing to lose yet: the program hears of it at once, as on Linux.
            _layer.Counters.Add(TcpCounter.AttemptFails);
            Finish(error);
        }
        else
        {
            _softError = error;
        }

        Settle(nowNs);
    }
}
