namespace Semitone.Machine;

/// <summary>What a reading has done to an estimate.</summary>
public enum RateResult
{
    /// <summary>It says nothing new.</summary>
    Unchanged,

    /// <summary>The rate is known more closely.</summary>
    Narrowed,

    /// <summary>It cannot be told how often the timer has come round since the last good reading. The next window starts here.</summary>
    Ambiguous,

    /// <summary>
    /// It does not fit what was known: the counter or the timer has jumped, or there is no such timer. The next window starts here.
    /// </summary>
    Contradiction,
}

/// <summary>
/// How fast the time-stamp counter runs: bounds that the truth lies between, made narrower by each reading of a timer whose rate is known.
/// </summary>
/// <remarks>
/// Nothing is assumed about how long a reading took. A host may take the CPU away at any instruction; then the counter readings around the
/// timer's lie far apart, the bounds that follow are wide, and nothing is wrong. Two readings a time T apart whose brackets are w wide give
/// the rate to w / T, so the longest window decides.
/// </remarks>
public sealed class RateEstimator
{
    /// <summary>The slowest and the fastest counter that there may be.</summary>
    public const ulong MinHertz = 100_000_000;

    public const ulong MaxHertz = 20_000_000_000;

    private const ulong Million = 1_000_000;

    /// <summary>
    /// Closer than this in parts per million nothing is known for long: quartz is not better, and hosts discipline their clocks.
    /// </summary>
    private const ulong FinestPpm = 1;

    /// <summary>After so many seconds a window starts anew, so that the estimate follows a rate that changes slowly.</summary>
    private const ulong LongestWindowSeconds = 200;

    private readonly ulong _timerHertz;
    private readonly ulong _modulus;
    private TimerReading _anchor;
    private bool _hasAnchor;
    private int _contradictions;

    /// <param name="timerHertz">Counts of the timer in a second.</param>
    /// <param name="modulus">After so many counts it begins again at 0; 0 for one that never does.</param>
    public RateEstimator(ulong timerHertz, ulong modulus)
    {
        _timerHertz = timerHertz;
        _modulus = modulus;
    }

    /// <summary>The counter is not slower.</summary>
    public ulong LowHertz { get; private set; } = MinHertz;

    /// <summary>The counter is not faster.</summary>
    public ulong HighHertz { get; private set; } = MaxHertz;

    /// <summary>The best guess: the middle.</summary>
    public ulong Hertz => LowHertz + ((HighHertz - LowHertz) / 2);

    /// <summary>How far off the guess may be, in parts per million.</summary>
    public ulong UncertaintyPpm => (((HighHertz - LowHertz) * Million / 2) + Hertz - 1) / Hertz;

    /// <summary>Whether the rate is known at all: to 5 %.</summary>
    public bool IsKnown => UncertaintyPpm <= 50_000;

    /// <summary>Takes over what somebody else says about the rate.</summary>
    /// <param name="hertz">Out of range, it is ignored.</param>
    /// <param name="ppm">How far off that may be, in parts per million; less than a million.</param>
    public void Assume(ulong hertz, ulong ppm)
    {
        if (hertz is >= MinHertz and <= MaxHertz && ppm < Million)
        {
            LowHertz = hertz - (hertz / Million * ppm);
            HighHertz = hertz + (hertz / Million * ppm);
        }
    }

    /// <summary>Learns from a reading.</summary>
    public RateResult Add(in TimerReading reading)
    {
        if (reading.After < reading.Before || (_hasAnchor && reading.Before < _anchor.After))
        {
            return _hasAnchor ? Contradict(reading) : RateResult.Unchanged;
        }

        if (!_hasAnchor)
        {
            StartAt(reading);
            return RateResult.Unchanged;
        }

        ulong leastTicks = reading.Before - _anchor.After;
        ulong mostTicks = reading.After - _anchor.Before;
        if (!TryCount(reading, leastTicks, mostTicks, out ulong counts, out RateResult problem))
        {
            return problem == RateResult.Ambiguous ? StartAt(reading) : Contradict(reading);
        }

        // Each count was cut off, so the time between lies within one count of the difference.
        ulong low = Saturate((UInt128)leastTicks * _timerHertz / ((UInt128)counts + 1));
        ulong high = counts <= 1 ? MaxHertz : Saturate(((UInt128)mostTicks * _timerHertz / (counts - 1)) + 1);
        low = Math.Max(low, LowHertz);
        high = Math.Min(high, HighHertz);
        if (low > high)
        {
            return Contradict(reading);
        }

        bool isNarrower = low > LowHertz || high < HighHertz;
        SetBounds(low, high);
        _contradictions = 0;
        if (reading.Width < _anchor.Width / 4 || counts > _timerHertz * LongestWindowSeconds)
        {
            StartAt(reading);
        }

        return isNarrower ? RateResult.Narrowed : RateResult.Unchanged;
    }

    private static ulong Saturate(UInt128 value) => value > ulong.MaxValue ? ulong.MaxValue : (ulong)value;

    /// <summary>Finds the one number of counts that has passed, given the bounds so far.</summary>
    private bool TryCount(in TimerReading reading, ulong leastTicks, ulong mostTicks, out ulong counts, out RateResult problem)
    {
        UInt128 most = ((UInt128)mostTicks * _timerHertz / LowHertz) + 2;
        UInt128 least = (UInt128)leastTicks * _timerHertz / HighHertz;
        least = least == 0 ? 0 : least - 1;
        problem = RateResult.Contradiction;
        counts = 0;
        if (_modulus == 0)
        {
            counts = reading.Count - _anchor.Count;
            return reading.Count >= _anchor.Count && counts >= least && counts <= most;
        }

        ulong phase = ((reading.Count % _modulus) + _modulus - (_anchor.Count % _modulus)) % _modulus;
        UInt128 rounds = least <= phase ? 0 : (least - phase + _modulus - 1) / _modulus;
        UInt128 first = phase + (rounds * _modulus);
        if (first > most || first > ulong.MaxValue)
        {
            return false;
        }

        problem = RateResult.Ambiguous;
        counts = (ulong)first;
        return first + _modulus > most;
    }

    private RateResult StartAt(in TimerReading reading)
    {
        _anchor = reading;
        _hasAnchor = true;
        return RateResult.Ambiguous;
    }

    /// <summary>Believes the new reading, and less of what was known: the more often this happens in a row, the less.</summary>
    private RateResult Contradict(in TimerReading reading)
    {
        StartAt(reading);
        _contradictions++;
        ulong doubtPpm = _contradictions switch
        {
            1 => 1_000,
            2 => 50_000,
            _ => Million,
        };
        LowHertz = doubtPpm == Million ? MinHertz : Math.Max(MinHertz, LowHertz - (LowHertz / Million * doubtPpm));
        HighHertz = doubtPpm == Million ? MaxHertz : Math.Min(MaxHertz, HighHertz + (HighHertz / Million * doubtPpm));
        return RateResult.Contradiction;
    }

    private void SetBounds(ulong low, ulong high)
    {
        LowHertz = Math.Max(low, MinHertz);
        HighHertz = Math.Min(high, MaxHertz);
        ulong least = Hertz / Million * FinestPpm;
        if (HighHertz - LowHertz < 2 * least)
        {
            ulong middle = Hertz;
            LowHertz = middle - least;
            HighHertz = middle + least;
        }
    }
}
