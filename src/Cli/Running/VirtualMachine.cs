using System.Runtime.InteropServices;
using System.Text;
using Semitone.Cli.Posix;
using Semitone.Cli.Qemu;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>A virtual machine that runs, with its console connected to our standard streams.</summary>
/// <remarks>
/// Three threads block in reads: the main one on QEMU's standard output, one on its standard error, one on our standard input. Signals and the timeout only kill QEMU; that
/// ends its output, and the main thread finds the reason recorded.
/// </remarks>
internal sealed class VirtualMachine
{
    private readonly ChildProcess _qemu;
    private readonly LinkDecoder _decoder = new();
    private readonly GuestReport _report = new();
    private readonly StringBuilder _problems = new();
    private readonly Lock _inputLock = new();
    private int _stopStatus;
    private string? _outputProblem;

    private VirtualMachine(ChildProcess qemu)
    {
        _qemu = qemu;
    }

    /// <summary>Runs a machine to its end.</summary>
    /// <param name="options">The machine.</param>
    /// <param name="archive">The open file that is the root file system, to be QEMU's descriptor 3; null when it has a path.</param>
    /// <param name="timeout">Null for none.</param>
    /// <param name="report">What the kernel has told.</param>
    /// <returns>The status to end with.</returns>
    /// <remarks>To be called on the main thread, see <see cref="ChildProcess.Start"/>.</remarks>
    public static int Run(QemuOptions options, FileStream? archive, TimeSpan? timeout, out GuestReport report)
    {
        int descriptor = archive is null ? -1 : (int)archive.SafeFileHandle.DangerousGetHandle();
        VirtualMachine machine = new(ChildProcess.Start(QemuCommandLine.Build(options), descriptor));
        archive?.Dispose();
        report = machine._report;
        return machine.RunToEnd(timeout);
    }

    private int RunToEnd(TimeSpan? timeout)
    {
        using PosixSignalRegistration interrupt = Stop(PosixSignal.SIGINT, LibC.SIGINT);
        using PosixSignalRegistration terminate = Stop(PosixSignal.SIGTERM, LibC.SIGTERM);
        using PosixSignalRegistration hangUp = Stop(PosixSignal.SIGHUP, LibC.SIGHUP);
        using PosixSignalRegistration quit = Stop(PosixSignal.SIGQUIT, LibC.SIGQUIT);
        using Timer? timer = timeout is { } time ? new Timer(_ => StopWith(ExitStatus.TimedOut), null, time, Timeout.InfiniteTimeSpan) : null;
        bool hasTerminal = Descriptor.IsTerminal(Descriptor.StandardOutput);
        using PosixSignalRegistration? resize = hasTerminal ? PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => SendWindowSize()) : null;
        Thread problems = Start("qemu-stderr", ReadProblems);
        try
        {
            if (hasTerminal)
            {
                Terminal.EnterRawMode(takesInput: Descriptor.IsTerminal(Descriptor.StandardInput));
            }

            PumpOutput();
        }
        finally
        {
            Terminal.Restore();
        }

