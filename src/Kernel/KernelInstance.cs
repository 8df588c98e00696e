using System.Text;
using Semitone.Abi;
using Semitone.BootParameters;
using Semitone.Core;
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
    internal const byte CannotExecute = 126;
    internal const byte NotFound = 127;
    private const byte KernelPanic = 60;
    private const long MinimumReserve = 32;
    private const long MaximumReserve = 256;
    internal const string MemoryTooSmall = "the machine has too little memory for this; give it more (semitone run --memory, QEMU's -m)";

    private readonly IMachine _machine;
    private readonly BootOptions _options;
    private readonly ConsoleStreams _streams;
    private readonly KernelLines _lines;
    private readonly KernelLog _log;

    /// <summary>The machine's virtio devices, and what was wrong with those that could not be used.</summary>
    private readonly DeviceSet _devices;

    /// <summary>The host's clocks; null where it cannot be asked.</summary>
    private readonly HostClock? _hostClock;

    /// <summary>What there is to tell of in a panic; null while the kernel boots.</summary>
    private SystemState? _system;

    internal KernelInstance(IMachine machine)
    {
        _machine = machine;
        _options = KernelCommandLine.Parse(machine.Boot.CommandLine);
        _devices = new DeviceSet(machine, _options);
        _streams = new ConsoleStreams(
            _devices.HostLine,
            _options.HostLink,
            [
                _options.StandardInput == StandardStream.Tty,
                _options.StandardOutput == StandardStream.Tty,
                _options.StandardError == StandardStream.Tty,
            ],
            _options.Rows,
            _options.Columns);
        _lines = new KernelLines(_streams);
        _log = new KernelLog(_lines, machine.Clock);
        if (_options.HostLink)
        {
            // The answer comes while the boot goes on, and is taken before the program starts.
            _hostClock = new HostClock(machine.Clock, _streams);
            _hostClock.Ask();
        }
    }

    /// <summary>Runs the program to its end.</summary>
    /// <returns>The status to end the machine with: the program's own, 128 + N for a signal, 126 or 127 when it could not be
    /// started.</returns>
    internal byte Run()
    {
        byte status = RunToEnd();
        _devices.Console?.Drain();
        return status;
    }

    private byte RunToEnd()
    {
        try
        {
            return Boot();
        }
        catch (OutOfMemoryException)
        {
            KernelHeap.Relieve();
            _log.Critical($"kernel panic: the kernel's own memory ran out; try a larger memory size");
            Tell(ControlKind.Panic, "out of memory"u8);
            return KernelPanic;
        }
        catch (Exception exception)
        {
            // Only a bug of the kernel comes here: whatever a program does is answered by an errno or a signal.
            string text = $"kernel panic: {exception}";
            _log.WriteLines(LogLevel.Critical, text);
            _system?.CurrentThread?.WriteRegisters(_log);
            Tell(ControlKind.Panic, Encoding.UTF8.GetBytes(exception.Message));
            return KernelPanic;
        }
    }

    private byte Boot()
    {
        foreach (BootWarning warning in _options.Warnings)
        {
            _log.Warning($"kernel command line: {warning.ToString()}");
        }

        for (int i = 0; i < _devices.Problems?.Count; i++)
        {
            _log.Warning($"a device is not used: {_devices.Problems[i]}");
        }

        if (_options.Help)
        {
            _lines.Write(ParameterTable.Usage);
            return 0;
        }

        // What guests cannot take: page tables and the kernel's own heap need room when a program has used up everything else.
        long reserve = Math.Clamp(_machine.Frames.TotalCount / 64, MinimumReserve, MaximumReserve);
        FramePool frames = new(_machine.Frames, reserve);
        KernelHeap.Frames = _machine.Frames;
        Timekeeper clock = new(_machine.Clock);
        FileServices services = new(frames, clock, new RandomGenerator(_machine) { Source = _devices.Entropy });
        Executor executor = new(_machine.Cpu, _machine.Clock);
        ShareConnector shares = new(_machine, services, executor, _devices);
        BootRoot boot = new(_machine, _options, services, shares, _log);
        if (!boot.TryMakeRoot(out FileSystem? root))
        {
            return FailToLoad(boot.Failure);
        }

        MountNamespace mounts = new(services, root, boot.Source);
        FileSystemContext files = new(mounts, new FileCredentials());
        BootFileWaiter waiter = new(services, executor);
        MountPoints points = new(mounts, waiter);
        SyscallDispatcher dispatcher = new(_options.Strace ? new Strace(_lines) : null, _options.Stats ? new SyscallCounts() : null);
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

        _system = system;
        system.HostName = _options.HostName ?? system.HostName;
        ProcessTable processes = new(system);
        StandardMounts.MountAll(mounts, points, processes, processes);
        if (_devices.Console is { } console)
        {
            executor.AddInterruptHandler(console);
        }

        if (_devices.Cards is { } cards)
        {
            // Before a volume may lie over /etc: what is made there is the root's.
            new BootNetwork(_options, cards, mounts, executor, _log, Encoding.UTF8.GetString(system.HostName)).BringUp(system.Sockets);
        }

        if (!TryMountAll(new BootMounts(mounts, points, shares, hasInitrd: _machine.Boot.InitialRamDisk.Length > 0)))
        {
            return FailToLoad(CannotExecute);
        }

        ActAs(files, _options.User);
        if (!TryEnterWorkingDirectory(files, waiter))
        {
            return FailToLoad(NotFound);
        }

        FileTable descriptors = new();
        _streams.Install(descriptors, mounts);
        services.TerminalOwner = new TerminalOwner(system);
        _streams.Terminal.Session.Owner = services.TerminalOwner;
        system.Terminal = _streams.Terminal.Session.IsControlling ? _streams.Terminal : null;
        system.HostJobControl = _options.HostLink ? new HostJobControl(_streams) : null;
        executor.AddInterruptHandler(_streams);
        ClockDiscipline discipline = StartClockDiscipline(clock, executor);
        if (!TryStartProgram(system, files, waiter, boot.Program, descriptors, out byte failure))
        {
            return failure;
        }

        _streams.TakeInput();
        discipline.TakeAnswer();
        Tell(ControlKind.Ready, []);
        long readyNs = clock.MonotonicNs;
        ExitStatus status = system.RunInit();
        _streams.TellInputTaken();
        TellMissing(dispatcher.Missing, status);
        if (_options.Stats)
        {
            byte[] statistics = StatisticsReport.Make(system, dispatcher, readyNs);
            Tell(ControlKind.Statistics, statistics);
            if (!_options.HostLink)
            {
                _lines.Write(statistics);
                _lines.Write("\n"u8);
            }
        }

        if (status.Signal == Signal.None)
        {
            Tell(ControlKind.Exited, [status.ShellStatus]);
        }
        else
        {
            Tell(ControlKind.Killed, [(byte)status.Signal]);
        }

        return status.ShellStatus;
    }

    /// <summary>Mounts what the command line names.</summary>
    private bool TryMountAll(BootMounts boot)
    {
        foreach (MountEntry entry in _options.Mounts)
        {
            if (!boot.TryMountEntry(entry, out string? problem))
            {
                string path = Encoding.UTF8.GetString(entry.Path);
                _log.Error($"{path} cannot be mounted from {Encoding.UTF8.GetString(entry.Device)}: {problem}");
                return false;
            }
        }

        return true;
    }

    private ClockDiscipline StartClockDiscipline(Timekeeper clock, Executor executor)
    {
        if (!_machine.Clock.Rate.IsKnown)
        {
            _log.Warning($"no timer to measure the time-stamp counter by: the clock may run fast or slow");
        }

        ClockDiscipline discipline = new(_machine.Clock, clock, executor, _hostClock);
        _streams.TimeListener = discipline;
        if (!discipline.TryStart())
        {
            _streams.TimeListener = null;
        }

        return discipline;
    }

    /// <summary>Looks files up with a user's rights from now on.</summary>
    private static void ActAs(FileSystemContext files, ProgramUser? user)
    {
        if (user is not null)
        {
            files.Credentials = new FileCredentials { UserId = user.UserId, GroupId = user.GroupId, Groups = user.Groups };
        }
    }

    /// <summary>Goes where the command line says, or else where <c>$PWD</c> says when there is such a directory.</summary>
    /// <returns>False when the command line's cannot be entered.</returns>
    private bool TryEnterWorkingDirectory(FileSystemContext files, BootFileWaiter waiter)
    {
        if (_options.WorkingDirectory is { } wanted)
        {
            Errno error = EnterBootDirectory(files, waiter, wanted);
            if (error != Errno.None)
            {
                _log.Error($"the working directory cannot be entered: {error.ToString()}");
            }

            return error == Errno.None;
        }

        ReadOnlySpan<byte> prefix = "PWD="u8;
        foreach (byte[] variable in _options.Environment)
        {
            if (variable.AsSpan().StartsWith(prefix)
                && EnterBootDirectory(files, waiter, variable.AsSpan(prefix.Length)) is var error and not Errno.None)
            {
                _log.Warning($"the working directory $PWD cannot be entered: {error.ToString()}");
            }
        }

        return true;
    }

    private static Errno EnterBootDirectory(FileSystemContext files, BootFileWaiter waiter, ReadOnlySpan<byte> path)
    {
        Errno error;
        do
        {
            error = files.Find(files.Root, path, follow: true, out Inode? directory);
            error = error == Errno.None ? files.ChangeDirectory(directory!) : error;
        }
        while (waiter.MustRepeat(files, ref error));

        return error;
    }

    /// <param name="program">The program's path, where it is not what the first argument leads to.</param>
    private bool TryStartProgram(
        SystemState system, FileSystemContext files, BootFileWaiter waiter, byte[]? program, FileTable descriptors, out byte status)
    {
        status = NotFound;
        List<byte[]> arguments = _options.ProgramArguments;
        if (arguments.Count == 0)
        {
            _log.Error($"{KernelCommandLine.ProgramNameMissing}");
            FailToLoad(status);
            return false;
        }

        byte[] name = program ?? arguments[0];
        Errno error;
        LoadFailure failure;
        do
        {
            error = ProgramPath.Find(new ProgramLookup(files, GetCredentials()), name, _options.Environment, out byte[] path);
            failure = new LoadFailure(LoadStage.Open, error, default, name, null);
            if (error == Errno.None)
            {
                InitialProgram initial = new()
                {
                    Path = path,
                    Arguments = arguments,
                    Environment = _options.Environment,
                    Randomize = _options.RandomizeAddresses,
                    Credentials = GetCredentials(),
                };
                error = system.CreateInit(initial, files, descriptors, out _, out failure);
            }
        }
        while (waiter.MustRepeat(files, ref error));

        if (error == Errno.None)
        {
            return true;
        }

        _log.Error($"{failure.ToString()}");
        if (error == Errno.ENOMEM)
        {
            _log.Error($"{MemoryTooSmall}");
        }

        status = error == Errno.ENOENT ? NotFound : CannotExecute;
        FailToLoad(status);
        return false;
    }

    /// <summary>Tells which calls the program made in vain: it may have failed for that, and seldom says so.</summary>
    private void TellMissing(SyscallCounts missing, ExitStatus status)
    {
        const int MostNames = 12;
        string names = missing.Total == 0 ? "" : missing.Describe(MostNames);
        if (names.Length == 0)
        {
            return;
        }

        Tell(ControlKind.MissingCalls, Encoding.UTF8.GetBytes(names));
        if (!_options.HostLink && (status.ShellStatus != 0 || _options.Strace))
        {
            _log.Warning($"the program made system calls that this kernel does not have: {names}");
        }
    }

    /// <summary>Whom the program runs as: the superuser, or a user of the root file system, who has no capability.</summary>
    private Credentials GetCredentials()
    {
        Credentials root = Credentials.Root;
        if (_options.User is not { } user)
        {
            return root;
        }

        Credentials other = root with
        {
            RealUserId = user.UserId,
            EffectiveUserId = user.UserId,
            SavedUserId = user.UserId,
            FileSystemUserId = user.UserId,
            RealGroupId = user.GroupId,
            EffectiveGroupId = user.GroupId,
            SavedGroupId = user.GroupId,
            FileSystemGroupId = user.GroupId,
            Groups = user.Groups,
        };
        return other.AfterUserChange(root);
    }

    /// <summary>Tells the host something; a plain serial line has no ear for it.</summary>
    private void Tell(ControlKind kind, ReadOnlySpan<byte> body)
    {
        if (_options.HostLink)
        {
            byte[] message = new byte[LinkFormat.HeaderSize + 1 + body.Length];
            _devices.HostLine.Write(message.AsSpan(0, LinkEncoder.WriteControl(message, kind, body)));
        }
    }

    private byte FailToLoad(byte status)
    {
        Tell(ControlKind.LoadFailed, [status]);
        return status;
    }
}
