namespace Semitone.Tasks;

/// <summary>Which wait restart_syscall(2) goes on with.</summary>
public enum RestartKind
{
    None,
    Nanosleep,
    CpuNanosleep,
    Futex,
}

/// <summary>A wait that was interrupted and knows when it would have ended.</summary>
/// <param name="DeadlineNs">On the monotonic clock, or that of CpuNanosleep.</param>
/// <param name="FollowsRealtime">Whether the deadline is a time of day.</param>
/// <param name="Address">nanosleep and clock_nanosleep: where the remaining time goes; futex: the word.</param>
/// <param name="Value">futex: what was expected there; CpuNanosleep: the clock.</param>
public readonly record struct RestartBlock(
    RestartKind Kind,
    long DeadlineNs,
    ulong Address,
    uint Value = 0,
    uint BitSet = 0,
    bool IsPrivate = false,
    bool FollowsRealtime = false);
