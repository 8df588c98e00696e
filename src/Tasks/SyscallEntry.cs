using Semitone.Machine;

namespace Semitone.Tasks;

/// <summary>
/// What a guest thread calls when its program makes a system call. Implemented once, above (Syscalls.SyscallContext), so that the call is
/// direct.
/// </summary>
public abstract class SyscallEntry
{
    /// <summary>
    /// Serves the system call in the registers and leaves the result in RAX, or parks the thread (<see cref="GuestThread.Park"/>).
    /// </summary>
    public abstract void Invoke(ref GuestRegisters registers);

    /// <summary>Serves a system call from its start again, for which something had to be fetched.</summary>
    public virtual void InvokeAgain(ref GuestRegisters registers) => Invoke(ref registers);
}

/// <summary>Makes the <see cref="SyscallEntry"/> of each new thread.</summary>
public interface ISyscallEntryFactory
{
    SyscallEntry Create(GuestThread thread);
}
