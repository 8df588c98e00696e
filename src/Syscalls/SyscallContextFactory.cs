using Semitone.Tasks;

namespace Semitone.Syscalls;

/// <summary>Makes the context of each new thread.</summary>
public sealed class SyscallContextFactory(SyscallDispatcher dispatcher) : ISyscallEntryFactory
{
    public SyscallEntry Create(GuestThread thread) => new SyscallContext(dispatcher, thread);
}
