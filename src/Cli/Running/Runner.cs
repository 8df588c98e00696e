using System.Text;
using Semitone.Cli.Kvm;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;

namespace Semitone.Cli.Running;

/// <summary>Carries a <see cref="RunRequest"/> out.</summary>
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
            string archivePath = guest.Archive is not null && request.KeepInitialRamDisk is null ? "rootfs.cpio" : guest.ArchivePath;
            string command = ShellQuoting.Join(QemuCommandLine.Build(options with { InitialRamDiskPath = archivePath }));
            Descriptor.TryWrite(Descriptor.StandardOutput, HostText.ToBytes(command + "\n"));
            return 0;
        }

        // Said when the guest runs: where it never does, something else is the matter.
        bool isSlow = request.Accelerator is null && host.Kvm.State is not (KvmState.Usable or KvmState.Absent);
        string? slowness = isSlow ? host.Kvm.Reason : null;

        // The second net: what KVM does for a probe it may yet not do for QEMU.
        StartFailure? problem = null;
        bool mayFallBack = options.Accelerator == Accelerator.Kvm && request.Accelerator is null;
        RunOutcome outcome = VirtualMachine.Run(
            options, guest.Archive, request.Timeout, request.StopTimeout, mayFallBack
                ? FallBack
                : null, SaySlowness, out GuestReport report);
        if (problem is { } seen && report.IsReady && request.CpuModel is null)
        {
            KvmInspector.Correct(KvmInspector.Device, options.Executable, seen.Reason, seen.MayPass);
        }

        if (report.MissingCalls is { } calls && (report.Status is not (null or 0) || request.Strace))
        {
            // Programs seldom say that it was this.
            Say(request, $"the program made system calls that are not there yet: {calls}");
        }

        if (request.Statistics && report.Statistics is { } statistics)
        {
            Descriptor.TryWrite(Descriptor.StandardError, Encoding.UTF8.GetBytes(statistics + "\n"));
        }

        outcome.DieOfSignal();
        return outcome.Status;

        QemuOptions FallBack(StartFailure failure)
        {
            problem = failure;
            slowness = failure.Reason;
            return RunPlan.WithoutKvm(options);
        }

        void SaySlowness()
        {
            if (slowness is { } reason)
            {
                Say(request, $"KVM is not used, the program runs more slowly: {reason}");
            }
        }
    }

    /// <summary>Says a line that is no error.</summary>
    private static void Say(RunRequest request, string line)
    {
        if (!request.Quiet)
        {
            Descriptor.TryWrite(Descriptor.StandardError, HostText.ToBytes($"semitone: {line}{(Terminal.IsRaw ? "\r\n" : "\n")}"));
        }
    }
}
