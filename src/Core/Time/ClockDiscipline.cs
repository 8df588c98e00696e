using Semitone.Machine;

namespace Semitone.Core;

/// <summary>
/// Keeps the clocks true while the machine runs: measures the counter's rate over ever longer windows, and the time of day against whoever
/// knows it.
/// </summary>
/// <remarks>
/// <para>The boot waits for nothing. What it could not know is found out here, by a timer that comes after 5 ms, 20 ms, 65 ms and so on,
/// and at last once a minute.</para>
/// <para>The monotonic clock never jumps, it only changes its rate. The time of day is set when it is off by more than
/// <see cref="StepNs"/>; a smaller error is worked off by running both clocks <see cref="SlewPpm"/> fast or slow for a while, as adjtime(3)
/// does. Once a program has set the time of day, it is the program's.</para>
/// </remarks>
public sealed class ClockDiscipline : Runnable, IHostTimeListener, IAwaitedTime
{
    /// <summary>Off by more, the time of day is set and not slewed.</summary>
    public const long StepNs = 2_000_000;

    /// <summary>
    /// How much the rate is changed to work an error off, in parts per million: little beside the error of 500 that Linux allows itself.
    /// </summary>
    public const long SlewPpm = 100;

    private const long FirstPauseNs = 5_000_000;
    private const long LongestPauseNs = 60_000_000_000;

    /// <summary>From pauses of this length on, every round looks at the time of day.</summary>
    private const long UnhurriedPauseNs = 1_000_000_000;

    /// <summary>An error that is not worth a slew.</summary>
    private const long NegligibleNs = 20_000;

    /// <summary>An answer that leaves more doubt than this is followed by another question, soon.</summary>
    private const long HostDoubtNs = 3_000_000;

    private const long AskAgainNs = 10_000_000;

    /// <summary>So often at most: a host that is never quick need not be asked for ever.</summary>
    private const int MaxHurriedQuestions = 16;

    /// <summary>
    /// The host looks at its clocks nearer to the question than to the answer's arrival: the CPU itself writes the question into the pipe
    /// that one thread waits for; on the way back there are two, and the kernel, which takes the first answer when it comes to it.
    /// </summary>
    private const long QuestionShare = 3;

    private const long MostFirstQuestionNs = 1_000_000;

    /// <summary>How far the host may correct what the machine's own timers say, or the processor, in parts per million.</summary>
    private const ulong HostCorrectionPpm = 10_000;

    private const ulong Million = 1_000_000;

    private readonly IClock _clock;
    private readonly Timekeeper _time;
    private readonly HostClock? _host;
    private readonly RateEstimator _hostRate = new(HostClock.MonotonicHertz, HostClock.MonotonicModulus);
    private readonly EdgeSearch? _search;
    private readonly Wake _wake;
    private readonly Executor _executor;
    private OffsetBounds _offset;
    private ulong _setHertz;
    private long _slewNs;
    private long _slewEndNs = long.MaxValue;
    private WallReading _answer;
    private TimerReading _answerTimer;
    private bool _hasAnswer;
    private long _pauseNs = FirstPauseNs;
    private long _nextRoundNs;
    private long _nextLookNs = long.MaxValue;
    private long _nextQuestionNs = long.MaxValue;
    private int _hurriedQuestions;

    /// <param name="clock">The machine's clock.</param>
    /// <param name="time">The clocks made of it.</param>
    /// <param name="executor">Where it gets its turn: its work is done in the run queue, not in interrupt context.</param>
    /// <param name="host">The host, where it can be asked.</param>
    public ClockDiscipline(IClock clock, Timekeeper time, Executor executor, HostClock? host)
    {
        _clock = clock;
        _time = time;
        _executor = executor;
        _host = host;
        _wake = new Wake(this);
        _search = host is null && !time.IsBootTimePrecise ? new EdgeSearch() : null;
    }

