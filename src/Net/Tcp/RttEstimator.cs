namespace Semitone.Net;

/// <summary>The round trip as it is seen, and the time after which an answer is held for lost (RFC 6298).</summary>
internal sealed class RttEstimator
{
    /// <summary>RFC 6298, 2.1: before there is a measurement, one second.</summary>
    public const long InitialTimeoutNs = 1_000_000_000;

    /// <summary>RFC 6298, 5.7: where a SYN was lost, data begins with three.</summary>
    public const long TimeoutAfterLostSynNs = 3_000_000_000;

    /// <summary>RFC 6298, 2.4 asks for a second; with clocks of milliseconds Linux takes 200 ms, and one burst lost costs a fifth.</summary>
    public const long MinimumTimeoutNs = 200_000_000;

    /// <summary>RFC 6298, 2.5: a maximum may be set, of 60 seconds at least.</summary>
    public const long MaximumTimeoutNs = 120_000_000_000;

    // How long the shortest round trip counts: a path may have got longer since.
    private const long MinimumAgeNs = 300_000_000_000;

    private long _timeoutNs = InitialTimeoutNs;
    private long _minimumAtNs;

    /// <summary>The smoothed round trip; 0 before there is one.</summary>
    public long SmoothedNs { get; private set; }

    public long VariationNs { get; private set; }

    /// <summary>The shortest one of the last minutes; 0 before there is one.</summary>
    public long MinimumNs { get; private set; }

    /// <summary>How often the timeout was doubled since something was acknowledged.</summary>
    public int BackoffCount { get; private set; }

    /// <summary>How long to wait for an acknowledgment, doubled as often as it was in vain.</summary>
    public long TimeoutNs => Math.Min(_timeoutNs << Math.Min(BackoffCount, 20), MaximumTimeoutNs);

    /// <summary>Takes a measurement: never one of a segment that was sent twice, unless timestamps tell which (RFC 6298, 3).</summary>
    public void AddSample(long rttNs, long nowNs)
    {
        rttNs = Math.Max(rttNs, 1000);
        if (MinimumNs == 0 || rttNs <= MinimumNs || nowNs - _minimumAtNs > MinimumAgeNs)
        {
            MinimumNs = rttNs;
            _minimumAtNs = nowNs;
        }

        if (SmoothedNs == 0)
        {
            // RFC 6298, 2.2: the first one, and half of it for the variation.
            SmoothedNs = rttNs;
            VariationNs = rttNs / 2;
        }
        else
        {
            // RFC 6298, 2.3: a quarter of the deviation, then an eighth of the measurement.
            VariationNs += (Math.Abs(SmoothedNs - rttNs) - VariationNs) / 4;
            SmoothedNs += (rttNs - SmoothedNs) / 8;
        }

        // The minimum bounds the term of the variation, as on Linux: a path as steady as a wire still has peers that delay acknowledgments.
        _timeoutNs = Math.Min(SmoothedNs + Math.Max(4 * VariationNs, MinimumTimeoutNs), MaximumTimeoutNs);
        BackoffCount = 0;
    }

    /// <summary>RFC 6298, 5.5: after a timeout, twice as long.</summary>
    public void BackOff() => BackoffCount++;

    /// <summary>Something new was acknowledged.</summary>
    public void ResetBackoff() => BackoffCount = 0;

    /// <summary>The SYN had to be sent again, so that nothing was measured.</summary>
    public void StartAfterLostSyn()
    {
        BackoffCount = 0;
        if (SmoothedNs == 0)
        {
            _timeoutNs = TimeoutAfterLostSynNs;
        }
    }
}
