using System.Runtime.CompilerServices;

namespace Semitone.Machine.X64;

/// <summary>Time by the time-stamp counter, since boot.</summary>
/// <remarks>
/// The counter's rate comes from the hypervisor's clock page, from CPUID, or from the interval timer (<see cref="RateEstimator"/>). Where
/// the hypervisor says that the counter cannot be relied on by itself, each reading goes through its page.
/// </remarks>
// SAFETY: the door's table, the samples it points to and the hypervisor's page lie in memory that Metal never moves or frees.
internal sealed unsafe class Clock : IClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const uint PitHertz = 1_193_182;
    private const ulong PitPeriod = 65536;

    /// <summary>When nobody tells the rate and there is nothing to measure it by.</summary>
    private const ulong FallbackHertz = 1_000_000_000;

    /// <summary>How far a rate that was told may be off the host's clock: hosts discipline theirs by 500 ppm at most.</summary>
    private const ulong GivenPpm = 500;

    /// <summary>How far off the base frequency may be that CPUID rounds.</summary>
    private const ulong RoughPpm = 100_000;

    /// <summary>What a first measurement must reach; it is made better while the machine runs.</summary>
    private const ulong FirstPpm = 5_000;

    private const int MaxReadings = 2_000;

    /// <summary>What a deadline in TSC ticks is that never comes.</summary>
    internal const ulong Never = ulong.MaxValue;

    private readonly MetalDoor* _door;

    /// <summary>The hypervisor's page when the clock has to be read through it; null otherwise.</summary>
    private readonly PvClockPage* _page;

    private ulong _base;
    private ulong _multiplier;
    private ulong _ticksPerNanosecond32;
    private long _pageBootNs;
    private long _lastPageNs;
    private long? _bootRealtimeNs;

    internal Clock(MetalDoor* door)
    {
        _door = door;
        ulong hertz = FindRate(out bool isReliable);
        if (!isReliable)
        {
            _page = HypervisorPage;
            _pageBootNs = PvClock.TryRead(ref *_page, out PvClock clock) ? clock.ToNs(door->TscBoot) : 0;
        }

        Apply(Machine.TscScale.FromHertz(door->TscBoot, hertz), hertz);
    }

    public long MonotonicNs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_page != null)
            {
                return ReadPage();
            }

            // The multiplier has 32 bits, so two short products make the long one: without BMI2, Math.BigMul is a subroutine.
            ulong ticks = _door->ReadTsc() - _base;
            ulong high = (ticks >> 32) * _multiplier;
            ulong low = (uint)ticks * _multiplier;
            return (long)((high << (32 - Machine.TscScale.FixedShift)) + (low >> Machine.TscScale.FixedShift));
        }
    }

    public long BootRealtimeNs => _bootRealtimeNs ??= FindBootRealtime();

    public bool IsBootTimePrecise { get; private set; }

    public TscScale? TscScale => _page == null && _door->HasInvariantTsc != 0 ? Scale : null;

    public ulong Ticks => _door->ReadTsc();

    public RateEstimator Rate { get; } = new(PitHertz, PitPeriod);

    public bool IsRateGiven { get; private set; }

    private PvClockPage* HypervisorPage => (PvClockPage*)_door->HypervisorClock;

    private TscScale Scale => new(_base, (uint)_multiplier, Machine.TscScale.FixedShift);

    public bool TryReadTimer(out TimerReading reading)
    {
        reading = default;
        if (_door->TimerSampleCount == 0)
        {
            return false;
        }

        fixed (TimerReading* destination = &reading)
        {
            _door->ReadTimer(destination);
        }

        return true;
    }

    public bool TryReadWallClock(out WallReading reading, out bool isPrecise)
    {
        isPrecise = true;
        long before = MonotonicNs;
        if (_door->HypervisorWallClock != 0 && TryReadHypervisorWall(before, out reading))
        {
            return true;
        }

        isPrecise = false;
        before = MonotonicNs;
        long seconds = _door->ReadClockChip();
        reading = new WallReading(
            seconds * NanosecondsPerSecond, (seconds * NanosecondsPerSecond) + NanosecondsPerSecond - 1, before, MonotonicNs);
        return seconds != 0 && reading.IsSane;
    }

    public void SetRate(ulong hertz)
    {
        if (_page == null)
        {
            Apply(Scale.ContinueAt(_door->ReadTsc(), hertz), hertz);
        }
    }

    /// <summary>
    /// The TSC reading at a time of the monotonic clock, rounded up; <see cref="Never"/> for one that the counter takes a century or more
    /// to reach.
    /// </summary>
    internal ulong ToTicks(long monotonicNs)
    {
        if (_page != null)
        {
            // The scale in use is the page's of this moment: only the distance is taken from it.
            long distanceNs = Math.Max(0, monotonicNs - ReadPage());
            ulong distance = Math.BigMul((ulong)distanceNs, _ticksPerNanosecond32, out ulong lower);
            return distance > uint.MaxValue / 2 ? Never : _door->ReadTsc() + ((distance << 32) | (lower >> 32)) + 1;
        }

        if (monotonicNs <= 0)
        {
            return _base;
        }

        ulong high = Math.BigMul((ulong)monotonicNs, _ticksPerNanosecond32, out ulong low);
        return high > uint.MaxValue / 2 ? Never : _base + ((high << 32) | (low >> 32)) + 1;
    }

    private void Apply(in TscScale scale, ulong hertz)
    {
        _base = scale.TscBase;
        _multiplier = scale.Multiplier;

        // 32.32 fixed point; split so that it does not overflow below 4 GHz x 2^32.
        _ticksPerNanosecond32 = ((hertz / 1_000_000 << 32) / 1000) + ((hertz % 1_000_000 << 32) / NanosecondsPerSecond);
        _door->SetTscHertz(hertz);
    }

    /// <summary>Finds out how fast the counter is, from whoever knows it best.</summary>
    /// <param name="isReliable">False when the clock must be read through the hypervisor's page.</param>
    private ulong FindRate(out bool isReliable)
    {
        isReliable = true;
        if (_door->HypervisorClock != 0 && PvClock.TryRead(ref *HypervisorPage, out PvClock clock)
            && clock.Hertz is >= RateEstimator.MinHertz and <= RateEstimator.MaxHertz)
        {
            isReliable = clock.IsStable && _door->HypervisorTellsStability != 0;
            return Give(clock.Hertz);
        }

        if (_door->TscGivenHertz is >= RateEstimator.MinHertz and <= RateEstimator.MaxHertz)
        {
            return Give(_door->TscGivenHertz);
        }

        Rate.Assume(_door->TscRoughHertz, RoughPpm);
        for (ulong i = 0; i < _door->TimerSampleCount; i++)
        {
            Rate.Add(((TimerReading*)_door->TimerSamples)[i]);
        }

        // One more reading is nearly always enough: the time since the first is the window.
        for (int i = 0; i < MaxReadings && Rate.UncertaintyPpm > FirstPpm && TryReadTimer(out TimerReading reading); i++)
        {
            Rate.Add(reading);
        }

        return Rate.IsKnown ? Rate.Hertz : FallbackHertz;
    }

    private ulong Give(ulong hertz)
    {
        IsRateGiven = true;
        Rate.Assume(hertz, GivenPpm);
        return hertz;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private long ReadPage()
    {
        // The hypervisor may correct itself backwards by a little when it writes the page anew; the clock does not.
        if (PvClock.TryRead(ref *_page, out PvClock clock))
        {
            _lastPageNs = Math.Max(_lastPageNs, clock.ToNs(_door->ReadTsc()) - _pageBootNs);
        }

        return _lastPageNs;
    }

    private bool TryReadHypervisorWall(long before, out WallReading reading)
    {
        // System time counts from when the wall-clock structure says; both are read at this moment.
        reading = default;
        _door->UpdateHypervisorWallClock();
        if (!PvClock.TryReadWall(ref *(PvWallClock*)_door->HypervisorWallClock, out long startNs)
            || !PvClock.TryRead(ref *HypervisorPage, out PvClock clock))
        {
            return false;
        }

        long now = startNs + clock.ToNs(_door->ReadTsc());
        reading = new WallReading(now, now, before, MonotonicNs);
        return reading.IsSane;
    }

    private long FindBootRealtime()
    {
        if (!TryReadWallClock(out WallReading reading, out bool isPrecise))
        {
            return 0;
        }

        IsBootTimePrecise = isPrecise;

        // The middle is the best guess of all between.
        return reading.LeastNs + ((reading.MostNs - reading.LeastNs) / 2) - (reading.BeforeNs + ((reading.AfterNs - reading.BeforeNs) / 2));
    }
}