    /// <summary>Whether an error is being worked off.</summary>
    public bool IsSlewing => _slewNs != 0;

    /// <summary>Whether the answers so far leave too much open, and another question may help.</summary>
    private bool IsInDoubt => _offset.IsKnown
        && _offset.WidthNs > HostDoubtNs
        && _hurriedQuestions < MaxHurriedQuestions
        && !_time.IsSetByProgram;

    /// <summary>Begins.</summary>
    /// <returns>False when the kernel's heap has no room for its timers: then the clocks stay as the boot found them.</returns>
    public bool TryStart()
    {
        if (!_wake.TryReserve(_executor.Timers))
        {
            return false;
        }

        long nowNs = _clock.MonotonicNs;
        _nextRoundNs = nowNs + _pauseNs;
        _nextLookNs = _search is null ? long.MaxValue : _nextRoundNs;
        if (_host is not null && !_time.IsBootTimePrecise)
        {
            _host.Ask();
            _time.Await(this);
        }

        ArmNext();
        return true;
    }

    /// <inheritdoc/>
    [NonAllocating]
    public void OnHostTime(byte sequence, long realtimeNs, ulong monotonicUs)
    {
        if (_host is not null && _host.TryAccept(sequence, realtimeNs, monotonicUs, out WallReading wall, out TimerReading timer))
        {
            _answer = wall;
            _answerTimer = timer;
            _hasAnswer = true;
            _executor.Post(this);
        }
    }

    /// <summary>Makes use of an answer that has come; called outside interrupt context.</summary>
    public void TakeAnswer()
    {
        if (!_hasAnswer)
        {
            return;
        }

        _hasAnswer = false;
        _hostRate.Add(_answerTimer);
        PublishRate();
        if (!_time.IsBootTimePrecise)
        {
            Learn(_answer, _offset.IsKnown ? long.MaxValue : MostFirstQuestionNs);
            if (!IsInDoubt)
            {
                _time.StopAwaiting();
            }

            HurryIfInDoubt();
        }
    }

    /// <inheritdoc/>
    void IAwaitedTime.WaitBriefly()
    {
        // The answer that the boot took late leaves much open; while nothing else goes on it takes little to know better.
        long untilNs = _clock.MonotonicNs + HostClock.PatienceNs;
        _host!.WaitForAnswer(untilNs);
        TakeAnswer();
        while (IsInDoubt && _clock.MonotonicNs < untilNs)
        {
            _host.Ask();
            _host.WaitForAnswer(untilNs);
            TakeAnswer();
        }
    }

    /// <inheritdoc/>
    protected internal override void Run()
    {
        TakeAnswer();
        long nowNs = _clock.MonotonicNs;
        if (nowNs >= _slewEndNs)
        {
            EndSlew();
        }

        if (nowNs >= _nextLookNs)
        {
            LookAtClockChip();
        }

        if (nowNs >= _nextQuestionNs)
        {
            _nextQuestionNs = long.MaxValue;
            _host?.Ask();
        }

        if (nowNs >= _nextRoundNs)
        {
            MeasureRate();
            AskForTime();
            _nextRoundNs = nowNs + _pauseNs;
            _pauseNs = Math.Min(_pauseNs * 3, LongestPauseNs);
        }

        ArmNext();
    }

    private void ArmNext() => _executor.Timers.Arm(
        _wake, Math.Min(Math.Min(_nextRoundNs, _slewEndNs), Math.Min(_nextLookNs, _nextQuestionNs)));

    /// <summary>Asks once more, soon, when the answers so far leave too much open.</summary>
    private void HurryIfInDoubt()
    {
        if (IsInDoubt)
        {
            _hurriedQuestions++;
            _nextQuestionNs = _clock.MonotonicNs + AskAgainNs;
            ArmNext();
        }
    }

    private void MeasureRate()
    {
        if (!_clock.IsRateGiven && _clock.TryReadTimer(out TimerReading reading))
        {
            _clock.Rate.Add(reading);
        }

        PublishRate();
    }

