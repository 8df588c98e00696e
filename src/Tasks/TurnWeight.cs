using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>
/// How much of the CPU a thread gets beside others (sched(7), "The nice value"): a step of niceness is a quarter more or less.
/// </summary>
/// <remarks>Threads take turns. Who is nicer than most is passed over now and then; who is less nice gets longer turns.</remarks>
internal static class TurnWeight
{
    /// <summary>The weight of a thread that is neither nice nor the opposite.</summary>
    public const int Neutral = 1024;

    /// <summary>The weight of a thread that only wants what nobody else does (SCHED_IDLE).</summary>
    public const int Idle = 3;

    /// <summary>Ticks of a turn; two, so that a thread that came just before one is not sent away at once.</summary>
    private const int NeutralTicks = 2;

    /// <summary>The longest turn, about 200 ms: others must not wait as long as the ratio of extreme weights would have it.</summary>
    private const int MostTicks = 64;

    private const int LeastNice = -20;

    /// <summary>1024 times 1.25 to the power of minus niceness, from -20 to 19.</summary>
    private static ReadOnlySpan<int> Weights =>
    [
        88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
        9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
        1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
        110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
    ];

    /// <param name="nice">-20 to 19.</param>
    public static int Get(int nice, SchedulingPolicy policy) => policy == SchedulingPolicy.SCHED_IDLE ? Idle : Weights[nice - LeastNice];

    /// <summary>Gets how many ticks of the clock a turn lasts.</summary>
    public static int GetTicks(int weight) => weight <= Neutral ? NeutralTicks : Math.Min(MostTicks, NeutralTicks * weight / Neutral);
}
