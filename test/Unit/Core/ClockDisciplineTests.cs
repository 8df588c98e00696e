using CsCheck;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Machine;

namespace Semitone.Unit.Core;

public class ClockDisciplineTests
{
    private const long Millisecond = 1_000_000;
    private const long Second = 1_000_000_000;
    private const ulong PitHertz = 1_193_182;

    [Fact]
    public void Timer_FirstEstimateIsCoarse_RateBecomesRightAndIsTold()
    {
        Bench bench = new() { Hertz = 2_500_000_000, HasTimer = true };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(3 * Second);
        Assert.InRange(bench.Clock.RateHertz, 2_499_990_000UL, 2_500_010_000UL);
        Assert.InRange(bench.RateChanges, 1, 20);
    }

    [Fact]
    public void Timer_LaterRounds_ComeMoreAndMoreRarely()
    {
        Bench bench = new() { Hertz = 2_500_000_000, HasTimer = true };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(3600 * Second);
        Assert.InRange(bench.Rounds, 60, 75);
    }

    [Fact]
    public void Host_Answers_SetTheTimeOfDayAndTheRate()
    {
        Bench bench = new() { Hertz = 1_700_000_000, HasHost = true };
        bench.Start();
        bench.AnswerDelayNs = 300_000;
        bench.RunFor(20 * Second);
        Assert.InRange(bench.WallErrorNs, -Millisecond, Millisecond);
        Assert.InRange(bench.Clock.RateHertz, 1_699_900_000UL, 1_700_100_000UL);
    }

    [Fact]
    public void Host_AnswerTookLong_IsTakenForWhatItIsWorth()
    {
        Bench bench = new() { Hertz = 1_700_000_000, HasTimer = true, HasHost = true };
        bench.MeasureFirst();
        bench.Start();

        // The question was seen at once; the answer lay in a queue.
        bench.QuestionDelayNs = 100_000;
        bench.AnswerDelayNs = 80 * Millisecond;
        bench.RunFor(100 * Millisecond);
        Assert.InRange(bench.WallErrorNs, -Millisecond, Millisecond);
        Assert.InRange(bench.Questions, 1, 3);
        bench.AnswerDelayNs = 100_000;
        bench.RunFor(Second);
        Assert.InRange(bench.WallErrorNs, -Millisecond, Millisecond);
    }

