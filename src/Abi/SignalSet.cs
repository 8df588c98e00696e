using System.Runtime.InteropServices;

namespace Semitone.Abi;

/// <summary>A set of signals as the kernel keeps it: bit N-1 stands for signal N (sigset_t of rt_sigprocmask(2), 8 bytes).</summary>
[NonAllocating]
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SignalSet(ulong Bits)
{
    /// <summary>The value that the sigsetsize argument of the rt_* calls must have.</summary>
    public const int Size = 8;

    public static SignalSet Empty => default;

    public bool IsEmpty => Bits == 0;

    /// <summary>The set of one signal. The number must be 1 to 64.</summary>
    public static SignalSet Of(Signal signal) => new(1UL << ((int)signal - 1));

    public bool Contains(Signal signal) => (Bits & Of(signal).Bits) != 0;

    public static SignalSet operator |(SignalSet left, SignalSet right) => new(left.Bits | right.Bits);

    public static SignalSet operator &(SignalSet left, SignalSet right) => new(left.Bits & right.Bits);

    public static SignalSet operator ~(SignalSet set) => new(~set.Bits);
}
