namespace Semitone.Net;

/// <summary>The congestion control of RFC 5681 and 6582: a segment more each round trip, half of it after a loss.</summary>
internal sealed class NewReno : ICongestionControl
{
    public const string ControlName = "reno";

    private int _acknowledged;

    public string Name => ControlName;

    public void OnAcknowledged(ref CongestionWindow window, int bytes, long rttNs, long nowNs)
    {
        if (window.IsSlowStart)
        {
            bytes = window.SlowStart(bytes);
        }

        // RFC 5681, 3.1: one segment for each window of bytes that is acknowledged.
        _acknowledged += bytes;
        if (bytes > 0 && _acknowledged >= window.Bytes)
        {
            _acknowledged -= window.Bytes;
            window.Bytes += window.SegmentSize;
        }
    }

    // RFC 5681, 3.1 (4): half of what is in flight, two segments at least.
    public int GetThreshold(in CongestionWindow window, int inFlight)
    {
        _acknowledged = 0;
        return Math.Max(inFlight / 2, 2 * window.SegmentSize);
    }

    public void Undo()
    {
    }

    public void OnIdle(long durationNs)
    {
    }
}
