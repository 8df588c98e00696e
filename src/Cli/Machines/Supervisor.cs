using System.Net.Sockets;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Cli.Machines;

/// <summary>The process that holds a machine: it has the lock, is QEMU's parent, keeps the log and answers commands.</summary>
/// <remarks>
/// It may be killed at any moment. QEMU dies with it (<see cref="ChildProcess.Start"/>), its lock goes, and what it has written says how
/// far it came: the program's status is written down before anybody is told.
/// </remarks>
internal sealed class Supervisor
{
    private readonly MachineStore _store;
    private readonly MachineFolder _folder;
    private readonly MachineRecord _record;
    private readonly FileLock _hold;
    private readonly StartReport _report;
    private readonly LogWriter _log;
    private readonly MachineConsole _console;
    private readonly Lock _stateLock = new();
    private MachineState _state;
    private ControlServer? _server;

    private Supervisor(MachineFolder folder, MachineRecord record, FileLock hold, StartReport report)
    {
        _store = new MachineStore(Path.GetDirectoryName(folder.Location)!);
        _folder = folder;
        _record = record;
        _hold = hold;
        _report = report;
        _log = new LogWriter(folder.LogFile);
        _console = new MachineConsole(_log, record.IsInteractive, record.HasTerminal, () => _server?.TellNews());
        _state = new MachineState
        {
            Status = MachineStatus.Running,
            Started = DateTimeOffset.UtcNow,
            Supervisor = ProcessIdentity.Of(Environment.ProcessId),
        };
    }

    /// <summary>Runs a machine to its end. To be called on the main thread.</summary>
    /// <param name="location">Of its folder.</param>
    public static int Run(string location)
    {
        StartReport report = StartReport.Take();
        LibC.chdir(HostText.ToCString("/"));
        MachineFolder folder = new(location);
        using FileLock? hold = folder.TryHold(TimeSpan.FromSeconds(1));
        if (hold is null)
        {
            report.Say(ExitStatus.General, "another command holds it: it runs already, or is being removed");
            return ExitStatus.General;
        }

        if (folder.ReadRecord() is not { } record)
        {
            report.Say(ExitStatus.MachineFailed, $"what {location} says of the machine is damaged: remove it and make it anew");
            return ExitStatus.General;
        }

        try
        {
            new Supervisor(folder, record, hold, report).RunToEnd();
            return 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            report.Say(ExitStatus.MachineFailed, failure.Message);
            throw;
        }
    }

    private void RunToEnd()
    {
        Write(_state);
        int status;
        string? error = null;
        try
        {
            status = RunMachine();
        }
        catch (CommandFailedException failure)
        {
            (status, error) = (failure.Status, failure.Message);
            foreach (string line in failure.Message.Split('\n'))
            {
                _console.Say($"semitone: {line}");
            }
        }

        lock (_stateLock)
        {
            Write(_state with
            {
                Status = MachineStatus.Exited,
                Finished = DateTimeOffset.UtcNow,
                ExitStatus = status,
                Error = error,
                Supervisor = null,
                Qemu = null,
            });
        }

        _log.Dispose();
        if (_record.RemovesItself)
        {
            _store.Remove(_folder, _hold);
        }

        // Where the program never ran, the command that started it says what its log says.
        _report.Say(status == 0 ? ExitStatus.MachineFailed : status, error ?? _console.Words.TrimEnd('\n'));
        _server?.End(status);
        _server?.Dispose();
    }

    private int RunMachine()
    {
        HostCapabilities host = HostCapabilities.Detect(asksForKvm: _record.Accelerator != Accelerator.Tcg);
        FileStream? archive = _record.ArchiveBytes > 0 ? OpenRoot() : null;
        QemuOptions options = RunPlan.Accelerate(
            new QemuOptions
            {
                Executable = host.QemuExecutable,
                Machine = _record.Board,
                CpuModel = _record.CpuModel,
                Volumes = _record.Volumes,
                Network = _record.Network,
                MemoryBytes = _record.MemoryBytes,
                KernelPath = host.KernelPath,
                InitialRamDiskPath = archive is null ? null : GuestProgram.InheritedPath,
                KernelCommandLine = _record.KernelCommandLine,
                Name = _record.Name,
            },
            _record.Accelerator,
            host);
        using Socket socket = ControlSocket.Listen(_folder);
        Execution execution = new()
        {
            Accelerator = _record.Accelerator,
            CpuModel = _record.CpuModel,
            IsQuiet = _record.IsQuiet,
            TellsMissingCalls = _record.TellsMissingCalls,
            HasStatistics = _record.HasStatistics,
            HasMachine = machine =>
            {
                TakeQemu(machine);
                _server = new ControlServer(socket, _record, machine, _console, TakePause);
            },
        };
        MachineSetup setup = new()
        {
            Options = options,
            Archive = archive,
            Console = _console,
            CanPause = true,
            Timeout = _record.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            StopTimeout = TimeSpan.FromSeconds(_record.StopTimeoutSeconds),
            IsReady = machine =>
            {
                // Where KVM failed it is another.
                TakeQemu(machine);
                _report.Say(0);
            },
        };
        return execution.Run(setup, host).Status;
    }

    private FileStream OpenRoot()
    {
        FileStream? archive = null;
        try
        {
            archive = HostFile.OpenStream(_folder.RootFile);
            if (archive.Length == _record.ArchiveBytes)
            {
                return archive;
            }
        }
        catch (IOException)
        {
            // The same.
        }

        archive?.Dispose();
        throw new CommandFailedException(
            ExitStatus.MachineFailed, $"its root file system is damaged: remove the machine (semitone rm {_record.Name}) and make it anew");
    }

    private void TakeQemu(VirtualMachine machine)
    {
        lock (_stateLock)
        {
            if (_state.Qemu?.Process != machine.QemuProcess)
            {
                Write(_state with { Qemu = ProcessIdentity.Of(machine.QemuProcess) });
            }
        }
    }

    private void TakePause(bool isPaused)
    {
        lock (_stateLock)
        {
            if (_state.IsUp)
            {
                Write(_state with { Status = isPaused ? MachineStatus.Paused : MachineStatus.Running });
            }
        }
    }

    /// <summary>Writes down what the machine has come to; a disk that is full does not end it.</summary>
    private void Write(MachineState state)
    {
        _state = state;
        try
        {
            _folder.Write(state);
        }
        catch (IOException failure)
        {
            _console.Say($"semitone: the machine's state cannot be written: {failure.Message}");
        }
    }
}
