namespace Semitone.Machine;

/// <summary>How a time-stamp counter reading becomes nanoseconds: <c>ns = ((tsc - TscBase) * Multiplier) >> Shift</c>, in 128 bits.</summary>
public readonly record struct TscScale(ulong TscBase, uint Multiplier, int Shift);

/// <summary>The machine's clocks.</summary>
public interface IClock
{
    /// <summary>Nanoseconds since the machine booted; never goes back.</summary>
    [NonAllocating]
    long MonotonicNs { get; }

    /// <summary>Nanoseconds to add to the monotonic clock to get the time since 1970-01-01 UTC, as the machine's clock chip had it at boot.</summary>
    long BootRealtimeNs { get; }

    /// <summary>What a vDSO needs to read the monotonic clock without a system call; null when the counter cannot be relied on.</summary>
    TscScale? TscScale { get; }
}
