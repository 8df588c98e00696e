using CsCheck;
using Semitone.Core;
using Semitone.Machine;

namespace Semitone.Unit.Core;

/// <summary>What is made of looks at a clock outside.</summary>
public class WallClockTests
{
    private const long Second = 1_000_000_000;
    private const long TrueOffsetNs = 1_700_000_000_123_456_789;

    [Fact]
    public void OffsetBounds_LooksOfAnyLength_HoldTheTruth()
    {
        Gen.Select(Gen.Long[0, 50_000_000], Gen.Long[0, 50_000_000], Gen.Long[1, Second]).Array[1, 20].Sample(looks =>
        {
            OffsetBounds bounds = default;
            long now = 0;
            foreach ((long before, long after, long pause) in looks)
            {
                now += pause;
                bounds.Add(new WallReading(now + TrueOffsetNs, now + TrueOffsetNs, now - Math.Min(before, now), now + after), driftPpm: 2);
                now += after;
                Assert.True(bounds.Contains(TrueOffsetNs));
            }

            Assert.InRange(bounds.WidthNs, 0, looks.Min(look => look.Item1 + look.Item2) + (Second / 1000));
        });
    }

    [Fact]
    public void OffsetBounds_LooksContradict_TheNewestCounts()
    {
        OffsetBounds bounds = default;
        bounds.Add(new WallReading(1000 * Second, 1000 * Second, 0, 10), driftPpm: 2);
        bounds.Add(new WallReading(5000 * Second, 5000 * Second, 100, 110), driftPpm: 2);
        Assert.Equal(((5000 * Second) - 110, (5000 * Second) - 100), (bounds.LowNs, bounds.HighNs));
    }

    [Fact]
    public void EdgeSearch_LooksAsAsked_FindsTheTimeInTwoSeconds()
    {
        Gen.Select(Gen.Long[0, Second], Gen.Long[0, 40_000], Gen.Long[0, 300_000]).Sample((phase, lookNs, lateNs) =>
        {
            EdgeSearch search = new();
            long offset = TrueOffsetNs + phase;
            long now = 300_000_000;
            int looks = 0;
            while (!search.IsDone)
            {
                long middle = now + offset + (lookNs / 2);
                long shown = middle / Second * Second;
                search.Add(new WallReading(shown, shown + Second - 1, now, now + lookNs));
                Assert.True(search.Bounds.Contains(offset));
                long next = search.GetNextLookNs(now + lookNs);
                Assert.InRange(next, now + lookNs + 1, now + (2 * Second));
                now = next + lateNs;
                Assert.InRange(++looks, 1, 75);
            }

            Assert.InRange(now, 0, 4 * Second);
            Assert.InRange(search.Bounds.MiddleNs - offset, -EdgeSearch.GoalNs, EdgeSearch.GoalNs);
        });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(WallReading.LimitNs)]
    public void WallReading_OutOfRange_IsNotSane(long realtimeNs)
    {
        Assert.False(new WallReading(realtimeNs, realtimeNs, 1, 2).IsSane);
        Assert.False(new WallReading(5, 4, 1, 2).IsSane);
        Assert.False(new WallReading(5, 5, 2, 1).IsSane);
        Assert.True(new WallReading(5, 5, 2, 2).IsSane);
    }
}
