using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Cli.Machines;

/// <summary>What a machine is: written once, when it is made.</summary>
internal sealed record MachineRecord
{
    /// <summary>Digits of an identifier that are shown.</summary>
    public const int ShortLength = 12;

    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset Created { get; init; }

    /// <summary>The program and its arguments, as the user named them.</summary>
    public required string[] Command { get; init; }

    /// <summary>The folder or archive that the user gave; null for a program that was packed.</summary>
    public string? RootFileSystem { get; init; }

    /// <summary>What the user set of the environment.</summary>
    public string[] Environment { get; init; } = [];

    public string? WorkingDirectory { get; init; }

    public string? User { get; init; }

    public string? HostName { get; init; }

    public required long MemoryBytes { get; init; }

    public MachineType Board { get; init; }

    public string? CpuModel { get; init; }

    /// <summary>What was asked for; null for KVM where it can be used.</summary>
    public Accelerator? Accelerator { get; init; }

    /// <summary>Folders of the host that it shares.</summary>
    public Volume[] Volumes { get; init; } = [];

    /// <summary>What its network card is connected with.</summary>
    public MachineNetwork Network { get; init; } = MachineNetwork.None;

    public required string KernelCommandLine { get; init; }

    /// <summary>Of the packed root file system, where another size is that of a damaged one; 0 where the root is a shared folder.</summary>
    public required long ArchiveBytes { get; init; }

    /// <summary>Null for none.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>How long the program may take to end when it is told to.</summary>
    public double StopTimeoutSeconds { get; init; }

    /// <summary>The signal that tells it.</summary>
    public int StopSignal { get; init; }

    /// <summary>It is removed when it has ended.</summary>
    public bool RemovesItself { get; init; }

    /// <summary>Its standard input is open for those who attach.</summary>
    public bool IsInteractive { get; init; }

    /// <summary>Its standard streams are a terminal.</summary>
    public bool HasTerminal { get; init; }

    /// <summary>The log has nothing of ours that is no error.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>System calls that are missing are told of also where the program did without.</summary>
    public bool TellsMissingCalls { get; init; }

    /// <summary>The kernel's counters go to the log at the end.</summary>
    public bool HasStatistics { get; init; }

    public string ShortId => Id[..Math.Min(ShortLength, Id.Length)];
}
