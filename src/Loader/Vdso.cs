using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Loader;

/// <summary>The shared object that the kernel maps into every program, so that it can read the clock without a system call (vdso(7)).</summary>
public sealed class Vdso
{
    /// <param name="machine">Whose clock it reads.</param>
    /// <param name="frames">Where its pages come from.</param>
    /// <param name="cpuCount">Processors that run guests; with one, getcpu(2) needs no system call.</param>
    public Vdso(IMachine machine, FramePool frames, int cpuCount)
    {
        _ = machine;
        _ = frames;
        _ = cpuCount;
    }

    /// <summary>Tells all programs that the time of day has been set.</summary>
    /// <param name="offsetNs">Nanoseconds to add to the monotonic clock (Timekeeper.RealtimeOffsetNs).</param>
    public void SetRealtimeOffset(long offsetNs) => throw new NotImplementedException();
}
