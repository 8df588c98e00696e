namespace Semitone.Net;

/// <content>What a segment does (RFC 9293, 3.10.7).</content>
public sealed partial class TcpConnection
{
    /// <summary>RFC 7323, 5.5: a timestamp is older than the connection's memory after 24 days without a segment.</summary>
    private const long OldestTimestampNs = 24L * 24 * 3600 * 1_000_000_000;

    /// <summary>Takes a segment, and ends with <see cref="Settle"/>. Data that is kept is taken out of it.</summary>
    internal void OnSegment(ref TcpSegment segment, long nowNs)
    {
        if (_state == TcpState.SynSent)
        {
            OnSegmentInSynSent(ref segment, nowNs);
        }
        else if (_state != TcpState.Closed)
        {
            OnSegmentSynchronized(ref segment, nowNs);
        }

        if (_state is not (TcpState.Closed or TcpState.SynSent or TcpState.SynReceived))
        {
            _sender.Output(nowNs);
        }

        Settle(nowNs);
    }

    private void OnSegmentSynchronized(ref TcpSegment segment, long nowNs)
    {
        if (!IsValid(ref segment, nowNs))
        {
            return;
        }

        _receivedNs = nowNs;
        _keepProbes = 0;
        if (_state == TcpState.SynReceived && !TakeHandshakeAck(segment, nowNs))
        {
            return;
        }

        if (!TakeAcknowledgment(segment, nowNs) || _state == TcpState.Closed)
        {
            return;
        }

        if ((segment.Flags & TcpFlags.Urg) != 0 && _receiver.OnUrgent(segment.Sequence, segment.UrgentPointer))
        {
            _events |= TcpEvents.Urgent;
        }

        TakeData(ref segment, nowNs);
    }

    /// <summary>Checks timestamp, place, RST and SYN, in that order (RFC 7323, 5.3; RFC 9293, 3.10.7.4; RFC 5961).</summary>
    private bool IsValid(ref TcpSegment segment, long nowNs)
    {
        TcpOptions options = segment.Options;
        bool hasTimestamp = _hasTimestamps && options.HasTimestamps;
        SequenceNumber timestamp = new(options.TimestampValue);
        if (hasTimestamp && !segment.HasRst && _recentTimestampNs >= 0 && timestamp < _recentTimestamp)
        {
            if (nowNs - _recentTimestampNs < OldestTimestampNs)
            {
                _layer.Counters.Add(TcpCounter.PAWSEstab);
                AnswerUnacceptable(segment, nowNs);
                return false;
            }
        }

        if (IsAnswerToBothOpen(segment))
        {
            segment.Sequence += 1;
            segment.Flags &= ~TcpFlags.Syn;
        }

        if (!_receiver.IsAcceptable(segment.Sequence, segment.SequenceLength))
        {
            if (_receiver.Window == 0 && segment.Sequence == _receiver.Next && !segment.HasRst && !segment.HasSyn)
            {
                // The window is shut, but what it acknowledges counts.
                segment.TrimEnd(0);
                _receiver.AcknowledgeNow();
            }
            else
            {
                if (!segment.HasRst)
                {
                    AnswerUnacceptable(segment, nowNs);
                }

                return false;
            }
        }

        if (segment.HasRst)
        {
            if (segment.Sequence == _receiver.Next)
            {
                OnReset();
            }
            else
            {
                Challenge(nowNs);
            }

            return false;
        }

        if (segment.HasSyn)
        {
            // RFC 5961, 4.2: whoever has really started again will answer with a RST.
            _layer.Counters.Add(TcpCounter.TCPSYNChallenge);
            Challenge(nowNs);
            return false;
        }

        if (hasTimestamp && segment.Sequence <= _lastAcknowledgment && timestamp >= _recentTimestamp)
        {
            _recentTimestamp = timestamp;
            _recentTimestampNs = nowNs;
        }

        return segment.HasAck;
    }

    /// <summary>The peer's SYN again, with the acknowledgment of ours: both have begun at once (RFC 9293, 3.5, figure 7).</summary>
    private bool IsAnswerToBothOpen(in TcpSegment segment) =>
        _state == TcpState.SynReceived
        && segment.HasSyn
        && segment.HasAck
        && segment.Sequence == _initialReceive
        && segment.Acknowledgment == _initialSend + 1;

    private void OnReset()
    {
        _layer.Counters.Add(_state == TcpState.SynReceived ? TcpCounter.AttemptFails : TcpCounter.EstabResets);
        Finish(_state switch
        {
            TcpState.SynReceived => NetworkError.ConnectionRefused,
            TcpState.CloseWait => NetworkError.Shutdown,
            _ => NetworkError.ConnectionReset,
        });
    }

    /// <summary>What is not in the window is answered with what is expected. Without data, only now and then: two could answer each other.</summary>
    private void AnswerUnacceptable(in TcpSegment segment, long nowNs)
    {
        if (segment.HasSyn || segment.PayloadLength == 0)
        {
            Challenge(nowNs);
            return;
        }

        _receiver.ReportDuplicate(segment.Sequence, segment.End <= _receiver.Next ? segment.End : segment.Sequence);
    }

