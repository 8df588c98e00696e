namespace Semitone.Net;

/// <content>What segments do.</content>
public sealed partial class TcpListener
{
    // How many may be half open however short the queue behind is: beyond, cookies, which cost a peer its retransmitted SYN-ACK.
    private const int FewestHalfOpen = 64;

    // How long cookies are taken after the last one was given.
    private const long CookieLifeNs = 2L * 64 * 1_000_000_000;

    private long _cookieNs = -CookieLifeNs;

    /// <summary>Takes a segment that belongs to nobody else.</summary>
    /// <returns>False where it is to be answered with a RST.</returns>
    internal bool OnSegment(ref TcpSegment segment, in ConnectionKey key, long nowNs)
    {
        // RFC 9293, 3.10.7.2.
        if (segment.HasRst)
        {
            return true;
        }

        if (segment.HasAck)
        {
            return !segment.HasSyn && TryOpenCookie(ref segment, key, nowNs);
        }

        if (segment.HasSyn && !segment.HasFin)
        {
            OnSyn(segment, key, nowNs);
        }

        return true;
    }

    /// <summary>Takes a segment for one that is half open (RFC 9293, 3.10.7.4, SYN-RECEIVED).</summary>
    internal void OnSegment(SynRecord record, ref TcpSegment segment, long nowNs)
    {
        Handshake handshake = record.Handshake;
        SequenceNumber expected = handshake.InitialReceive + 1;
        if (segment.HasSyn && !segment.HasAck && !segment.HasRst && segment.Sequence == handshake.InitialReceive)
        {
            // Our answer was lost.
            record.Resend(nowNs);
            return;
        }

        bool isInside = segment.Sequence >= expected && segment.Sequence <= expected + handshake.AnnouncedWindow;
        bool isOld = handshake.HasTimestamps
            && segment.Options.HasTimestamps
            && new SequenceNumber(segment.Options.TimestampValue) < new SequenceNumber(handshake.RecentTimestamp);
        if (!isInside || (isOld && !segment.HasRst))
        {
            if (!segment.HasRst)
            {
                _layer.SendControl(
                    record.Key, handshake.InitialSend + 1, expected, TcpFlags.Ack, (ushort)handshake.AnnouncedWindow, default, record.InterfaceIndex, nowNs);
            }

            return;
        }

        if (segment.HasRst || segment.HasSyn)
        {
            if (segment.HasSyn || segment.Sequence == expected)
            {
                _layer.Counters.Add(TcpCounter.EmbryonicRsts);
                Drop(record);
            }

            return;
        }

        if (!segment.HasAck)
        {
            return;
        }

        if (segment.Acknowledgment != handshake.InitialSend + 1)
        {
            _layer.SendReset(record.Key, segment.Acknowledgment, default, TcpFlags.Rst, record.InterfaceIndex, nowNs);
            return;
        }

        if (segment.SequenceLength == 0 && _settings.DeferAcceptNs > 0 && nowNs - record.StartNs < _settings.DeferAcceptNs)
        {
            // The program wants to hear of it when there is something to read (tcp(7), TCP_DEFER_ACCEPT).
            _layer.Counters.Add(TcpCounter.TCPDeferAcceptDrop);
            record.IsConfirmed = true;
            return;
        }

        if (IsFull || !_layer.TryCreate(_settings, out TcpConnection? connection))
        {
            // No RST: the peer sends again, or we do, and then there may be room.
            _layer.Counters.Add(TcpCounter.ListenOverflows);
            _layer.Counters.Add(TcpCounter.ListenDrops);
            record.IsConfirmed = true;
            return;
        }

        IpRoute route = record.Route;
        Drop(record);
        LetIn(connection, handshake, route, ref segment, nowNs);
    }

