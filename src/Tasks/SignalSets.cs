using System.Numerics;
using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>Sets of signals with a meaning to the kernel.</summary>
internal static class SignalSets
{
    /// <summary>Those that nobody can block, catch or ignore.</summary>
    public static readonly SignalSet Unblockable = SignalSet.Of(Signal.SIGKILL) | SignalSet.Of(Signal.SIGSTOP);

    /// <summary>Those that a CPU exception raises; they are delivered before any other.</summary>
    public static readonly SignalSet Synchronous =
        SignalSet.Of(Signal.SIGSEGV) | SignalSet.Of(Signal.SIGBUS) | SignalSet.Of(Signal.SIGILL)
        | SignalSet.Of(Signal.SIGTRAP) | SignalSet.Of(Signal.SIGFPE) | SignalSet.Of(Signal.SIGSYS);

    /// <summary>Those that stop a process by default.</summary>
    public static readonly SignalSet Stopping =
        SignalSet.Of(Signal.SIGSTOP) | SignalSet.Of(Signal.SIGTSTP) | SignalSet.Of(Signal.SIGTTIN) | SignalSet.Of(Signal.SIGTTOU);

    /// <summary>The lowest signal of a set that is not empty.</summary>
    public static Signal First(this SignalSet set) => (Signal)(BitOperations.TrailingZeroCount(set.Bits) + 1);
}