    private void AskForTime()
    {
        if (_time.IsSetByProgram)
        {
            return;
        }

        if (_time.IsBootTimePrecise)
        {
            if (_pauseNs >= UnhurriedPauseNs && _clock.TryReadWallClock(out WallReading wall, out bool isPrecise) && isPrecise)
            {
                Learn(wall, long.MaxValue);
            }

            return;
        }

        if (_pauseNs >= UnhurriedPauseNs || _offset.WidthNs > HostDoubtNs)
        {
            _host?.Ask();
        }
    }

    private void LookAtClockChip()
    {
        EdgeSearch search = _search!;
        bool isWorthIt = _clock.TryReadWallClock(out WallReading reading, out _) && reading.IsSane && search.Add(reading);
        if (isWorthIt && !_time.IsSetByProgram)
        {
            Correct(search.Bounds.MiddleNs, search.Bounds);
        }

        bool isOver = search.IsDone || !search.Bounds.IsKnown || _time.IsSetByProgram;
        _nextLookNs = isOver ? long.MaxValue : search.GetNextLookNs(_clock.MonotonicNs);
    }

    /// <summary>Learns from a look at a clock outside.</summary>
    /// <param name="reading">The look.</param>
    /// <param name="mostDelayNs">How long after the look's beginning the outside clock was probably read at most.</param>
    private void Learn(in WallReading reading, long mostDelayNs)
    {
        if (!reading.IsSane || _time.IsSetByProgram || IsSlewing)
        {
            return;
        }

        _offset.Add(reading, (long)(_clock.Rate.UncertaintyPpm + 2));
        Correct(_offset.HighNs - Math.Min(_offset.WidthNs / QuestionShare, mostDelayNs), _offset);
    }

    private void Correct(long wantedNs, in OffsetBounds bounds)
    {
        long errorNs = wantedNs - _time.RealtimeOffsetNs;
        if (errorNs is < -StepNs or > StepNs)
        {
            _time.Step(errorNs);
        }
        else if (!bounds.Contains(_time.RealtimeOffsetNs) && errorNs is < -NegligibleNs or > NegligibleNs)
        {
            _slewNs = errorNs;
            PublishRate();
            _slewEndNs = _clock.MonotonicNs + (Math.Abs(errorNs) * (1_000_000 / SlewPpm));
            ArmNext();
        }
    }

    private void EndSlew()
    {
        // The monotonic clock has gained it, and the time of day with it.
        _offset.Shift(_slewNs);
        _slewNs = 0;
        _slewEndNs = long.MaxValue;
        PublishRate();
    }

    private void PublishRate()
    {
        ulong hertz = CombineRates();
        if (hertz == 0)
        {
            return;
        }

        // A counter believed to be slower makes a faster clock.
        ulong slew = hertz / Million * SlewPpm;
        hertz = _slewNs > 0 ? hertz - slew : _slewNs < 0 ? hertz + slew : hertz;
        if (hertz == _setHertz)
        {
            return;
        }

        _setHertz = hertz;
        _clock.SetRate(hertz);
        _time.Listener?.OnRateChanged();
    }

    /// <summary>The counter's rate as all that was heard makes it; 0 when nobody knows anything.</summary>
    private ulong CombineRates()
    {
        RateEstimator own = _clock.Rate;
        if (!own.IsKnown)
        {
            return _hostRate.IsKnown ? _hostRate.Hertz : 0;
        }

        ulong hertz = Math.Clamp(own.Hertz, _hostRate.LowHertz, _hostRate.HighHertz);
        ulong most = own.Hertz / Million * HostCorrectionPpm;
        return Math.Clamp(hertz, own.Hertz - most, own.Hertz + most);
    }

    private sealed class Wake(ClockDiscipline discipline) : KernelTimer
    {
        [NonAllocating]
        protected internal override void OnExpired() => discipline._executor.Post(discipline);
    }
}
