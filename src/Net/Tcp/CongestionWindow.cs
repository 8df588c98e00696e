namespace Semitone.Net;

/// <summary>How much may be in flight (RFC 5681).</summary>
public struct CongestionWindow
{
    /// <summary>Bytes.</summary>
    public int Bytes { get; set; }

    /// <summary>Where slow start ends, in bytes.</summary>
    public int Threshold { get; set; }

    /// <summary>Bytes of a full segment.</summary>
    public int SegmentSize { get; set; }

    public readonly bool IsSlowStart => Bytes < Threshold;

    /// <summary>RFC 6928, 2: ten segments, but not much more than 14,600 bytes.</summary>
    public static int GetInitial(int segmentSize) => Math.Min(10 * segmentSize, Math.Max(2 * segmentSize, 14600));

    /// <summary>RFC 5681, 3.1 (2): a segment for each that is acknowledged, by bytes with a limit of two (RFC 3465, 2.3).</summary>
    /// <returns>Bytes acknowledged that the threshold left over.</returns>
    public int SlowStart(int acknowledged)
    {
        int step = Math.Min(acknowledged, Threshold - Bytes);
        Bytes += step;
        return acknowledged - step;
    }
}
