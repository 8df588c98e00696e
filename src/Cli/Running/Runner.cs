using System.Text;
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
        HostCapabilities host = HostCapabilities.Detect();
        GuestProgram guest = GuestProgram.Prepare(request);
        QemuOptions options = RunPlan.Create(request, guest, host);
        if (request.DryRun)
        {
            // The archive in memory goes with us: the printed command takes one that --keep-initrd left.
            string archivePath = guest.Archive is not null && request.KeepInitialRamDisk is null ? "rootfs.cpio" : guest.ArchivePath;
            string command = ShellQuoting.Join(QemuCommandLine.Build(options with { InitialRamDiskPath = archivePath }));
            Descriptor.TryWrite(Descriptor.StandardOutput, Encoding.UTF8.GetBytes(command + "\n"));
            return 0;
        }

        int status = VirtualMachine.Run(options, guest.Archive, request.Timeout, out GuestReport report);
        if (request.Statistics && report.Statistics is { } statistics)
        {
            Descriptor.TryWrite(Descriptor.StandardError, Encoding.UTF8.GetBytes(statistics + "\n"));
        }

        return status;
    }
}
