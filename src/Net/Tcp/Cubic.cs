namespace Semitone.Net;

/// <summary>CUBIC (RFC 9438): the window follows the time since the last loss and not the round trips.</summary>
internal sealed class Cubic : ICongestionControl
{
    public const string ControlName = "cubic";

    // RFC 9438, 4.6: a loss leaves seven tenths. 4.1: C is 0.4 segments per second cubed.
    private const double Beta = 0.7;
    private const double C = 0.4;

    // RFC 9438, 4.3: what makes the window of AIMD as large on average as that of Reno.
    private const double RenoIncrease = 3 * (1 - Beta) / (1 + Beta);
    private const double NanosecondsPerSecond = 1e9;

    // All windows are in segments.
    private double _maximum;
    private double _previousMaximum;
    private double _prior;
    private double _estimate;
    private double _k;
    private double _fraction;
    private long _epochNs = -1;

    public string Name => ControlName;

    public void OnAcknowledged(ref CongestionWindow window, int bytes, long rttNs, long nowNs)
    {
        if (window.IsSlowStart)
        {
            bytes = window.SlowStart(bytes);
            if (bytes == 0)
            {
                return;
            }
        }

        double size = window.SegmentSize;
        double current = window.Bytes / size;
        if (_epochNs < 0)
        {
            StartEpoch(current, nowNs);
        }

        double seconds = (nowNs - _epochNs) / NanosecondsPerSecond;
        double acknowledged = bytes / size;

        // RFC 9438, 4.3: what Reno would have by now; from the old window on it grows as Reno does.
        _estimate += (_estimate >= _prior ? 1 : RenoIncrease) * acknowledged / current;
        if (GetCubic(seconds) < _estimate)
        {
            if (_estimate > current)
            {
                window.Bytes = (int)Math.Min(_estimate * size, int.MaxValue / 2);
            }

            return;
        }

        // RFC 9438, 4.2: the window of one round trip from now, not more than half as much again.
        double target = Math.Clamp(GetCubic(seconds + (rttNs / NanosecondsPerSecond)), current, 1.5 * current);
        _fraction += (target - current) / current * acknowledged * size;
        int step = (int)_fraction;
        _fraction -= step;
        window.Bytes = Math.Min(window.Bytes + step, int.MaxValue / 2);
    }

    public int GetThreshold(in CongestionWindow window, int inFlight)
    {
        double current = (double)window.Bytes / window.SegmentSize;
        _previousMaximum = _maximum;
        _prior = current;

        // RFC 9438, 4.7: a flow that did not come back to where it was makes room for others.
        _maximum = current < _maximum ? current * (1 + Beta) / 2 : current;
        _epochNs = -1;
        return Math.Max((int)(window.Bytes * Beta), 2 * window.SegmentSize);
    }

    public void Undo()
    {
        // RFC 9438, 4.9.
        _maximum = Math.Max(_maximum, _previousMaximum);
        _epochNs = -1;
    }

    public void OnIdle(long durationNs)
    {
        if (_epochNs >= 0)
        {
            _epochNs += durationNs;
        }
    }

    /// <summary>The cube root, by Newton's method: the kernel has no mathematical library.</summary>
    internal static double CubeRoot(double value)
    {
        if (value <= 0)
        {
            return 0;
        }

        double root = Math.Max(value / 3, 1);
        for (int i = 0; i < 64; i++)
        {
            double next = ((2 * root) + (value / (root * root))) / 3;
            if (Math.Abs(next - root) < 1e-9 * root)
            {
                return next;
            }

            root = next;
        }

        return root;
    }

    private void StartEpoch(double current, long nowNs)
    {
        _epochNs = nowNs;
        _estimate = current;
        _fraction = 0;
        if (_maximum <= current)
        {
            // RFC 9438, 4.8: where nothing was lost before, the plateau is here.
            _maximum = current;
            _k = 0;
            return;
        }

        _k = CubeRoot((_maximum - current) / C);
    }

    private double GetCubic(double seconds)
    {
        double offset = seconds - _k;
        return (C * offset * offset * offset) + _maximum;
    }
}