    private void OnSyn(in TcpSegment segment, in ConnectionKey key, long nowNs)
    {
        if (IsFull)
        {
            _layer.Counters.Add(TcpCounter.ListenOverflows);
            _layer.Counters.Add(TcpCounter.ListenDrops);
            return;
        }

        int bound = _layer.GetBinding(key, Options.InterfaceIndex, segment.InterfaceIndex);
        if (_layer.Ip.FindRoute(key.Local.Address, key.Remote.Address, bound, out IpRoute route) != NetworkError.None)
        {
            _layer.Counters.Add(TcpCounter.ListenDrops);
            return;
        }

        TcpOptions options = segment.Options;
        bool isFlooded = HalfOpenCount >= Math.Max(_backlog, FewestHalfOpen) || !_layer.HasRoomForHalfOpen;
        Handshake handshake = new()
        {
            Key = key,
            BoundInterface = bound,
            InitialSend = isFlooded
                ? _layer.Cookies.Create(key, segment.Sequence, options.MaximumSegmentSize, nowNs)
                : _layer.GetInitialSequence(key, nowNs),
            InitialReceive = segment.Sequence,
            AnnouncedWindow = Math.Min(_layer.GetInitialWindow(_settings), ushort.MaxValue),
            PeerSegmentSize = options.MaximumSegmentSize,
            SendScale = options.HasWindowScale ? options.WindowScale : (byte)0,
            ReceiveScale = options.HasWindowScale ? _layer.WindowScale : (byte)0,
            HasSack = options.IsSackPermitted,
            HasTimestamps = options.HasTimestamps,
            TimestampOffset = _layer.GetTimestampOffset(key),
            RecentTimestamp = options.TimestampValue,
            SentNs = nowNs,
        };
        if (!isFlooded)
        {
            Add(new SynRecord(_layer, this, handshake, route, nowNs));
            _layer.SendSynAck(handshake, route, _settings, options.HasWindowScale, nowNs);
            return;
        }

        _layer.Counters.Add(TcpCounter.TCPReqQFullDoCookies);
        _layer.Counters.Add(TcpCounter.SyncookiesSent);
        _cookieNs = nowNs;
        _layer.SendCookie(handshake, route, _settings, options, nowNs);
    }

    private bool TryOpenCookie(ref TcpSegment segment, in ConnectionKey key, long nowNs)
    {
        if (nowNs - _cookieNs > CookieLifeNs)
        {
            return false;
        }

        SequenceNumber cookie = segment.Acknowledgment - 1;
        SequenceNumber peerInitial = segment.Sequence - 1;
        if (!_layer.Cookies.TryOpen(key, cookie, peerInitial, nowNs, out int segmentSize))
        {
            _layer.Counters.Add(TcpCounter.SyncookiesFailed);
            return false;
        }

        _layer.Counters.Add(TcpCounter.SyncookiesRecv);
        int bound = _layer.GetBinding(key, Options.InterfaceIndex, segment.InterfaceIndex);
        if (IsFull
            || _layer.Ip.FindRoute(key.Local.Address, key.Remote.Address, bound, out IpRoute route) != NetworkError.None
            || !_layer.TryCreate(_settings, out TcpConnection? connection))
        {
            _layer.Counters.Add(TcpCounter.ListenOverflows);
            _layer.Counters.Add(TcpCounter.ListenDrops);
            return true;
        }

        uint offset = _layer.GetTimestampOffset(key);
        TcpOptions offered = segment.Options.HasTimestamps ? SynCookies.Reveal(segment.Options.TimestampEcho - offset) : default;
        Handshake handshake = new()
        {
            Key = key,
            BoundInterface = bound,
            InitialSend = cookie,
            InitialReceive = peerInitial,
            AnnouncedWindow = Math.Min(_layer.GetInitialWindow(_settings), ushort.MaxValue),
            PeerSegmentSize = segmentSize,
            SendScale = offered.WindowScale,
            ReceiveScale = offered.HasWindowScale ? _layer.WindowScale : (byte)0,
            HasSack = offered.IsSackPermitted,
            HasTimestamps = segment.Options.HasTimestamps,
            TimestampOffset = offset,
            RecentTimestamp = segment.Options.TimestampValue,
            SentNs = -1,
        };
        LetIn(connection, handshake, route, ref segment, nowNs);
        return true;
    }

    private void LetIn(TcpConnection connection, in Handshake handshake, in IpRoute route, ref TcpSegment segment, long nowNs)
    {
        connection.StartAccepted(handshake, route, nowNs);
        _layer.Add(connection);
        connection.OnSegment(ref segment, nowNs);
        if (connection.State is TcpState.Closed or TcpState.SynReceived)
        {
            connection.Abort(nowNs);
            return;
        }

        _layer.Counters.Add(TcpCounter.PassiveOpens);
        Enqueue(connection);
        Observer?.OnAcceptReady(this);
    }
}
