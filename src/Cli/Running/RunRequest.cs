using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>What the user asked <c>semitone run</c> for, with every value parsed.</summary>
public sealed record RunRequest
{
    /// <summary>The program: a binary of the host, or with a root file system a path in it.</summary>
    public required string Program { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>A folder or an archive; null to pack the program and its libraries.</summary>
    public string? RootFileSystem { get; init; }

    /// <summary>The root file system is a folder that the machine works in, and nothing is packed.</summary>
    public bool SharesRoot { get; init; }

    /// <summary>Null for enough.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The same as the user wrote it, for messages.</summary>
    public string? MemoryText { get; init; }

    /// <summary><c>KEY=VALUE</c>, or <c>KEY</c> to take the host's value.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>What else to pack.</summary>
    public IReadOnlyList<IncludedPath> Includes { get; init; } = [];

    /// <summary>Folders of the host to share; the root, where that is shared, is the first.</summary>
    public IReadOnlyList<Volume> Volumes { get; init; } = [];

    /// <summary>Folders of the guest that are in memory.</summary>
    public IReadOnlyList<TemporaryFolder> TemporaryFolders { get; init; } = [];

    public MachineNetwork Network { get; init; } = MachineNetwork.None;

    /// <summary>Absolute, in the guest; null for the usual one.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>NAME|UID[:GROUP|GID]</c>; null for root.</summary>
    public string? User { get; init; }

    public string? HostName { get; init; }

    /// <summary>List what is packed, and why.</summary>
    public bool Verbose { get; init; }

    /// <summary>Parameters for the kernel command line, before the <c>--</c>.</summary>
    public IReadOnlyList<string> KernelArguments { get; init; } = [];

    public MachineType Machine { get; init; }

    /// <summary>Null for KVM where it can be used, else TCG.</summary>
    public Accelerator? Accelerator { get; init; }

    public string? CpuModel { get; init; }

    public string? Name { get; init; }

    /// <summary>It is a machine that lives on when the command has ended.</summary>
    public bool IsDetached { get; init; }

    /// <summary>It is made, and not started.</summary>
    public bool StartsLater { get; init; }

    /// <summary>It is removed when it has ended.</summary>
    public bool RemovesItself { get; init; }

    /// <summary>Of one that lives on: its standard input is open for those who attach.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>Of one that lives on: its standard streams are a terminal for those who attach.</summary>
    public bool HasTerminal { get; init; }

    /// <summary>The signal that tells the program to end.</summary>
    public int StopSignal { get; init; } = Posix.LibC.SIGTERM;

    public TimeSpan? Timeout { get; init; }

    /// <summary>How long the program may take to end when SIGTERM or SIGHUP has told it to.</summary>
    public TimeSpan StopTimeout { get; init; }

    public bool Strace { get; init; }

    public bool Statistics { get; init; }

    public bool DryRun { get; init; }

    /// <summary>Says nothing of its own that is not an error.</summary>
    public bool Quiet { get; init; }

    /// <summary>A file to keep the packed root file system in.</summary>
    public string? KeepInitialRamDisk { get; init; }
}
