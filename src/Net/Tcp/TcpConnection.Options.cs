namespace Semitone.Net;

/// <content>What a program may choose.</content>
public sealed partial class TcpConnection
{
    /// <summary>What was chosen.</summary>
    public TcpSettings Settings => _settings;

    /// <summary>Bytes that may wait for being sent (SO_SNDBUF).</summary>
    public int SendBuffer => _sendBuffer;

    /// <summary>Bytes of packets that may wait for being read (SO_RCVBUF).</summary>
    public int ReceiveBuffer => _receiver.Buffer;

    /// <summary>Bytes of data in a full segment (TCP_MAXSEG).</summary>
    public int SegmentSize => _segmentSize;

    /// <summary>Whether everything is acknowledged at once, until data goes the other way (TCP_QUICKACK).</summary>
    public bool IsQuickAcknowledgment => _receiver.IsQuick;

    /// <summary>Changes what was chosen.</summary>
    public void Apply(in TcpSettings settings, long nowNs)
    {
        bool wasKeptAlive = _settings.IsKeptAlive;
        long keepIdleNs = _settings.KeepIdleNs;
        _settings = settings;
        ApplySettings();
        if (settings.IsKeptAlive != wasKeptAlive || settings.KeepIdleNs != keepIdleNs)
        {
            ArmKeepAlive(nowNs);
        }

        if (_state == TcpState.FinWait2 && _isOrphan)
        {
            ArmFinWait2(nowNs);
        }

        if (_state != TcpState.Closed)
        {
            UpdateSegmentSize();
        }

        if (IsSynchronized)
        {
            // No longer corked, or no delay any more: what waited goes.
            _sender.Output(nowNs);
        }

        Settle(nowNs);
    }

    /// <summary>Sets TCP_QUICKACK: what is owed goes at once.</summary>
    public void SetQuickAcknowledgment(bool isQuick, long nowNs)
    {
        if (isQuick)
        {
            FlushAcknowledgment(nowNs);
        }

        _receiver.IsQuick = isQuick;
        Settle(nowNs);
    }

    private void ApplySettings()
    {
        _sender.IsNoDelay = _settings.IsNoDelay;
        _sender.IsCorked = _settings.IsCorked;
        _sender.UserTimeoutNs = _settings.UserTimeoutNs;
        _receiver.IsUrgentInline = _settings.IsUrgentInline;
        _receiver.WindowClamp = _settings.WindowClamp;
        string name = _settings.Congestion == TcpCongestion.Reno ? NewReno.ControlName : Cubic.ControlName;
        if (_sender.Recovery.Control.Name != name)
        {
            _sender.Recovery.Control = _settings.Congestion == TcpCongestion.Reno ? new NewReno() : new Cubic();
        }

        if (_settings.SendBuffer > 0)
        {
            _sendBuffer = _settings.SendBuffer;
        }

        if (_settings.ReceiveBuffer > 0)
        {
            _receiver.Buffer = _settings.ReceiveBuffer;
            _receiver.IsBufferFixed = true;
        }
    }

    /// <summary>Lets the program write as much as is in flight, and as much again for the next round trip.</summary>
    private void GrowSendBuffer()
    {
        if (_settings.SendBuffer > 0 || _layer.Memory.IsUnderPressure)
        {
            return;
        }

        int window = Math.Max(_sender.Recovery.Window.Bytes, CongestionWindow.GetInitial(_segmentSize));
        int wanted = (int)Math.Min(2L * window, _layer.Limits.LargestSendBuffer);
        _sendBuffer = Math.Max(_sendBuffer, wanted);
    }
}
