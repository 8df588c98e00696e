using System.Runtime.CompilerServices;
using Semitone.Machine;

namespace Semitone.Unit.Machine;

public class PvClockTests
{
    [Fact]
    public void Page_IsLaidOutAsKvmHasIt()
    {
        Assert.Equal(32, Unsafe.SizeOf<PvClockPage>());
        Assert.Equal(12, Unsafe.SizeOf<PvWallClock>());
    }

    [Theory]
    [InlineData(0x8000_0000u, 1, 1_000_000_000UL)]
    [InlineData(0x8000_0000u, 0, 2_000_000_000UL)]
    [InlineData(0xAAAA_AAABu, -1, 2_999_999_999UL)]
    [InlineData(0xFFFF_FFFFu, -31, 2_147_483_648_499_999_999UL)]
    public void Hertz_IsWhatTheScaleStandsFor(uint multiplier, int shift, ulong expected)
    {
        ulong hertz = new PvClock(0, 0, multiplier, shift, true).Hertz;
        Assert.InRange(hertz, expected - (expected / 1_000_000_000) - 1, expected + (expected / 1_000_000_000) + 1);
    }

    [Fact]
    public void ToNs_GoesOnFromThePage()
    {
        PvClock clock = new(1_000_000, 5_000, 0x8000_0000, 1, true);
        Assert.Equal(5_000, clock.ToNs(1_000_000));
        Assert.Equal(5_250, clock.ToNs(1_000_250));
        Assert.Equal(5_000, clock.ToNs(999_000));
        Assert.Equal(5_000 + 125, (clock with { Shift = 0 }).ToNs(1_000_250));
        Assert.Equal(5_000 + 62, (clock with { Shift = -1 }).ToNs(1_000_250));
        Assert.Equal(5_000 + (1L << 60), clock.ToNs(1_000_000 + (1UL << 60)));
    }

    [Theory]
    [InlineData(0u, 0x8000_0000u, 0)]
    [InlineData(1u, 0x8000_0000u, 0)]
    [InlineData(7u, 0x8000_0000u, 0)]
    [InlineData(2u, 0u, 0)]
    [InlineData(2u, 0x8000_0000u, 40)]
    [InlineData(2u, 0x8000_0000u, -128)]
    public void TryRead_PageThatNobodyWroteOrThatIsBeingWritten_IsRefusedInBoundedTime(uint version, uint multiplier, int shift)
    {
        PvClockPage page = new() { Version = version, TscToSystemMultiplier = multiplier, TscShift = (sbyte)shift };
        Assert.False(PvClock.TryRead(ref page, out _));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    [InlineData(2, false)]
    public void TryRead_GoodPage_TellsWhetherItIsStable(byte flags, bool isStable)
    {
        PvClockPage page = new() { Version = 8, TscTimestamp = 1, SystemTime = 2, TscToSystemMultiplier = 3, TscShift = -4, Flags = flags };
        Assert.True(PvClock.TryRead(ref page, out PvClock clock));
        Assert.Equal(new PvClock(1, 2, 3, -4, isStable), clock);
    }

    [Fact]
    public async Task TryRead_HypervisorWritesMeanwhile_GetsOneOfItsTimes()
    {
        PvClockPage[] page = [new() { Version = 2, TscTimestamp = 2, SystemTime = 2, TscToSystemMultiplier = 2 }];
        bool isOver = false;
        Task writer = Task.Run(
            () =>
            {
                for (uint value = 4; !Volatile.Read(ref isOver); value += 2)
                {
                    Interlocked.Increment(ref page[0].Version);
                    page[0].TscTimestamp = value;
                    page[0].SystemTime = value;
                    page[0].TscToSystemMultiplier = value;
                    Interlocked.Increment(ref page[0].Version);
                    Thread.SpinWait(10);
                }
            },
            TestContext.Current.CancellationToken);
        try
        {
            for (int i = 0; i < 20_000; i++)
            {
                if (PvClock.TryRead(ref page[0], out PvClock clock))
                {
                    Assert.Equal((clock.TscTimestamp, (uint)clock.TscTimestamp), (clock.SystemTimeNs, clock.Multiplier));
                }
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            await writer;
        }
    }

    [Fact]
    public void TryReadWall_OddVersionOrNonsense_IsRefused()
    {
        PvWallClock page = new() { Version = 3, Seconds = 1_700_000_000, Nanoseconds = 5 };
        Assert.False(PvClock.TryReadWall(ref page, out _));
        page.Version = 4;
        Assert.True(PvClock.TryReadWall(ref page, out long realtimeNs));
        Assert.Equal(1_700_000_000_000_000_005, realtimeNs);
        page.Nanoseconds = 1_000_000_000;
        Assert.False(PvClock.TryReadWall(ref page, out _));
        page = default;
        Assert.False(PvClock.TryReadWall(ref page, out _));
    }
}
