using Semitone.Abi;
using Semitone.Cli.Kvm;
using Semitone.Cli.Libraries;
using Semitone.Cli.Posix;
using Semitone.Elf;

namespace Semitone.Cli.Running;

/// <summary>What a plan depends on besides the user's request.</summary>
internal sealed record HostCapabilities
{
    /// <summary>Names the kernel image; for those who try another than the one beside the command.</summary>
    private const string KernelVariable = "SEMITONE_KERNEL";

    /// <summary>Names the QEMU to start.</summary>
    private const string QemuVariable = "SEMITONE_QEMU";

    private const string KernelFile = "semitone_qemu-x86_64";

    public required string QemuExecutable { get; init; }

    public required string KernelPath { get; init; }

    /// <summary>Where the kernel ends in physical memory; 0 when its file does not say.</summary>
    public long KernelEnd { get; init; }

    /// <summary>Whether KVM can be used; a no where nobody asked for it.</summary>
    public KvmAnswer Kvm { get; init; } = KvmAnswer.No(KvmState.Absent, "it was not asked for");

    /// <summary>KVM's device, where it is not QEMU's own choice.</summary>
    public string? KvmDevice { get; init; }

    /// <summary>The QEMU to start, a path or a name in PATH.</summary>
    public static string Qemu => HostEnvironment.Get(QemuVariable) is { Length: > 0 } qemu ? qemu : "qemu-system-x86_64";

    /// <summary>Standard input is /dev/null.</summary>
    public bool HasNoInput { get; init; }

    public bool TerminalInput { get; init; }

    public bool TerminalOutput { get; init; }

    public bool TerminalError { get; init; }

    /// <summary>Lines of the terminal's screen; 0 when that is not known.</summary>
    public int TerminalRows { get; init; }

    /// <summary>Characters of a line; 0 when that is not known.</summary>
    public int TerminalColumns { get; init; }

    public string? TerminalName { get; init; }

    /// <summary>Looks around.</summary>
    /// <param name="asksForKvm">Whether it matters if KVM can be used.</param>
    /// <exception cref="CommandFailedException">There is no kernel image.</exception>
    /// <remarks>To be called on the main thread, see <see cref="ChildProcess.Start"/>.</remarks>
    public static HostCapabilities Detect(bool asksForKvm)
    {
        string kernel = HostEnvironment.Get(KernelVariable) is { Length: > 0 } named
            ? HostFile.GetFullPath(named)
            : Path.Combine(AppContext.BaseDirectory, KernelFile);
        if (!HostFile.Exists(kernel))
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed,
                $"there is no kernel image at {kernel}: build it with ./semitone demo, or name one with {KernelVariable}");
        }

        // Without a terminal to write to there is none: the guest's echo must not go where its output goes, and who stands behind us in a
        // pipeline writes to the terminal too.
        bool hasTerminal = Descriptor.IsTerminal(Descriptor.StandardOutput);
        ushort rows = 0, columns = 0;
        if (hasTerminal)
        {
            Terminal.TryGetSize(out rows, out columns);
        }

        HostCapabilities host = new()
        {
            QemuExecutable = Qemu,
            KernelPath = kernel,
            KernelEnd = FindEnd(kernel),
            KvmDevice = KvmInspector.Device == KvmInspector.DefaultDevice ? null : KvmInspector.Device,
            TerminalInput = hasTerminal && Descriptor.IsTerminal(Descriptor.StandardInput),
            TerminalOutput = hasTerminal,
            TerminalError = hasTerminal && Descriptor.IsTerminal(Descriptor.StandardError),
            TerminalRows = rows,
            TerminalColumns = columns,
            TerminalName = HostEnvironment.Get("TERM"),
        };
        return asksForKvm ? host with { Kvm = KvmInspector.Ask(KvmInspector.Device, Qemu) } : host;
    }

    private static long FindEnd(string kernel)
    {
        // Linked at its physical address, and 2 GiB below the end of the address space.
        const ulong PhysicalMask = (1UL << 31) - 1;
        try
        {
            using var file = HostFile.Open(kernel);
            ulong end = 0;
            if (ElfFile.Read(new FileElfSource(file), out ElfFile? elf, out _) == Errno.None)
            {
                foreach (ElfSegment segment in elf!.Segments)
                {
                    end = segment.Type == ElfSegmentType.Load
                        ? Math.Max(end, (segment.VirtualAddress & PhysicalMask) + segment.MemorySize)
                        : end;
                }
            }

            return end != 0 ? (long)end : throw new CommandFailedException(ExitStatus.MachineFailed, $"{kernel} is no kernel image");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, $"the kernel image cannot be read: {failure.Message}");
        }
    }
}