    private void Challenge(long nowNs)
    {
        if (nowNs - _challengeNs < ChallengeIntervalNs)
        {
            _layer.Counters.Add(TcpCounter.TCPACKSkippedSeq);
            return;
        }

        _challengeNs = nowNs;
        _layer.Counters.Add(TcpCounter.TCPChallengeACK);
        EmitAcknowledgment(nowNs);
    }

    /// <summary>SYN-RECEIVED: the acknowledgment of our SYN (RFC 9293, 3.10.7.4, fifth).</summary>
    private bool TakeHandshakeAck(in TcpSegment segment, long nowNs)
    {
        if (segment.Acknowledgment != _initialSend + 1)
        {
            _layer.SendReset(Key, segment.Acknowledgment, default, TcpFlags.Rst, InterfaceIndex, nowNs);
            return false;
        }

        Establish(segment, segment.Window << _sendScale, nowNs);
        return true;
    }

    /// <summary>Takes what a segment acknowledges, and its window.</summary>
    /// <returns>Whether the rest of it counts.</returns>
    private bool TakeAcknowledgment(in TcpSegment segment, long nowNs)
    {
        SequenceNumber acknowledgment = segment.Acknowledgment;
        if (acknowledgment > _sender.Next)
        {
            // RFC 9293: an acknowledgment of what was not sent is answered, and dropped.
            Challenge(nowNs);
            return false;
        }

        if (acknowledgment < _sender.Unacknowledged)
        {
            // RFC 5961, 5.2: older than a window it was made up.
            if (_sender.Unacknowledged - acknowledgment > Math.Max(_sender.LargestWindow, ushort.MaxValue))
            {
                Challenge(nowNs);
                return false;
            }

            return true;
        }

        _sender.OnAnswer();
        bool isWindowChanged = _sender.UpdateWindow(segment.Sequence, acknowledgment, segment.Window << _sendScale);
        if (!_sender.OnAcknowledgment(segment, isWindowChanged, nowNs))
        {
            return true;
        }

        _softError = NetworkError.None;
        _layer.Ip.ConfirmReachable(_route, nowNs);
        GrowSendBuffer();
        if (_sender.IsFinAcknowledged)
        {
            OnFinAcknowledged(nowNs);
        }
        else if (_sender.IsIdle)
        {
            _events |= TcpEvents.Drained;
        }

        return true;
    }

    private void OnFinAcknowledged(long nowNs)
    {
        _events |= TcpEvents.Drained;
        switch (_state)
        {
            case TcpState.FinWait1:
                _state = TcpState.FinWait2;
                ArmFinWait2(nowNs);
                break;
            case TcpState.Closing:
                EnterTimeWait(nowNs);
                break;
            case TcpState.LastAck:
                Finish(NetworkError.None);
                break;
        }
    }

    private void TakeData(ref TcpSegment segment, long nowNs)
    {
        bool isOpen = _state is TcpState.Established or TcpState.FinWait1 or TcpState.FinWait2;
        if (segment.SequenceLength == 0)
        {
            return;
        }

        if (!isOpen)
        {
            // The FIN again: its acknowledgment was lost.
            _receiver.AcknowledgeNow();
            return;
        }

        bool isUnread = _state != TcpState.Established && _isReceiveShut;
        if (isUnread && segment.PayloadLength > 0 && segment.Sequence + segment.PayloadLength > _receiver.Next)
        {
            // Nobody will read it: the peer should know (RFC 9293, 3.6.1; RFC 2525, 2.17).
            _layer.Counters.Add(TcpCounter.TCPAbortOnData);
            Fail(NetworkError.ConnectionReset, nowNs);
            return;
        }

        if (_receiver.OnData(ref segment, nowNs))
        {
            _events |= TcpEvents.Readable;
        }

        if (_receiver.IsFinReceived)
        {
            OnFin(nowNs);
        }
    }

    private void OnFin(long nowNs)
    {
        _isReceiveShut = true;
        _events |= TcpEvents.Readable | TcpEvents.HangUp;
        switch (_state)
        {
            case TcpState.Established:
                _state = TcpState.CloseWait;
                break;
            case TcpState.FinWait1:
                _state = TcpState.Closing;
                break;
            case TcpState.FinWait2:
                EnterTimeWait(nowNs);
                break;
        }
    }

    /// <summary>What is left is to answer what comes late: a small record does that.</summary>
    private void EnterTimeWait(long nowNs)
    {
        EmitAcknowledgment(nowNs);
        TimeWaitRecord record = new(_layer)
        {
            Key = Key,
            InterfaceIndex = InterfaceIndex,
            SendNext = _sender.Next,
            ReceiveNext = _receiver.Next,
            Window = _receiver.Window,
            WindowField = (ushort)Math.Min(_receiver.Window >> _receiver.WindowScale, ushort.MaxValue),
            HasTimestamps = _hasTimestamps,
            InitialRecentTimestamp = _recentTimestamp,
            TimestampOffset = _timestampOffset,
            IsLocal = _route.IsLocal,
        };
        Finish(NetworkError.None);
        _layer.AddTimeWait(record, nowNs);
    }
}
