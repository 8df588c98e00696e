using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Cli.Machines;

/// <summary>Makes machines that live on.</summary>
internal static class MachineMaker
{
    /// <summary>Packs a machine's root file system and writes down what it is.</summary>
    /// <exception cref="CommandFailedException">Its name is taken, or something of it is not there.</exception>
    public static (MachineFolder Folder, MachineRecord Record) Make(MachineStore store, RunRequest request)
    {
        if (request.Name is { } wanted && store.IsTaken(wanted))
        {
            // Before the work of packing; whoever comes between is found out at the end.
            throw NewMachine.MakeTaken(wanted);
        }

        using NewMachine machine = store.Begin();
        HostCapabilities host = HostCapabilities.Detect(asksForKvm: false) with
        {
            HasNoInput = !request.IsInteractive && !request.HasTerminal,
            TerminalInput = request.HasTerminal,
            TerminalOutput = request.HasTerminal,
            TerminalError = request.HasTerminal,
        };
        string name = request.Name ?? MachineName.Invent();
        GuestProgram guest = GuestProgram.Prepare(request, host.KernelEnd);
        QemuOptions options = RunPlan.Create(request with { Accelerator = null, Name = name }, guest, host);
        try
        {
            if (guest.Archive is { } archive)
            {
                Keep(archive, machine.Folder.RootFile);
            }

            return machine.Finish(
                new MachineRecord
                {
                    Id = machine.Id,
                    Name = name,
                    Created = DateTimeOffset.UtcNow,
                    Command = [request.Program, .. request.Arguments],
                    RootFileSystem = request.RootFileSystem is { } root ? HostFile.GetFullPath(root) : null,
                    Environment = [.. request.Environment],
                    WorkingDirectory = request.WorkingDirectory,
                    User = request.User,
                    HostName = request.HostName,
                    MemoryBytes = options.MemoryBytes,
                    Board = request.Machine,
                    CpuModel = request.CpuModel,
                    Volumes = [.. request.Volumes],
                    Network = request.Network,
                    Accelerator = request.Accelerator,
                    KernelCommandLine = options.KernelCommandLine,
                    ArchiveBytes = guest.ArchiveBytes,
                    TimeoutSeconds = request.Timeout?.TotalSeconds,
                    StopTimeoutSeconds = request.StopTimeout.TotalSeconds,
                    StopSignal = request.StopSignal,
                    RemovesItself = request.RemovesItself,
                    IsInteractive = request.IsInteractive,
                    HasTerminal = request.HasTerminal,
                    IsQuiet = request.Quiet,
                    TellsMissingCalls = request.Strace,
                    HasStatistics = request.Statistics,
                },
                isInvented: request.Name is null);
        }
        catch (IOException failure)
        {
            throw new CommandFailedException(ExitStatus.Usage, $"the machine cannot be kept in {store.Root}: {failure.Message}");
        }
    }

    private static void Keep(FileStream archive, string path)
    {
        using FileStream source = archive;
        source.Position = 0;
        using FileStream copy = HostFile.Create(path);
        source.CopyTo(copy, bufferSize: 1 << 20);
    }
}
