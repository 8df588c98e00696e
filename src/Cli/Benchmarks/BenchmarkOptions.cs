using Semitone.Cli.Qemu;

namespace Semitone.Cli.Benchmarks;

/// <summary>How to measure.</summary>
internal sealed record BenchmarkOptions
{
    public required string QemuExecutable { get; init; }

    /// <summary>Our kernel.</summary>
    public required string KernelPath { get; init; }

    /// <summary>The folder with the compiled programs of test/Bench and the Linux kernel.</summary>
    public required string Folder { get; init; }

    public MachineType Machine { get; init; }

    public Accelerator Accelerator { get; init; }

    /// <summary>KVM's device, where it is not QEMU's own choice.</summary>
    public string? KvmDevice { get; init; }

    /// <summary>Flags of the CPU that KVM cannot do.</summary>
    public IReadOnlyList<string> RemovedCpuFlags { get; init; } = [];

    /// <summary>Runs of each measurement; the systems take turns.</summary>
    public int Runs { get; init; }

    /// <summary>Those of <see cref="Benchmark.Parts"/> to measure; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>Guest instructions instead of time.</summary>
    public bool CountsInstructions { get; init; }
}
