namespace Semitone.Net;

/// <content>What segments do.</content>
public sealed partial class TcpListener
{
    // How many may be half open however short the queue behind is: beyond, cookies, which cost a peer its retransmitted SYN-ACK.
    private const int FewestHalfOpen = 64;

    // How long cookies are taken after the last one was given.
    private const long CookieLifeNs = 2L * 64 * 1_000_000_000;

    // While so many wait, the first data of each is kept.
    private const int MostWithData = 64;

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
        if (segment.HasSyn
            && !segment.HasAck
            && !segment.HasRst
            && segment.Sequence == handshake.InitialReceive
            && !record.IsConfirmed)
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
                ushort window = (ushort)(handshake.AnnouncedWindow >> handshake.ReceiveScale);
                SequenceNumber next = handshake.InitialSend + 1;
                _layer.SendControl(record.Key, next, expected, TcpFlags.Ack, window, default, record.InterfaceIndex, nowNs);
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

        record.Confirm(segment, nowNs);
        if (segment.SequenceLength == 0 && IsDeferred(record, nowNs))
        {
            // The program wants to hear of it when there is something to read (tcp(7), TCP_DEFER_ACCEPT).
            _layer.Counters.Add(TcpCounter.TCPDeferAcceptDrop);
            record.WakeAt(record.StartNs + _settings.DeferAcceptNs);
            return;
        }

        // Those that wait already go first: nobody overtakes.
        if (IsFull || (_waiting.First is not null && !record.IsWaiting) || !_layer.TryCreate(_settings, out TcpConnection? connection))
        {
            // No RST: it is let in when there is room. Its first data is kept for some; the others send theirs again.
            _layer.Counters.Add(TcpCounter.ListenOverflows);
            _layer.Counters.Add(TcpCounter.ListenDrops);
            MakeWait(record);
            if (_waiting.Count <= MostWithData)
            {
                record.KeepData(ref segment);
            }

            return;
        }

        IpRoute route = record.Route;
        Drop(record);
        LetIn(connection, handshake, route, ref segment, nowNs);
    }

    /// <summary>Does what is due for one that its peer has confirmed: no SYN-ACK is sent again, for the peer has it.</summary>
    /// <returns>Whether it waits on.</returns>
    internal bool OnConfirmedTimer(SynRecord record, long nowNs)
    {
        if (IsDeferred(record, nowNs))
        {
            return true;
        }

        MakeWait(record);
        LetWaitingIn(nowNs);
        return record.IsInTable;
    }

    /// <summary>Lets in those that were confirmed when there was no room, the oldest first, while there is.</summary>
    private void LetWaitingIn(long nowNs)
    {
        while (!IsFull && _waiting.First is { } record && _layer.TryCreate(_settings, out TcpConnection? connection))
        {
            // As if it came when its peer confirmed: so the round trip is the wire's, and not what it has waited here.
            Handshake handshake = record.Handshake;
            TcpSegment segment = record.TakeConfirmation();
            IpRoute route = record.Route;
            Drop(record);
            LetIn(connection, handshake, route, ref segment, Math.Min(record.ConfirmedNs, nowNs));
            segment.Buffer?.Release();
        }
    }

    private void MakeWait(SynRecord record)
    {
        if (!record.IsWaiting)
        {
            _halfOpen.Remove(record);
            record.IsWaiting = true;
            _waiting.Append(record);
        }
    }

    private bool IsDeferred(SynRecord record, long nowNs) =>
        _settings.DeferAcceptNs > 0 && !record.IsWaiting && nowNs - record.StartNs < _settings.DeferAcceptNs;

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
            AnnouncedWindow = _layer.GetAnnouncedWindow(_settings),
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
            AnnouncedWindow = _layer.GetInitialWindow(_settings),
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
        connection.SetHold(Options.Hold);
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
