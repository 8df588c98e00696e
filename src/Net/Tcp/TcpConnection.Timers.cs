namespace Semitone.Net;

/// <content>What happens when nothing comes.</content>
public sealed partial class TcpConnection
{
    private long _keepAtNs = Never;
    private int _keepProbes;
    private long _closeAtNs = Never;

    internal override long DeadlineNs => _state == TcpState.Closed
        ? Never
        : Math.Min(
            Math.Min(_synAtNs, _sender.DeadlineNs),
            Math.Min(_receiver.AcknowledgeAtNs, Math.Min(_keepAtNs, _closeAtNs)));

    internal override void OnTimer(long nowNs)
    {
        if (_synAtNs <= nowNs)
        {
            OnSynTimer(nowNs);
        }

        if (_state != TcpState.Closed && _sender.DeadlineNs <= nowNs && !_sender.OnTimer(nowNs))
        {
            _layer.Counters.Add(TcpCounter.TCPAbortOnTimeout);
            Fail(_softError != NetworkError.None ? _softError : NetworkError.TimedOut, nowNs);
        }

        if (_closeAtNs <= nowNs && _state != TcpState.Closed)
        {
            // FIN-WAIT-2 of a connection that nobody has open: the peer has had its time.
            Finish(NetworkError.None);
        }

        if (_keepAtNs <= nowNs && _state != TcpState.Closed)
        {
            OnKeepAlive(nowNs);
        }

        if (_receiver.AcknowledgeAtNs <= nowNs && _state != TcpState.Closed)
        {
            FlushAcknowledgment(nowNs);
        }

        Settle(nowNs);
    }

    private void ArmKeepAlive(long nowNs)
    {
        bool runs = _settings.IsKeptAlive && IsSynchronized;
        _keepAtNs = runs ? Math.Max(_receivedNs + _settings.KeepIdleNs, nowNs + 1) : Never;
    }

    /// <summary>RFC 9293, 3.8.4.</summary>
    private void OnKeepAlive(long nowNs)
    {
        long idleNs = nowNs - _receivedNs;
        if (!_sender.IsIdle)
        {
            // What is in flight, or the probe of a window, finds out as well.
            _keepAtNs = nowNs + _settings.KeepIdleNs;
            return;
        }

        if (_keepProbes == 0 && idleNs < _settings.KeepIdleNs)
        {
            _keepAtNs = _receivedNs + _settings.KeepIdleNs;
            return;
        }

        bool isOver = _settings.UserTimeoutNs > 0
            ? idleNs >= _settings.UserTimeoutNs && _keepProbes > 0
            : _keepProbes >= _settings.KeepProbes;
        if (isOver)
        {
            _layer.Counters.Add(TcpCounter.TCPAbortOnTimeout);
            Fail(_softError != NetworkError.None ? _softError : NetworkError.TimedOut, nowNs);
            return;
        }

        _layer.Counters.Add(TcpCounter.TCPKeepAlive);
        ((ISegmentOutput)this).Emit(_sender.Unacknowledged - 1, TcpFlags.Ack, [], [], nowNs);
        _keepProbes++;
        _keepAtNs = nowNs + _settings.KeepIntervalNs;
    }

    /// <summary>RFC 9293, 3.6: a peer that never closes would keep a connection for ever that nobody has open.</summary>
    private void ArmFinWait2(long nowNs)
    {
        if (!_isOrphan || _state != TcpState.FinWait2)
        {
            return;
        }

        if (_settings.FinWait2Ns < 0)
        {
            _layer.Counters.Add(TcpCounter.TCPAbortOnLinger);
            Fail(NetworkError.None, nowNs);
            return;
        }

        _closeAtNs = nowNs + _settings.FinWait2Ns;
    }
}
