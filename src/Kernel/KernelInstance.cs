using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Core;
using Semitone.Cpio;
using Semitone.Files;
using Semitone.HostLink;
using Semitone.Loader;
using Semitone.Machine;
using Semitone.Memory;
using Semitone.Syscalls;
using Semitone.Tasks;

namespace Semitone.Kernel;

/// <summary>Puts the kernel together on a machine, runs the program that the command line names, and says how it ended.</summary>
internal sealed class KernelInstance
{
    private const byte CannotExecute = 126;
    private const byte NotFound = 127;
    private const byte KernelPanic = 60;

    private readonly IMachine _machine;
    private readonly BootOptions _options;
    private readonly HostLine _line;
    private readonly KernelLines _lines;
    private readonly KernelLog _log;

    internal KernelInstance(IMachine machine)
    {
        _machine = machine;
        _options = KernelCommandLine.Parse(machine.Boot.CommandLine);
        _line = new HostLine(machine.Console, _options.HostLink);
        _lines = new KernelLines(_line, machine.Console);
        _log = new KernelLog(_lines, machine.Clock);
    }

    /// <summary>Runs the program to its end.</summary>
    /// <returns>The status to end the machine with: the program's own, 128 + N for a signal, 126 or 127 when it could not be started.</returns>
    internal byte Run()
    {
        try
        {
            return Boot();
        }
        catch (Exception exception)
        {
            // Only a bug of the kernel comes here: whatever a program does is answered by an errno or a signal.
            string text = exception.ToString();
            _log.Critical($"kernel panic: {text}");
            _line.Tell(ControlKind.Panic, System.Text.Encoding.UTF8.GetBytes(exception.Message));
            return KernelPanic;
        }
    }

    private byte Boot()
    {
        foreach (BootWarning warning in _options.Warnings)
        {
            _log.Warning($"kernel command line: {warning.ToString()}");
        }

        if (_options.Help)
        {
            _lines.Write(ParameterTable.Usage);
            return 0;
        }

        FramePool frames = new(_machine.Frames);
        Timekeeper clock = new(_machine.Clock);
        FileServices services = new(frames, clock, new RandomGenerator(_machine));
        if (!TryMakeRoot(services, out RamFileSystem? root))
        {
            return FailToLoad(NotFound);
        }

        MountNamespace mounts = new(services, root);
        FileSystemContext files = new(mounts, new FileCredentials());
        Executor executor = new(_machine.Cpu, _machine.Clock);
        SyscallDispatcher dispatcher = new(_options.Strace ? new Strace(_lines) : null);
        Vdso vdso = new(_machine, frames, cpuCount: 1);
        SystemState system = new(new SystemParts
        {
            Machine = _machine,
            Executor = executor,
            Log = _log,
            Files = services,
            Loader = new ProgramLoader(_machine, frames, vdso),
            Vdso = vdso,
            Syscalls = new SyscallContextFactory(dispatcher),
        });

        FileTable descriptors = new();
        if (!TryStart(system, files, descriptors, out byte failure))
        {
            return failure;
        }

        _line.Tell(ControlKind.Ready, []);
        ExitStatus status = system.RunInit();
        if (_options.Strace)
        {
            dispatcher.Missing.WriteSummary(_lines);
        }

        if (status.Signal == Signal.None)
        {
            _line.Tell(ControlKind.Exited, [status.ShellStatus]);
        }
        else
        {
            _line.Tell(ControlKind.Killed, [(byte)status.Signal]);
        }

        return status.ShellStatus;
    }

    private bool TryMakeRoot(FileServices services, [NotNullWhen(true)] out RamFileSystem? root)
    {
        PhysicalRange initrd = _machine.Boot.InitialRamDisk;
        CpioError error = InitialRamDisk.Load(services, initrd, out root, out long offset);
        if (error == CpioError.None)
        {
            return true;
        }

        _log.Error($"the initrd is not usable: {error.ToString()} at byte {offset}");
        return false;
    }

    private bool TryStart(SystemState system, FileSystemContext files, FileTable descriptors, out byte status)
    {
        status = NotFound;
        List<byte[]> arguments = _options.ProgramArguments;
        if (arguments.Count == 0)
        {
            _log.Error($"{KernelCommandLine.ProgramNameMissing}");
            FailToLoad(status);
            return false;
        }

        Errno error = ProgramPath.Find(new ProgramLookup(files), arguments[0], _options.Environment, out byte[] path);
        LoadFailure failure = new(LoadStage.Open, error, default, arguments[0], null);
        if (error == Errno.None)
        {
            InitialProgram program = new()
            {
                Path = path,
                Arguments = arguments,
                Environment = _options.Environment,
                Randomize = _options.RandomizeAddresses,
            };
            error = system.CreateInit(program, files, descriptors, out _, out failure);
        }

        if (error == Errno.None)
        {
            return true;
        }

        _log.Error($"{failure.ToString()}");
        status = error == Errno.ENOENT ? NotFound : CannotExecute;
        FailToLoad(status);
        return false;
    }

    private byte FailToLoad(byte status)
    {
        _line.Tell(ControlKind.LoadFailed, [status]);
        return status;
    }
}
