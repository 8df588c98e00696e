using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>A virtual machine that runs, connected to a console.</summary>
/// <remarks>
/// Three threads block in reads: the main one on QEMU's standard output, one on its standard error, one on the program's standard input
/// (<see cref="InputPump"/>). Signals go to the program (<see cref="SignalRelay"/>). Whoever ends the machine only kills QEMU; that ends
/// its output, and the main thread finds the reason recorded.
/// </remarks>
internal sealed class VirtualMachine
{
    /// <summary>
    /// How long a machine on KVM may run without a word; the kernel's first comes after some milliseconds. QEMU's own start, with all that
    /// it loads, is not in this.
    /// </summary>
    private static readonly TimeSpan s_silenceLimit = TimeSpan.FromSeconds(20);

    /// <summary>How long QEMU may take to stop the CPU and to let it go on.</summary>
    private static readonly TimeSpan s_pauseLimit = TimeSpan.FromSeconds(5);

    private readonly MachineSetup _setup;
    private readonly IGuestConsole _console;
    private readonly GuestReport _report = new();
    private readonly StringBuilder _problems = new();
    private readonly InputPump _input;
    private readonly Lock _startLock = new();
    private readonly object _pauseLock = new();
    private ChildProcess _qemu;
    private Thread _problemReader;
    private int _port = -1;
    private GuestInput? _line;
    private MachineMonitor? _monitor;
    private SignalRelay? _signals;
    private Timer? _stopTimer;
    private int _stopStatus;
    private bool _hasSpoken;
    private bool _isToPause;
    private bool _isPaused;
    private string? _halt;
    private bool _isSilent;
    private string? _outputProblem;

    /// <summary>Starts QEMU.</summary>
    /// <remarks>To be called on the main thread, see <see cref="ChildProcess.Start"/>.</remarks>
    public VirtualMachine(MachineSetup setup)
    {
        _setup = setup;
        _console = setup.Console;
        _qemu = StartQemu(setup.Options);
        _problemReader = Start("qemu-stderr", ReadProblems);
        _input = new InputPump(
            _console.Input,
            _console.HasTerminalInput,
            _console.HasTerminalOutput,
            interrupted: () =>
            {
                if (_console.IsJob)
                {
                    _signals?.CountInterrupt(_input!.IsConnected);
                }
            },
            escaped: () =>
            {
                if (_console.IsJob)
                {
                    End(LibC.SIGKILL);
                }
            });
    }

    /// <summary>What the kernel has told.</summary>
    public GuestReport Report => _report;

    /// <summary>QEMU's number as a process.</summary>
    public int QemuProcess => _qemu.Process;

    /// <summary>Sends a signal to the program.</summary>
    /// <returns>False when there is none.</returns>
    public bool TrySendSignal(int signal) => _input.TrySendSignal(signal);

    /// <summary>Ends the machine because of a signal.</summary>
    public void End(int signal) => StopWith(ExitStatus.SignalBase + signal);

