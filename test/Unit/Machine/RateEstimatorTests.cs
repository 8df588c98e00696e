using CsCheck;
using Semitone.Machine;

namespace Semitone.Unit.Machine;

public class RateEstimatorTests
{
    private const ulong PitHertz = 1_193_182;
    private const ulong PitPeriod = 65536;

    [Fact]
    public void Add_LongerWindows_NarrowTheRate()
    {
        Simulation machine = new(2_893_202_000);
        machine.Read(0, 2e-6);
        machine.Read(0.0003, 2e-6);
        Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 20_000UL);
        machine.Read(0.025, 2e-6);
        Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 300UL);
        machine.Read(0.3, 2e-6);
        machine.Read(3, 2e-6);
        Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 3UL);
        machine.AssertHoldsTheTruth();
    }

    /// <summary>The clock ran 10 to 230 % fast when the host took the CPU away between a timer's reading and the counter's.</summary>
    [Fact]
    public void Add_HostTakesTheCpuAwayInAReading_IsUncertainAndNotWrong()
    {
        Simulation machine = new(2_400_000_000);
        machine.Read(0, 0.02);
        machine.Read(0.0205, 0.004);
        machine.Read(0.04, 0.015);
        machine.AssertHoldsTheTruth();
        machine.Read(0.06, 1e-6);
        machine.Read(0.0605, 1e-6);
        machine.Read(0.065, 1e-6);
        machine.Read(0.11, 0.03);
        machine.AssertHoldsTheTruth();
        machine.Read(0.15, 1e-6);
        machine.AssertHoldsTheTruth();
        Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 1000UL);
    }

    [Fact]
    public void Add_AnyDelays_BoundsHoldTheTruthAndEndUpNarrow()
    {
        Gen<(double Pause, double Width)> step = Gen.Select(
            Gen.Double[0.00001, 0.4], Gen.Double[0, 0.06], Gen.Bool, (pause, width, isHeldUp) => (pause, isHeldUp ? width : 2e-6));
        Gen.Select(Gen.ULong[RateEstimator.MinHertz, RateEstimator.MaxHertz], step.Array[1, 30], Gen.Double[0, 0.9]).Sample(
            (hertz, steps, where) =>
            {
                Simulation machine = new(hertz);
                double time = 0;
                foreach ((double pause, double width) in steps)
                {
                    machine.Read(time, width, where);
                    machine.AssertHoldsTheTruth();
                    time += pause + width;
                }

                // A quiet stretch makes up for everything.
                foreach (double pause in (double[])[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.05, 0.2, 1])
                {
                    machine.Read(time, 1e-6);
                    time += pause;
                }

                machine.AssertHoldsTheTruth();
                Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 100UL);
            });
    }

    [Fact]
    public void Add_WindowTooLongForWhatIsKnown_IsAmbiguousAndChangesNothing()
    {
        Simulation machine = new(3_000_000_000);
        machine.Read(0, 1e-6);
        Assert.Equal(RateResult.Ambiguous, machine.Read(0.5, 1e-6));
        Assert.False(machine.Estimator.IsKnown);
        Assert.Equal(RateResult.Narrowed, machine.Read(0.501, 1e-6));
        machine.AssertHoldsTheTruth();
    }

    [Fact]
    public void Add_NoTimerThere_NeverKnows()
    {
        RateEstimator estimator = new(PitHertz, PitPeriod);
        for (ulong i = 0; i < 1000; i++)
        {
            estimator.Add(new TimerReading(0xFFFF, i * 100_000, (i * 100_000) + 50));
        }

        Assert.False(estimator.IsKnown);
    }

    [Fact]
    public void Add_CounterJumps_ForgetsAndLearnsAgain()
    {
        Simulation machine = new(2_000_000_000);
        machine.Read(0, 1e-6);
        machine.Read(0.001, 1e-6);
        machine.Read(0.05, 1e-6);
        machine.Read(1, 1e-6);
        machine.CounterOffset = 777_777_777;
        Assert.Equal(RateResult.Contradiction, machine.Read(2, 1e-6));
        machine.Read(2.01, 1e-6);
        machine.Read(2.1, 1e-6);
        machine.Read(3, 1e-6);
        machine.AssertHoldsTheTruth();
        Assert.InRange(machine.Estimator.UncertaintyPpm, 1UL, 10UL);
    }

    [Fact]
    public void Add_CounterGoesBack_IsNoCrash()
    {
        RateEstimator estimator = new(PitHertz, PitPeriod);
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong).Array[1, 20].Sample(readings =>
        {
            foreach ((ulong count, ulong before, ulong after) in readings)
            {
                estimator.Add(new TimerReading(count, before, after));
                Assert.InRange(estimator.Hertz, RateEstimator.MinHertz, RateEstimator.MaxHertz);
                Assert.True(estimator.LowHertz <= estimator.HighHertz);
            }
        });
    }

    [Fact]
    public void Add_TimerOfMicrosecondsThatNeverWraps_MeasuresToo()
    {
        RateEstimator estimator = new(1_000_000, 0);
        estimator.Add(new TimerReading(5_000_000, 1_000_000, 1_300_000));
        estimator.Add(new TimerReading(15_000_000, 30_001_000_000, 30_001_300_000));
        Assert.InRange(3_000_000_000UL, estimator.LowHertz, estimator.HighHertz);
        Assert.InRange(estimator.UncertaintyPpm, 1UL, 20UL);
        Assert.Equal(RateResult.Contradiction, estimator.Add(new TimerReading(14_000_000, 60_001_000_000, 60_001_300_000)));
    }

    [Theory]
    [InlineData(0UL, 500UL)]
    [InlineData(ulong.MaxValue, 500UL)]
    [InlineData(2_000_000_000UL, 1_000_000UL)]
    public void Assume_Nonsense_IsIgnored(ulong hertz, ulong ppm)
    {
        RateEstimator estimator = new(PitHertz, PitPeriod);
        estimator.Assume(hertz, ppm);
        Assert.Equal((RateEstimator.MinHertz, RateEstimator.MaxHertz), (estimator.LowHertz, estimator.HighHertz));
    }

    [Fact]
    public void Assume_FromProcessor_IsKnown()
    {
        RateEstimator estimator = new(PitHertz, PitPeriod);
        estimator.Assume(2_100_000_000, 500);
        Assert.True(estimator.IsKnown);
        Assert.InRange(estimator.Hertz, 2_099_999_000UL, 2_100_001_000UL);
        Assert.InRange(estimator.UncertaintyPpm, 499UL, 501UL);
    }

    /// <summary>A counter and an interval timer that start together.</summary>
    private sealed class Simulation(ulong hertz)
    {
        public RateEstimator Estimator { get; } = new(PitHertz, PitPeriod);

        public ulong CounterOffset { get; set; } = 12345;

        /// <param name="time">When the reading begins, in seconds.</param>
        /// <param name="width">How long it takes.</param>
        /// <param name="where">At what part of it the timer is read.</param>
        public RateResult Read(double time, double width, double where = 0.5)
        {
            ulong count = (ulong)((time + (width * where)) * PitHertz) % PitPeriod;
            return Estimator.Add(new TimerReading(count, ToTicks(time), ToTicks(time + width) + 1));
        }

        public void AssertHoldsTheTruth() => Assert.InRange(hertz, Estimator.LowHertz, Estimator.HighHertz);

        private ulong ToTicks(double time) => CounterOffset + (ulong)(time * hertz);
    }
}
