namespace Semitone.Core;

/// <summary>A driver that wants to look at its device after an interrupt.</summary>
public interface IInterruptHandler
{
    /// <summary>
    /// Takes what the device has, and wakes who waits for it. Called on the executor's thread, never while guest code or a system call runs
    /// there.
    /// </summary>
    [NonAllocating]
    void OnInterrupt();
}
