using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>A virtual machine that runs, with its console connected to our standard streams.</summary>
/// <remarks>
/// Three threads block in reads: the main one on QEMU's standard output, one on its standard error, one on our standard input
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

    private readonly QemuOptions _options;
    private readonly FileStream? _archive;
    private readonly Func<StartFailure, QemuOptions>? _fallBack;
    private readonly Action _hasStarted;
    private readonly GuestReport _report = new();
    private readonly StringBuilder _problems = new();
    private readonly bool _hasTerminal = Descriptor.IsTerminal(Descriptor.StandardOutput);
    private readonly InputPump _input;
    private readonly Lock _startLock = new();
    private ChildProcess _qemu;
    private Thread _problemReader;
    private int _port = -1;
    private GuestInput? _line;
    private SignalRelay? _signals;
    private int _stopStatus;
    private bool _hasSpoken;
    private string? _halt;
    private bool _isSilent;
    private string? _outputProblem;

    private VirtualMachine(QemuOptions options, FileStream? archive, Func<StartFailure, QemuOptions>? fallBack, Action hasStarted)
    {
        _options = options;
        _archive = archive;
        _fallBack = fallBack;
        _hasStarted = hasStarted;
        _qemu = StartQemu(options);
        _problemReader = Start("qemu-stderr", ReadProblems);
        bool takesTerminal = _hasTerminal && Descriptor.IsTerminal(Descriptor.StandardInput);
        _input = new InputPump(takesTerminal, _hasTerminal, interrupted: () =>
            _signals?.CountInterrupt(_input!.IsConnected), escaped: () => StopBy(LibC.SIGKILL));
    }

    /// <summary>Runs a machine to its end.</summary>
    /// <param name="options">The machine.</param>
    /// <param name="archive">The open file that is the root file system, to be QEMU's descriptor 3; null when it has a path.</param>
    /// <param name="timeout">Null for none.</param>
    /// <param name="stopTimeout">How long the program may take to end when it is told to.</param>
    /// <param name="fallBack">Asked, with the reason, when a machine on KVM dies or stops before the guest's first byte: gives the machine
    /// to run instead. Null for none.</param>
    /// <param name="hasStarted">Called with the guest's first byte, before that is shown.</param>
    /// <param name="report">What the kernel has told.</param>
    /// <remarks>To be called on the main thread, see <see cref="ChildProcess.Start"/>.</remarks>
    public static RunOutcome Run(
        QemuOptions options,
        FileStream? archive,
        TimeSpan? timeout,
        TimeSpan stopTimeout,
        Func<StartFailure, QemuOptions>? fallBack,
        Action hasStarted,
        out GuestReport report)
    {
        VirtualMachine machine = new(options, archive, fallBack, hasStarted);
        report = machine._report;
        return machine.RunToEnd(timeout, stopTimeout);
    }

    private RunOutcome RunToEnd(TimeSpan? timeout, TimeSpan stopTimeout)
    {
        using SignalRelay signals = new(_input.TrySendSignal, StopBy, stopTimeout, Resume);
        _signals = signals;
        using Timer? timer = timeout is { } time
            ? new Timer(_ => StopWith(ExitStatus.TimedOut), null, time, Timeout.InfiniteTimeSpan)
            : null;
        using PosixSignalRegistration? resize = _hasTerminal
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
            Terminal.Leave();
        }
    }

    /// <summary>Starts QEMU; one with KVM has a monitor that tells when it stops.</summary>
    private ChildProcess StartQemu(QemuOptions options)
    {
        const int FirstInherited = 3;
        List<int> inherited = [];
        if (_archive is not null)
        {
            inherited.Add((int)_archive.SafeFileHandle.DangerousGetHandle());
        }

        SocketPair port = SocketPair.Create();
        options = options with { LinkDescriptor = FirstInherited + inherited.Count };
        inherited.Add(port.Theirs);
        if (_port >= 0)
        {
            LibC.close(_port);
        }

        _port = port.Ours;
        if (options.Accelerator != Accelerator.Kvm)
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
            hasStopped: () => Halt("KVM gave up and QEMU has stopped the machine"));
        silence?.Dispose();

        void HaltUnlessHeard()
        {
            if (_fallBack is not null && !Volatile.Read(ref _hasSpoken))
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
            if (_stopStatus != 0 || _options.Accelerator != Accelerator.Kvm || _fallBack is null)
            {
                return false;
            }
        }

        string problems = _problems.ToString().Trim();
        string end = _halt ?? DescribeEnd(qemuStatus);
        string reason = problems.Length > 0 ? $"{end} ({problems.Split('\n')[0].Trim()})" : end;
        bool mayPass = _isSilent || (_halt is null && qemuStatus == ExitStatus.SignalBase + LibC.SIGKILL);
        QemuOptions other = _fallBack(new StartFailure(reason, mayPass));
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

    /// <summary>Ends the machine because of a signal.</summary>
    private void StopBy(int signal) => StopWith(ExitStatus.SignalBase + signal);

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
                _archive?.Dispose();
                _hasStarted();
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

        bool isOutput = frame.Stream == LinkStream.StandardOutput;
        if (frame.Stream is LinkStream.KernelLog or LinkStream.Raw && Terminal.IsRaw)
        {
            WriteLines(frame.Bytes);
        }
        else if (!TryWrite(isOutput ? Descriptor.StandardOutput : Descriptor.StandardError, frame.Bytes) && isOutput)
        {
            // The reader has gone, as in `semitone run ... | head`: a program of the host would get this signal.
            int error = Marshal.GetLastPInvokeError();
            if (error == LibC.EBADF)
            {
                // We were started without one (`>&-`), see Descriptor.EnsureStandardStreams: the output is nobody's, which ends no program.
                return;
            }

            _outputProblem = error == LibC.EPIPE ? null : Marshal.GetPInvokeErrorMessage(error);
            StopWith(error == LibC.EPIPE ? ExitStatus.SignalBase + LibC.SIGPIPE : ExitStatus.MachineFailed);
        }
    }

    /// <summary>Writes what the program has written.</summary>
    private bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes)
    {
        if (!_hasTerminal || Terminal.IsRaw)
        {
            return Descriptor.TryWrite(descriptor, bytes);
        }

        // In the background the terminal is as the shell has it and adds carriage returns itself, to lines that have theirs from the
        // guest's terminal.
        int end;
        while ((end = bytes.IndexOf("\r\n"u8)) >= 0)
        {
            if (!Descriptor.TryWrite(descriptor, bytes[..end]))
            {
                return false;
            }

            bytes = bytes[(end + 1)..];
        }

        return Descriptor.TryWrite(descriptor, bytes);
    }

    /// <summary>Writes the kernel's lines to a terminal that adds no carriage returns.</summary>
    private static void WriteLines(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            Descriptor.TryWrite(Descriptor.StandardError, end < 0 ? text : text[..end]);
            if (end >= 0)
            {
                Descriptor.TryWrite(Descriptor.StandardError, "\r\n"u8);
            }

            text = end < 0 ? [] : text[(end + 1)..];
        }
    }

    private void Obey(LinkFrame message)
    {
        switch (message.Control)
        {
            case ControlKind.Ready when _line is not null:
                _input.Connect(_line);
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

    /// <summary>Stops as the program has stopped, and goes on with it.</summary>
    private void Suspend(int signal)
    {
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
