namespace Semitone.Machine;

/// <summary>
/// How a time-stamp counter reading becomes nanoseconds: <c>ns = ((tsc - TscBase) * Multiplier) >> Shift</c>, in 128 bits.
/// </summary>
/// <remarks>
/// The base carries all history: it is the reading at which a counter that had always run at this rate would have stood at zero. So a
/// change of the rate is one other triple, and nothing is added when the clock is read. The base may lie before the counter's own zero;
/// differences are taken modulo 2^64.
/// </remarks>
public readonly record struct TscScale(ulong TscBase, uint Multiplier, int Shift)
{
    /// <summary>
    /// The shift of every scale made here: a constant, so that nobody has to load it. Good for 64 MHz and more, and finer than a quartz is
    /// true.
    /// </summary>
    public const int FixedShift = 28;

    private const ulong NsPerSecond = 1_000_000_000;

    /// <summary>Makes the scale of a counter that stood at <paramref name="tscBase"/> at time 0.</summary>
    /// <param name="hertz">64 MHz or more.</param>
    public static TscScale FromHertz(ulong tscBase, ulong hertz)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hertz, 64_000_000UL);
        return new TscScale(tscBase, (uint)(((NsPerSecond << FixedShift) + (hertz / 2)) / hertz), FixedShift);
    }

    /// <summary>The time of a reading. One from before the base is 2^64 ticks late: nobody asks for it.</summary>
    public long ToNs(ulong tsc)
    {
        ulong high = Math.BigMul(tsc - TscBase, Multiplier, out ulong low);
        return (long)((high << (64 - Shift)) | (low >> Shift));
    }

    /// <summary>Makes the scale that goes on at another rate where this one is now.</summary>
    /// <param name="now">A reading no earlier than any that this scale was used for.</param>
    /// <param name="hertz">64 MHz or more.</param>
    /// <returns>A scale that gives the same time for <paramref name="now"/>, or a tick's length more: the clock never goes back.</returns>
    public TscScale ContinueAt(ulong now, ulong hertz)
    {
        TscScale next = FromHertz(0, hertz);
        UInt128 scaled = (UInt128)(ulong)ToNs(now) << next.Shift;
        ulong ticks = (ulong)((scaled + next.Multiplier - 1) / next.Multiplier);
        return next with { TscBase = now - ticks };
    }
}
