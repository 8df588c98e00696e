namespace Semitone.Machine;

/// <summary>What a clock outside says the time of day is, at some moment between two times of the monotonic clock.</summary>
/// <param name="LeastNs">Nanoseconds since 1970-01-01 UTC: it was not earlier.</param>
/// <param name="MostNs">It was not later: a clock that shows whole seconds is a second wide.</param>
/// <param name="BeforeNs">The monotonic clock just before.</param>
/// <param name="AfterNs">The monotonic clock just after.</param>
[method: NonAllocating]
public readonly record struct WallReading(long LeastNs, long MostNs, long BeforeNs, long AfterNs)
{
    /// <summary>
    /// The latest time that is believed: the end of 2200. What comes from outside must not overflow what is calculated with it.
    /// </summary>
    public const long LimitNs = 7_289_654_400L * 1_000_000_000;

    /// <summary>Whether it is a time at all, and fit to be calculated with.</summary>
    [NonAllocating]
    public bool IsSane => LeastNs is >= 0 and < LimitNs && MostNs >= LeastNs && MostNs < LimitNs && BeforeNs >= 0 && AfterNs >= BeforeNs;
}