    [Fact]
    public void Host_SmallError_IsSlewedAndNothingJumps()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasTimer = true, HasHost = true, QuestionDelayNs = 10_000, AnswerDelayNs = 10_000 };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(10 * Second);
        int sets = bench.RealtimeSets;
        bench.HostOffsetNs += Millisecond;
        bench.RunFor(100 * Second);
        Assert.Equal(sets, bench.RealtimeSets);
        Assert.InRange(bench.WallErrorNs, -100_000, 100_000);
        Assert.InRange(bench.Clock.RateHertz, 999_990_000UL, 1_000_010_000UL);
    }

    [Fact]
    public void Host_LargeError_IsSetAtOnce()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasTimer = true, HasHost = true, QuestionDelayNs = 10_000, AnswerDelayNs = 10_000 };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(10 * Second);
        bench.HostOffsetNs -= 3600 * Second;
        bench.RunFor(100 * Second);
        Assert.InRange(bench.WallErrorNs, -Millisecond, Millisecond);
    }

    [Fact]
    public void Host_ProgramHasSetTheClock_LeavesItAlone()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasTimer = true, HasHost = true };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(Second);
        long setAtNs = bench.Clock.MonotonicNs;
        bench.Time.SetRealtime(5 * Second);
        bench.RunFor(200 * Second);
        Assert.Equal(bench.Clock.MonotonicNs - setAtNs + (5 * Second), bench.Time.RealtimeNs);
    }

    /// <summary>Whatever comes over the line.</summary>
    [Fact]
    public void Host_AbsurdAnswers_AreBoundedAndNeverThrow()
    {
        Gen.Select(Gen.Byte, Gen.Long, Gen.ULong).Array[1, 40].Sample(answers =>
        {
            Bench bench = new() { Hertz = 2_000_000_000, HasTimer = true, HasHost = true, IsHostSilent = true };
            bench.MeasureFirst();
            bench.Start();
            foreach ((byte _, long realtimeNs, ulong monotonicUs) in answers)
            {
                bench.RunFor(300 * Millisecond);
                bench.Answer(bench.LastQuestion, realtimeNs, monotonicUs);
                Assert.InRange(bench.Clock.RateHertz == 0 ? bench.Hertz : bench.Clock.RateHertz, 1_979_000_000UL, 2_021_000_000UL);
                Assert.InRange(bench.Time.RealtimeNs, 0, WallReading.LimitNs + (100 * Second));
            }
        });
    }

    [Fact]
    public void Host_AnswerToNoQuestion_IsDropped()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasHost = true, IsHostSilent = true };
        bench.Start();
        long offset = bench.Time.RealtimeOffsetNs;
        bench.Answer(0, 5000 * Second, 1);
        bench.RunFor(6 * Millisecond);
        bench.Answer((byte)(bench.LastQuestion + 1), 5000 * Second, 1);
        Assert.Equal(offset, bench.Time.RealtimeOffsetNs);
        bench.Answer(bench.LastQuestion, 5000 * Second, 1);
        Assert.NotEqual(offset, bench.Time.RealtimeOffsetNs);
        offset = bench.Time.RealtimeOffsetNs;
        bench.Answer(bench.LastQuestion, 9000 * Second, 1);
        Assert.Equal(offset, bench.Time.RealtimeOffsetNs);
    }

    /// <summary>The boot does not wait for the answer, so a program that is quicker than the host does.</summary>
    [Fact]
    public void ReadRealtime_AnswerIsOnItsWay_WaitsForIt()
    {
        Bench bench =
            new() { Hertz = 1_000_000_000, HasTimer = true, HasHost = true, QuestionDelayNs = 1000, AnswerDelayNs = 20 * Millisecond };
        bench.MeasureFirst();
        bench.Start();
        Assert.True(bench.Time.IsAwaited);
        long before = bench.Time.RealtimeNs;
        Assert.InRange(before - bench.Clock.MonotonicNs - bench.HostOffsetNs, -Second, -100 * Millisecond);
        bench.AnswerDelayNs = 100_000;
        long now = bench.Time.ReadRealtime();
        Assert.InRange(now - bench.Clock.MonotonicNs - bench.HostOffsetNs, -Millisecond, Millisecond);
        Assert.False(bench.Time.IsAwaited);
    }

    /// <summary>What the boot took late leaves much open: quicker answers are waited for.</summary>
    [Fact]
    public void ReadRealtime_FirstAnswerTookLong_WaitsForBetterOnes()
    {
        Bench bench = new()
        {
            Hertz = 1_000_000_000,
            HasTimer = true,
            HasHost = true,
            QuestionDelayNs = 12 * Millisecond,
            AnswerDelayNs = 20 * Millisecond
        };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(33 * Millisecond);
        Assert.True(bench.Time.IsAwaited);
        bench.QuestionDelayNs = 100_000;
        bench.AnswerDelayNs = 100_000;
        long startNs = bench.Clock.MonotonicNs;
        long now = bench.Time.ReadRealtime();
        Assert.InRange(now - bench.Clock.MonotonicNs - bench.HostOffsetNs, -Millisecond, Millisecond);
        Assert.InRange(bench.Clock.MonotonicNs - startNs, 0, 20 * Millisecond);
    }

    [Fact]
    public void ReadRealtime_HostIsNeverQuick_WaitsForABoundedTime()
    {
        Bench bench = new()
        {
            Hertz = 1_000_000_000,
            HasTimer = true,
            HasHost = true,
            QuestionDelayNs = 12 * Millisecond,
            AnswerDelayNs = 20 * Millisecond
        };
        bench.MeasureFirst();
        bench.Start();
        long startNs = bench.Clock.MonotonicNs;
        bench.Time.ReadRealtime();
        Assert.InRange(bench.Clock.MonotonicNs - startNs, Millisecond, 300 * Millisecond);
        Assert.False(bench.Time.IsAwaited);
    }

    [Fact]
    public void ReadRealtime_HostNeverAnswers_WaitsOnceAndNotForEver()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasHost = true, IsHostSilent = true };
        bench.Start();
        long startNs = bench.Clock.MonotonicNs;
        bench.Time.ReadRealtime();
        long waitedNs = bench.Clock.MonotonicNs - startNs;
        Assert.InRange(waitedNs, Millisecond, 300 * Millisecond);
        bench.Time.ReadRealtime();
        Assert.Equal(startNs + waitedNs, bench.Clock.MonotonicNs);
    }

    [Fact]
    public void NoHost_ClockOfWholeSeconds_IsReadAtItsEdge()
    {
        Bench bench = new() { Hertz = 1_000_000_000, HasTimer = true };
        bench.Clock.IsBootTimePrecise = false;
        bench.Clock.OnWallClock = () =>
        {
            long shown = (bench.Clock.MonotonicNs + bench.HostOffsetNs) / Second * Second;
            return new WallReading(shown, shown + Second - 1, bench.Clock.MonotonicNs, bench.Clock.MonotonicNs);
        };
        bench.MeasureFirst();
        bench.Start();
        bench.RunFor(3 * Second);
        Assert.InRange(bench.WallErrorNs, -2 * Millisecond, 2 * Millisecond);
        int rounds = bench.Rounds;
        bench.RunFor(60 * Second);
        Assert.InRange(bench.Rounds, rounds, rounds + 5);
    }

    /// <summary>A machine whose counter runs at a rate that the kernel does not know, and a host.</summary>
    private sealed class Bench : IHostLine, IClockListener
    {
        private readonly Executor _executor;
        private readonly Queue<(long DueNs, byte Sequence, long RealtimeNs, ulong MonotonicUs)> _answers = new();
        private ClockDiscipline? _discipline;

        public Bench()
        {
            Clock.IsBootTimePrecise = false;
            _executor = new Executor(new FakeCpu(Clock), Clock);
            Time = new Timekeeper(Clock) { Listener = this };
            Clock.OnTicks = () => (ulong)(Clock.MonotonicNs * (double)Hertz / Second);
            Clock.MonotonicNs = 50 * Millisecond;
            HostOffsetNs = Time.RealtimeOffsetNs + (700 * Millisecond);
        }

        public FakeClock Clock { get; } = new();

        public Timekeeper Time { get; }

        public ClockDiscipline Discipline => _discipline!;

        public ulong Hertz { get; init; }

        public bool HasTimer
        {
            init => Clock.OnTimer = value ? ReadTimer : null;
        }

        public bool HasHost { get; init; }

        public bool IsHostSilent { get; init; }

        public long QuestionDelayNs { get; set; } = 100_000;

        public long AnswerDelayNs { get; set; } = 100_000;

        public long HostOffsetNs { get; set; }

        public int RateChanges { get; private set; }

        public int RealtimeSets { get; private set; }

        public int Rounds { get; private set; }

        public int Questions { get; private set; }

        public byte LastQuestion { get; private set; }

        /// <summary>The fake clock always runs right, so what a slew gains has to be counted.</summary>
        public long WallErrorNs => Time.RealtimeNs + (long)_gainedNs - (Clock.MonotonicNs + HostOffsetNs);

        private double _gainedNs;

        public void MeasureFirst()
        {
            foreach (long pause in (long[])[300_000, 20 * Millisecond])
            {
                Clock.Rate.Add(ReadTimer());
                Clock.Advance(pause);
            }

            Clock.Rate.Add(ReadTimer());
        }

        public void Start()
        {
            _discipline = new ClockDiscipline(Clock, Time, _executor, HasHost ? new HostClock(Clock, this) : null);
            Assert.True(_discipline.TryStart());
        }

        public void RunFor(long ns)
        {
            long end = Clock.MonotonicNs + ns;
            while (Clock.MonotonicNs < end)
            {
                long next = Math.Min(end, Math.Max(
                    Clock.MonotonicNs,
                    Math.Min(_executor.Timers.NextDeadlineNs, _answers.Count > 0 ? _answers.Peek().DueNs : long.MaxValue)));
                if (Discipline.IsSlewing)
                {
                    double rate = Clock.RateHertz < Hertz ? 1e-4 : -1e-4;
                    _gainedNs += (next - Clock.MonotonicNs) * rate;
                }

                Clock.MonotonicNs = next;
                if (_executor.Timers.NextDeadlineNs <= next)
                {
                    Rounds++;
                    _executor.Timers.Expire(next);
                }

                if (_answers.Count > 0 && _answers.Peek().DueNs <= next)
                {
                    (_, byte sequence, long realtimeNs, ulong monotonicUs) = _answers.Dequeue();
                    Discipline.OnHostTime(sequence, realtimeNs, monotonicUs);
                }

                while (_executor.RunOne())
                {
                }
            }
        }

        /// <summary>Lets an answer come at once.</summary>
        public void Answer(byte sequence, long realtimeNs, ulong monotonicUs)
        {
            Discipline.OnHostTime(sequence, realtimeNs, monotonicUs);
            Discipline.TakeAnswer();
        }

        public void AskTime(byte sequence)
        {
            Questions++;
            LastQuestion = sequence;
            if (!IsHostSilent)
            {
                long seenNs = Clock.MonotonicNs + QuestionDelayNs;
                _answers.Enqueue((seenNs + AnswerDelayNs, sequence, seenNs + HostOffsetNs - (long)_gainedNs, (ulong)seenNs / 1000));
            }
        }

        /// <summary>Somebody polls: time passes.</summary>
        public void TakeInput() => RunFor(100_000);

        public void OnRateChanged() => RateChanges++;

        public void OnRealtimeSet(long forwardNs) => RealtimeSets++;

        private TimerReading ReadTimer()
        {
            ulong now = Clock.Ticks;
            return new TimerReading(
                (ulong)(Clock.MonotonicNs / (double)Second * PitHertz) % 65536, now - (Hertz / 1_000_000), now + (Hertz / 1_000_000));
        }
    }
}
