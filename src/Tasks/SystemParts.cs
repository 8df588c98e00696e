using Semitone.Core;
using Semitone.Files;
using Semitone.Loader;
using Semitone.Machine;

namespace Semitone.Tasks;

/// <summary>What a <see cref="SystemState"/> is put together from.</summary>
public sealed class SystemParts
{
    public required IMachine Machine { get; init; }

    public required Executor Executor { get; init; }

    public required KernelLog Log { get; init; }

    /// <summary>Also where the frames and the clock come from.</summary>
    public required FileServices Files { get; init; }

    public required ProgramLoader Loader { get; init; }

    public required Vdso Vdso { get; init; }

    public required ISyscallEntryFactory Syscalls { get; init; }
}
