using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>Carries a <see cref="RunRequest"/> out, as a command in the foreground.</summary>
internal static class Runner
{
    /// <summary>Packs, boots and waits.</summary>
    /// <returns>The status to end with.</returns>
    public static int Run(RunRequest request)
    {
        HostCapabilities host = HostCapabilities.Detect(asksForKvm: request.Accelerator != Accelerator.Tcg);
        GuestProgram guest = GuestProgram.Prepare(request, host.KernelEnd);
        QemuOptions options = RunPlan.Create(request, guest, host);
        if (request.DryRun)
        {
            // The archive in memory goes with us: the printed command takes one that --keep-initrd left.
            string? archivePath = guest.Archive is not null && request.KeepInitialRamDisk is null ? "rootfs.cpio" : guest.ArchivePath;
            string command = ShellQuoting.Join(QemuCommandLine.Build(options with { InitialRamDiskPath = archivePath }));
            Output.Write(command + "\n");
            return 0;
        }

        MachineSetup setup = new()
        {
            Options = options,
            Archive = guest.Archive,
            Console = new StandardStreams(),
            Timeout = request.Timeout,
            StopTimeout = request.StopTimeout,
        };
        Execution execution = new()
        {
            Accelerator = request.Accelerator,
            CpuModel = request.CpuModel,
            IsQuiet = request.Quiet,
            TellsMissingCalls = request.Strace,
            HasStatistics = request.Statistics,
        };
        RunOutcome outcome = execution.Run(setup, host);
        outcome.DieOfSignal();
        return outcome.Status;
    }
}
