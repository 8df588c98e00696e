using Semitone.Machine;

namespace Semitone.Fakes;

/// <summary>A clock that stands still until a test moves it.</summary>
public sealed class FakeClock : IClock
{
    public long MonotonicNs { get; set; }

    /// <summary>2024-01-01 00:00:00 UTC.</summary>
    public long BootRealtimeNs { get; set; } = 1_704_067_200_000_000_000;

    public TscScale? TscScale { get; set; }

    public void Advance(long ns) => MonotonicNs += ns;
}