    /// <summary>Tells the program to end, and ends the machine when it does not.</summary>
    /// <param name="signal">What tells it.</param>
    /// <param name="patience">How long it may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
    public void Stop(int signal, TimeSpan patience)
    {
        // What stands still hears nothing.
        TryPause(false);
        if (signal == LibC.SIGKILL || patience == TimeSpan.Zero || !TrySendSignal(signal))
        {
            End(LibC.SIGKILL);
            return;
        }

        lock (_startLock)
        {
            _stopTimer?.Dispose();
            _stopTimer = new Timer(_ => End(LibC.SIGKILL), null, patience, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Tells the program the size of its terminal.</summary>
    public void SetWindowSize(ushort rows, ushort columns) => _input.SendWindowSize(rows, columns);

    /// <summary>Stops the CPU, or lets it go on, and waits until that is so.</summary>
    /// <returns>False when QEMU does not do it.</returns>
    public bool TryPause(bool isPaused)
    {
        lock (_pauseLock)
        {
            if (_isPaused == isPaused)
            {
                return true;
            }

            _isToPause = isPaused;
            if (_monitor?.TryExecute(isPaused ? "stop" : "cont") != true)
            {
                return false;
            }

            long deadline = Environment.TickCount64 + (long)s_pauseLimit.TotalMilliseconds;
            while (_isPaused != isPaused && deadline > Environment.TickCount64)
            {
                Monitor.Wait(_pauseLock, TimeSpan.FromMilliseconds(Math.Max(1, deadline - Environment.TickCount64)));
            }

            return _isPaused == isPaused;
        }
    }

    /// <summary>Runs it to its end.</summary>
    public RunOutcome RunToEnd()
    {
        using SignalRelay signals = new(_input.TrySendSignal, End, _setup.StopTimeout, Resume);
        _signals = signals;
        using Timer? timer = _setup.Timeout is { } time
            ? new Timer(_ => StopWith(ExitStatus.TimedOut), null, time, Timeout.InfiniteTimeSpan)
            : null;
        using PosixSignalRegistration? resize = _console.HasTerminalOutput
            ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => _input.SendWindowSize())
            : null;
        try
        {
            _input.Start();
            PumpOutput();
            int qemuStatus = WaitForEnd();
            if (!_hasSpoken && TryStartAgain(qemuStatus))
            {
                PumpOutput();
                qemuStatus = WaitForEnd();
            }

            Terminal.Leave();
            return Conclude(qemuStatus);
        }
        finally
        {
            _stopTimer?.Dispose();
            Terminal.Leave();
        }
    }

    /// <summary>Starts QEMU; one with KVM has a monitor that tells when it stops.</summary>
    private ChildProcess StartQemu(QemuOptions options)
    {
        const int FirstInherited = 3;
        List<int> inherited = [];
        if (_setup.Archive is { } archive)
        {
            inherited.Add((int)archive.SafeFileHandle.DangerousGetHandle());
        }

        SocketPair port = SocketPair.Create();
        options = options with { LinkDescriptor = FirstInherited + inherited.Count };
        inherited.Add(port.Theirs);
        if (_port >= 0)
        {
            LibC.close(_port);
        }

        _port = port.Ours;
        if (options.Accelerator != Accelerator.Kvm && !_setup.CanPause)
        {
            ChildProcess unwatched = ChildProcess.Start(QemuCommandLine.Build(options), [.. inherited]);
            LibC.close(port.Theirs);
            return unwatched;
        }

        MachineMonitor monitor = MachineMonitor.Create();
        QemuOptions watched = options with { MonitorDescriptor = FirstInherited + inherited.Count };
        inherited.Add(monitor.ChildDescriptor);
        ChildProcess qemu = ChildProcess.Start(QemuCommandLine.Build(watched), [.. inherited]);
        LibC.close(port.Theirs);
        LibC.close(monitor.ChildDescriptor);
        _monitor = monitor;
        Start("qemu-monitor", () => Watch(monitor, qemu));
        return qemu;
    }

    /// <summary>Ends a QEMU whose guest will do nothing more: it would wait for ever.</summary>
    private void Watch(MachineMonitor monitor, ChildProcess qemu)
    {
        using MachineMonitor owned = monitor;
        Timer? silence = null;
        monitor.Watch(
            hasStarted: () => silence = new Timer(_ => HaltUnlessHeard(), null, s_silenceLimit, Timeout.InfiniteTimeSpan),
            hasStopped: () =>
            {
                if (TakePause(true))
                {
                    return true;
                }

                Halt("KVM gave up and QEMU has stopped the machine");
                return false;
            },
            goesOn: () => TakePause(false));
        silence?.Dispose();

        bool TakePause(bool isPaused)
        {
            lock (_pauseLock)
            {
                if (isPaused && !_isToPause)
                {
                    return false;
                }

                _isPaused = isPaused;
                Monitor.PulseAll(_pauseLock);
                return true;
            }
        }

        void HaltUnlessHeard()
        {
            if (_setup.FallBack is not null && !Volatile.Read(ref _hasSpoken))
            {
                Volatile.Write(ref _isSilent, true);
                Halt($"the machine ran for {s_silenceLimit.TotalSeconds} s without a word");
            }
        }

        void Halt(string reason)
        {
            Volatile.Write(ref _halt, reason);
            qemu.Kill();
        }
    }

    /// <summary>Waits for the end of a QEMU whose output has ended, and for what it had to say.</summary>
    private int WaitForEnd()
    {
        int status = _qemu.Wait();
        _problemReader.Join();
        return status;
    }

    /// <summary>
    /// Starts another machine after one that came to nothing: nothing of the input is lost, as none was read before the kernel said that it
    /// is up.
    /// </summary>
    private bool TryStartAgain(int qemuStatus)
    {
        lock (_startLock)
        {
            if (_stopStatus != 0 || _setup.Options.Accelerator != Accelerator.Kvm || _setup.FallBack is null)
            {
                return false;
            }
        }

        string problems = _problems.ToString().Trim();
        string end = _halt ?? DescribeEnd(qemuStatus);
        string reason = problems.Length > 0 ? $"{end} ({problems.Split('\n')[0].Trim()})" : end;
        bool mayPass = _isSilent || (_halt is null && qemuStatus == ExitStatus.SignalBase + LibC.SIGKILL);
        QemuOptions other = _setup.FallBack(new StartFailure(reason, mayPass));
        lock (_startLock)
        {
            if (_stopStatus != 0)
            {
                return false;
            }

            _qemu.Close();
            _problems.Clear();
            _halt = null;
            _qemu = StartQemu(other);
            _problemReader = Start("qemu-stderr", ReadProblems);
            return true;
        }
    }

    private static string DescribeEnd(int qemuStatus) =>
        qemuStatus >= ExitStatus.SignalBase
            ? $"QEMU was killed by signal {qemuStatus - ExitStatus.SignalBase}"
            : $"QEMU ended with status {qemuStatus}";

    private static Thread Start(string name, ThreadStart body)
    {
        Thread thread = new(body, maxStackSize: 256 * 1024) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>Ends the machine; the first reason counts.</summary>
    private void StopWith(int status)
    {
        lock (_startLock)
        {
            _stopStatus = _stopStatus != 0 ? _stopStatus : status;
            _qemu.Kill();
        }
    }

    private void PumpOutput()
    {
        byte[] buffer = new byte[64 * 1024];
        GuestLine[] lines = [new GuestLine(_port, _port), new GuestLine(_qemu.Output, _qemu.Input)];
        while (GuestLine.WaitForAny(lines) is { } line)
        {
            int length = Descriptor.Read(line.Output, buffer);
            if (length <= 0)
            {
                line.HasEnded = true;
                if (line.Decoder.TryFinish(out LinkFrame rest))
                {
                    Deliver(rest);
                }

                continue;
            }

            // It is answered where it has asked.
            _line = line.Input;
            if (!_hasSpoken)
            {
                // Its root file system is in the guest's memory now; ours is not needed for another start.
                Volatile.Write(ref _hasSpoken, true);
                _setup.Archive?.Dispose();
                _setup.HasStarted?.Invoke();
            }

            ReadOnlySpan<byte> input = buffer.AsSpan(0, length);
            while (line.Decoder.TryNext(ref input, out LinkFrame frame))
            {
                Deliver(frame);
            }
        }
    }

    private void Deliver(LinkFrame frame)
    {
        if (frame.Stream == LinkStream.Control)
        {
            Obey(frame);
            return;
        }

        if (!_console.TryWrite(frame.Stream, frame.Bytes, out int error))
        {
            // The reader has gone, as in `semitone run ... | head`: a program of the host would get this signal.
            _outputProblem = error == LibC.EPIPE ? null : Marshal.GetPInvokeErrorMessage(error);
            StopWith(error == LibC.EPIPE ? ExitStatus.SignalBase + LibC.SIGPIPE : ExitStatus.MachineFailed);
        }
    }

    private void Obey(LinkFrame message)
    {
        switch (message.Control)
        {
            case ControlKind.Ready when _line is not null:
                _input.Connect(_line);
                _setup.IsReady?.Invoke(this);
                break;
            case ControlKind.WantInput when message.Bytes.Length == sizeof(uint):
                _input.Want(BinaryPrimitives.ReadUInt32LittleEndian(message.Bytes));
                break;
            case ControlKind.InputTaken when message.Bytes.Length == sizeof(uint):
                _input.GiveBack(BinaryPrimitives.ReadUInt32LittleEndian(message.Bytes));
                break;
            case ControlKind.TerminalRoom when message.Bytes.Length == sizeof(uint):
                _input.AddRoom(BinaryPrimitives.ReadUInt32LittleEndian(message.Bytes));
                break;
            case ControlKind.TimeRequest when message.Bytes.Length == 1:
                _line?.Answer(message.Bytes[0]);
                break;
            case ControlKind.Stopped when message.Bytes.Length == 1:
                Suspend(message.Bytes[0]);
                break;
        }

        _report.Add(message.Control, message.Bytes);
    }

    /// <summary>Stops as the program has stopped, and goes on with it; a machine that is nobody's job waits for SIGCONT.</summary>
    private void Suspend(int signal)
    {
        if (!_console.IsJob)
        {
            return;
        }

        bool isTyped = Terminal.IsRaw && _input.IsTerminal && signal != LibC.SIGSTOP;
        Terminal.Restore();
        OwnSignal.StopBy(signal, withGroup: isTyped);

        // Where nobody could have stopped us no SIGCONT comes.
        Resume();
    }

    private void Resume()
    {
        _input.LookAtTerminal();
        _input.TrySendSignal(LibC.SIGCONT);
    }

    private void ReadProblems()
    {
        byte[] buffer = new byte[4096];
        int length;
        while ((length = Descriptor.Read(_qemu.Error, buffer)) > 0)
        {
            _problems.Append(Encoding.UTF8.GetString(buffer, 0, length));
        }
    }

    private bool IsTyped(int signal) => signal is LibC.SIGINT or LibC.SIGQUIT && _input.HasTypedSignal;

    private RunOutcome Conclude(int qemuStatus)
    {
        if (_report.Status is { } status)
        {
            return new RunOutcome(status, _report.Signal, IsTyped(_report.Signal));
        }

        if (_stopStatus == ExitStatus.TimedOut)
        {
            throw new CommandFailedException(ExitStatus.TimedOut, "the time of --timeout has run out");
        }

        if (_stopStatus != 0)
        {
            int signal = Math.Max(0, _stopStatus - ExitStatus.SignalBase);
            return _outputProblem is null
                ? new RunOutcome(_stopStatus, signal, IsTyped(signal))
                : throw new CommandFailedException(_stopStatus, $"standard output cannot be written: {_outputProblem}");
        }

        const int PanicStatus = (LinkFormat.ExitPanic << 1) | 1;
        if (_report.HasPanicked || qemuStatus == PanicStatus)
        {
            return new RunOutcome(ExitStatus.KernelPanic);
        }

        string problems = _problems.ToString().Trim();
        if (_halt is { } halt)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, problems.Length > 0 ? $"{halt}:\n{problems}" : halt);
        }

        if (qemuStatus is ExitStatus.CannotRun or ExitStatus.NotFound && problems.Length > 0)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, $"QEMU could not be started:\n{problems}\n{ChildProcess.QemuHint}");
        }

        string message = $"{DescribeEnd(qemuStatus)} before the program did";
        if (qemuStatus == 0 && problems.Length == 0)
        {
            // Without a word of the kernel's, and -no-reboot: the CPU was reset.
            message += "\nthe machine was reset: too little --memory, or a --cpu that the kernel does not run on";
        }

        throw new CommandFailedException(ExitStatus.MachineFailed, problems.Length > 0 ? $"{message}:\n{problems}" : message);
    }
}