        int qemuStatus = _qemu.Wait();
        problems.Join();
        return Conclude(qemuStatus);
    }

    private static Thread Start(string name, ThreadStart body)
    {
        Thread thread = new(body, maxStackSize: 256 * 1024) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    private PosixSignalRegistration Stop(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        StopWith(ExitStatus.SignalBase + number);
    });

    /// <summary>Ends the machine; the first reason counts.</summary>
    private void StopWith(int status)
    {
        Interlocked.CompareExchange(ref _stopStatus, status, 0);
        _qemu.Kill();
    }

    private void PumpOutput()
    {
        byte[] buffer = new byte[64 * 1024];
        int length;
        while ((length = Descriptor.Read(_qemu.Output, buffer)) > 0)
        {
            ReadOnlySpan<byte> input = buffer.AsSpan(0, length);
            while (_decoder.TryNext(ref input, out LinkFrame frame))
            {
                Deliver(frame);
            }
        }

        if (_decoder.TryFinish(out LinkFrame rest))
        {
            Deliver(rest);
        }
    }

    private void Deliver(LinkFrame frame)
    {
        if (frame.Stream == LinkStream.Control)
        {
            bool wasReady = _report.IsReady;
            _report.Add(frame.Control, frame.Bytes);
            if (_report.IsReady && !wasReady)
            {
                // Not earlier: the kernel empties the serial line's buffers when it sets the line up.
                Start("stdin", PumpInput);
            }

            return;
        }

        bool isOutput = frame.Stream == LinkStream.StandardOutput;
        if (frame.Stream is LinkStream.KernelLog or LinkStream.Raw && Terminal.IsRaw)
        {
            WriteLines(frame.Bytes);
        }
        else if (!Descriptor.TryWrite(isOutput ? Descriptor.StandardOutput : Descriptor.StandardError, frame.Bytes) && isOutput)
        {
            // The reader has gone, as in `semitone run ... | head`: a program of the host would get this signal.
            int error = Marshal.GetLastPInvokeError();
            _outputProblem = error == LibC.EPIPE ? null : Marshal.GetPInvokeErrorMessage(error);
            StopWith(error == LibC.EPIPE ? ExitStatus.SignalBase + LibC.SIGPIPE : ExitStatus.MachineFailed);
        }
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

    private void PumpInput()
    {
        byte[] data = new byte[16 * 1024];
        byte[] encoded = new byte[32 * 1024];
        SendWindowSize();
        int length;
        while ((length = Descriptor.Read(Descriptor.StandardInput, data)) > 0)
        {
            int encodedLength = InputEncoder.WriteData(data.AsSpan(0, length), encoded, out _);
            if (!Send(encoded.AsSpan(0, encodedLength)))
            {
                return;
            }
        }

        Send(encoded.AsSpan(0, InputEncoder.WriteEndOfFile(encoded)));
    }

    private void SendWindowSize()
    {
        if (_report.IsReady && Terminal.TryGetSize(out ushort rows, out ushort columns))
        {
            Span<byte> sequence = stackalloc byte[LinkFormat.MaxInputSequence];
            Send(sequence[..InputEncoder.WriteWindowSize(sequence, rows, columns)]);
        }
    }

    private bool Send(ReadOnlySpan<byte> bytes)
    {
        lock (_inputLock)
        {
            return Descriptor.TryWrite(_qemu.Input, bytes);
        }
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

    private int Conclude(int qemuStatus)
    {
        if (_report.Status is { } status)
        {
            return status;
        }

        if (_stopStatus == ExitStatus.TimedOut)
        {
            throw new CommandFailedException(ExitStatus.TimedOut, "the time of --timeout has run out");
        }

        if (_stopStatus != 0)
        {
            return _outputProblem is null ? _stopStatus : throw new CommandFailedException(_stopStatus, $"standard output cannot be written: {_outputProblem}");
        }

        const int PanicStatus = (LinkFormat.ExitPanic << 1) | 1;
        if (_report.HasPanicked || qemuStatus == PanicStatus)
        {
            return ExitStatus.KernelPanic;
        }

        string problems = _problems.ToString().Trim();
        string end = qemuStatus >= ExitStatus.SignalBase ? $"was killed by signal {qemuStatus - ExitStatus.SignalBase}" : $"ended with status {qemuStatus}";
        if (qemuStatus is ExitStatus.CannotRun or ExitStatus.NotFound && problems.Length > 0)
        {
            throw new CommandFailedException(ExitStatus.MachineFailed, $"QEMU could not be started:\n{problems}\n{ChildProcess.QemuHint}");
        }

        string message = $"QEMU {end} before the program did";
        if (qemuStatus == 0 && problems.Length == 0)
        {
            // Without a word of the kernel's, and -no-reboot: the CPU was reset.
            message += "\nthe machine was reset: too little --memory, or a --cpu that the kernel does not run on";
        }

        throw new CommandFailedException(ExitStatus.MachineFailed, problems.Length > 0 ? $"{message}:\n{problems}" : message);
    }
}
