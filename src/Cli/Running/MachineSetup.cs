using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>What a <see cref="VirtualMachine"/> is made of.</summary>
internal sealed record MachineSetup
{
    public required QemuOptions Options { get; init; }

    /// <summary>The open file that is the root file system, to be QEMU's descriptor 3; null when it has a path.</summary>
    public FileStream? Archive { get; init; }

    public required IGuestConsole Console { get; init; }

    /// <summary>Null for none.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How long the program may take to end when it is told to.</summary>
    public TimeSpan StopTimeout { get; init; }

    /// <summary>It is to be paused and let go on.</summary>
    public bool CanPause { get; init; }

    /// <summary>
    /// Asked, with the reason, when a machine on KVM dies or stops before the guest's first byte: gives the machine to run instead. Null
    /// for none.
    /// </summary>
    public Func<StartFailure, QemuOptions>? FallBack { get; init; }

    /// <summary>Called with the guest's first byte, before that is shown.</summary>
    public Action? HasStarted { get; init; }

    /// <summary>Called when the program is about to be entered.</summary>
    public Action<VirtualMachine>? IsReady { get; init; }
}
