using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>How a process ended: with a code of its own, or by a signal.</summary>
public readonly record struct ExitStatus(int Code, Signal Signal, bool DumpedCore = false)
{
    /// <summary>The status as wait(2) encodes it.</summary>
    public int WaitStatus => Signal == Signal.None ? (Code & 0xFF) << 8 : (int)Signal | (DumpedCore ? 0x80 : 0);

    /// <summary>The status as a shell reports it: 128 + N for a signal.</summary>
    public byte ShellStatus => (byte)(Signal == Signal.None ? Code : 128 + (int)Signal);

    public static ExitStatus FromCode(int code) => new(code & 0xFF, Signal.None);

    public static ExitStatus FromSignal(Signal signal) => new(0, signal);
}
