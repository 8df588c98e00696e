namespace Semitone.Machine;

/// <summary>The processor that the calling executor runs on.</summary>
public interface ICpu
{
    /// <summary>Runs a guest thread in ring 3 until it makes a system call, faults or is interrupted.</summary>
    /// <param name="context">Registers to load and to store back.</param>
    /// <param name="pageTable">The address space to run in.</param>
    /// <returns>Why it stopped; after a page fault or an exception <see cref="LastTrap"/> says more.</returns>
    TrapKind Run(IGuestContext context, IPageTable pageTable);

    /// <summary>What the CPU said about the page fault or exception that ended the last <see cref="Run"/>.</summary>
    Trap LastTrap { get; }

    /// <summary>Lets a guest go on whose own access this CPU checks as if the kernel had made it, and so refuses: QEMU's translator before
    /// 9.1 does that to the stack of IRET, far calls and far returns in ring 3. A CPU that does it loses the kernel's protection from
    /// touching guest memory by accident (SMAP).</summary>
    /// <returns>False when there is nothing to give up: trying again would fail as before.</returns>
    bool TryAllowSupervisorAccess();

    /// <summary>Sleeps until an interrupt or the alarm; returns at once when one is pending.</summary>
    void Idle();

    /// <summary>
    /// Sets the one alarm of this CPU, in place of any before it: <see cref="Run"/> and <see cref="Idle"/> return when it is due.
    /// </summary>
    /// <param name="monotonicNs">When, on the clock of <see cref="IClock.MonotonicNs"/>; <see cref="long.MaxValue"/> for never.</param>
    void SetAlarm(long monotonicNs);
}
