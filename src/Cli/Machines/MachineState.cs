using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>What a machine has come to: written anew with each change, by whoever holds its lock.</summary>
internal sealed record MachineState
{
    /// <summary>The status of a machine whose supervisor died before it could tell one; docker's after a crash is the same.</summary>
    public const int UnknownExitStatus = 255;

    public static readonly MachineState Fresh = new();

    public MachineStatus Status { get; init; }

    public DateTimeOffset? Started { get; init; }

    public DateTimeOffset? Finished { get; init; }

    /// <summary>As a shell has it; null while the program runs.</summary>
    public int? ExitStatus { get; init; }

    /// <summary>Why it could not run, where that was not the program's end.</summary>
    public string? Error { get; init; }

    public ProcessIdentity? Supervisor { get; init; }

    public ProcessIdentity? Qemu { get; init; }

    public bool IsUp => Status is MachineStatus.Running or MachineStatus.Paused;

    /// <summary>
    /// What is so when nobody holds the lock of a machine that was up: its supervisor was killed, or the host was started anew.
    /// </summary>
    /// <param name="lastSeen">When it last left a trace; null for unknown.</param>
    public MachineState AfterLoss(DateTimeOffset? lastSeen) => this with
    {
        Status = MachineStatus.Exited,
        Finished = Finished ?? lastSeen,
        ExitStatus = ExitStatus ?? UnknownExitStatus,
        Error = ExitStatus is null ? "its supervisor has gone without telling how the program ended" : Error,
        Supervisor = null,
        Qemu = null,
    };
}
