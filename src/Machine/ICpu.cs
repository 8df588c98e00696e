namespace Semitone.Machine;

/// <summary>The processor that the calling executor runs on.</summary>
public interface ICpu
{
    /// <summary>Runs a guest thread in ring 3 until it makes a system call, faults or is interrupted.</summary>
    /// <param name="context">Registers to load and to store back.</param>
    /// <param name="pageTable">The address space to run in.</param>
    /// <param name="trap">Why it stopped.</param>
    void Run(IGuestContext context, IPageTable pageTable, out Trap trap);

    /// <summary>Sleeps until an interrupt or the alarm; returns at once when one is pending.</summary>
    void Idle();

    /// <summary>Sets the one alarm of this CPU, in place of any before it: <see cref="Run"/> and <see cref="Idle"/> return when it is due.</summary>
    /// <param name="monotonicNs">When, on the clock of <see cref="IClock.MonotonicNs"/>; <see cref="long.MaxValue"/> for never.</param>
    void SetAlarm(long monotonicNs);
}
