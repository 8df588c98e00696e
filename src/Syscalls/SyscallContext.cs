using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>The thread that makes a system call, with what belongs to it.</summary>
/// <remarks>One object per thread, used for all its calls.</remarks>
public sealed partial class SyscallContext
{
    /// <summary>The memory of the calling process.</summary>
    public required UserMemory Memory { get; set; }

    /// <summary>The calling thread's number, as gettid(2) gives it.</summary>
    public required int ThreadId { get; set; }
}
