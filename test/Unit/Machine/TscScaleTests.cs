using CsCheck;
using Semitone.Machine;

namespace Semitone.Unit.Machine;

public class TscScaleTests
{
    private static readonly Gen<ulong> s_hertz = Gen.ULong[RateEstimator.MinHertz, RateEstimator.MaxHertz];

    [Theory]
    [InlineData(1_000_000_000UL)]
    [InlineData(2_893_202_123UL)]
    [InlineData(100_000_000UL)]
    [InlineData(20_000_000_000UL)]
    public void ToNs_AfterADay_IsRightToAPartInTenMillion(ulong hertz)
    {
        TscScale scale = TscScale.FromHertz(1000, hertz);
        long day = 86_400_000_000_000;
        Assert.InRange(scale.ToNs(1000 + (hertz * 86_400)), day - (day / 10_000_000), day + (day / 10_000_000));
        Assert.Equal(0, scale.ToNs(1000));
    }

    [Fact]
    public void ContinueAt_AnotherRate_NeitherJumpsNorGoesBack()
    {
        Gen.Select(s_hertz, s_hertz, Gen.ULong[0, 1UL << 55], Gen.ULong[0, 1UL << 60]).Sample((from, to, elapsed, tscBase) =>
        {
            TscScale before = TscScale.FromHertz(tscBase, from);
            ulong now = tscBase + elapsed;
            TscScale after = before.ContinueAt(now, to);
            long tickNs = (long)(1_000_000_000 / to) + 1;
            Assert.InRange(after.ToNs(now) - before.ToNs(now), 0, tickNs);
            Assert.InRange(after.ToNs(now + to) - after.ToNs(now), 999_999_900, 1_000_000_100);
        });
    }

    [Fact]
    public void ContinueAt_BaseBeforeTheCountersZero_CountsOn()
    {
        // A counter thought to be fast that is slow: at its rate the time passed would take more ticks than it has counted.
        TscScale scale = TscScale.FromHertz(0, 1_000_000_000).ContinueAt(1_000_000_000, 3_000_000_000);
        Assert.InRange(scale.ToNs(1_000_000_000), 1_000_000_000, 1_000_000_001);
        Assert.InRange(scale.ToNs(4_000_000_000), 1_999_999_900, 2_000_000_100);
    }

    [Fact]
    public void ContinueAt_AThousandTimes_LosesNothing()
    {
        TscScale scale = TscScale.FromHertz(0, 2_000_000_000);
        for (ulong i = 1; i <= 1000; i++)
        {
            scale = scale.ContinueAt(i * 2_000_000, 2_000_000_000 + (i & 1));
        }

        Assert.InRange(scale.ToNs(2_000_000_000), 999_999_900, 1_000_001_100);
    }
}
