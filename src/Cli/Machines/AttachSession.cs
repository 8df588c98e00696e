using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Semitone.Cli.Posix;

namespace Semitone.Cli.Machines;

/// <summary>A command that sits at a machine's console: what the machine says from now on, and what is typed goes in.</summary>
/// <remarks>
/// What the machine says is read from its log, so that nobody who is slow holds it up and nothing is lost; the supervisor sends a byte when
/// there is more.
/// </remarks>
internal sealed class AttachSession : IDisposable
{
    private const byte FirstDetachKey = 0x10;
    private const byte SecondDetachKey = 0x11;
    private const int ChunkSize = 16 * 1024;

    private readonly MachineFolder _folder;
    private readonly MachineRecord _record;
    private readonly LogReader _log;
    private readonly LogPrinter _printer = new(hasTimes: false);
    private readonly Lock _sendLock = new();
    private readonly bool _hasTerminal;
    private Socket? _socket;
    private bool _isDetached;

    /// <summary>Takes note of where the log ends: what comes behind that is shown.</summary>
    public AttachSession(MachineFolder folder, MachineRecord record)
    {
        _folder = folder;
        _record = record;
        _log = new LogReader(folder.LogFile);
        _log.SeekEnd();
        _hasTerminal = record.HasTerminal
            && Descriptor.IsTerminal(Descriptor.StandardInput)
            && Descriptor.IsTerminal(Descriptor.StandardOutput);
    }

    /// <summary>Sits there until the machine ends or the user goes: Ctrl-P Ctrl-Q on a terminal.</summary>
    /// <returns>The program's status; 0 when the user went.</returns>
    public int Run()
    {
        _socket = MachineControl.Connect(_folder, _record);
        List<PosixSignalRegistration> signals = [];
        try
        {
            if (_socket is not null
                && ControlSocket.TrySend(
                    _socket, new ControlRequest { Action = ControlAction.Attach }, ControlJson.Default.ControlRequest)
                && ControlSocket.TryReceive(_socket, ControlJson.Default.ControlReply) is { Error: null })
            {
                signals.AddRange(TakeSignals());
                TakeInput();
                if (Follow() is { } status)
                {
                    return status;
                }
            }

            // It has ended, or its supervisor has gone.
            MachineControl.AwaitRelease(_folder);
            _log.Read(_printer.Print);
            return _folder.ReadState().ExitStatus ?? MachineState.UnknownExitStatus;
        }
        finally
        {
            signals.ForEach(signal => signal.Dispose());
            Terminal.Leave();
        }
    }

    public void Dispose()
    {
        _log.Dispose();
        _socket?.Dispose();
    }

    /// <summary>Shows what comes.</summary>
    /// <returns>Null when the supervisor has gone without a word.</returns>
    private int? Follow()
    {
        byte[] news = new byte[1];
        _log.Read(_printer.Print);
        while (ControlSocket.TryReceiveExactly(_socket!, news))
        {
            _log.Read(_printer.Print);
            if (news[0] == 0)
            {
                int? status = ControlSocket.TryReceive(_socket!, ControlJson.Default.ControlReply)?.ExitStatus;
                MachineControl.AwaitRelease(_folder);
                return status;
            }

            if (_printer.IsBroken)
            {
                return 0;
            }
        }

        return Volatile.Read(ref _isDetached) ? 0 : null;
    }

    private List<PosixSignalRegistration> TakeSignals()
    {
        if (_hasTerminal)
        {
            Terminal.EnterRawMode(takesInput: true);
            SendWindowSize();
            return [PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => SendWindowSize())];
        }

        return
        [
            PassOn(PosixSignal.SIGINT, LibC.SIGINT), PassOn(PosixSignal.SIGQUIT, LibC.SIGQUIT), PassOn(PosixSignal.SIGTERM, LibC.SIGTERM),
            PassOn(PosixSignal.SIGHUP, LibC.SIGHUP),
        ];
    }

    private PosixSignalRegistration PassOn(PosixSignal signal, int number) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Send(AttachFrame.Signal, [(byte)number]);
    });

    private void SendWindowSize()
    {
        if (Terminal.TryGetSize(out ushort rows, out ushort columns))
        {
            Span<byte> size = stackalloc byte[2 * sizeof(ushort)];
            BinaryPrimitives.WriteUInt16LittleEndian(size, rows);
            BinaryPrimitives.WriteUInt16LittleEndian(size[sizeof(ushort)..], columns);
            Send(AttachFrame.WindowSize, size);
        }
    }

    private void TakeInput()
    {
        if (_record.IsInteractive || _record.HasTerminal)
        {
            new Thread(ReadInput, maxStackSize: 256 * 1024) { IsBackground = true, Name = "stdin" }.Start();
        }
    }

    private void ReadInput()
    {
        byte[] buffer = new byte[ChunkSize];
        bool isLeaving = false;
        int length;
        while ((length = Descriptor.Read(Descriptor.StandardInput, buffer)) > 0)
        {
            if (!_hasTerminal)
            {
                Send(AttachFrame.Input, buffer.AsSpan(0, length));
                continue;
            }

            foreach (byte key in buffer.AsSpan(0, length))
            {
                if (isLeaving && key == SecondDetachKey)
                {
                    Volatile.Write(ref _isDetached, true);
                    _socket!.Shutdown(SocketShutdown.Both);
                    return;
                }

                if (isLeaving)
                {
                    Send(AttachFrame.Input, [FirstDetachKey]);
                }

                isLeaving = key == FirstDetachKey;
                if (!isLeaving)
                {
                    Send(AttachFrame.Input, [key]);
                }
            }
        }

        // Of a terminal the end is a key, and there are others who may attach.
        if (!_record.HasTerminal)
        {
            Send(AttachFrame.EndOfInput, []);
        }
    }

    private void Send(AttachFrame kind, ReadOnlySpan<byte> bytes)
    {
        lock (_sendLock)
        {
            try
            {
                _socket!.Send([(byte)kind, (byte)bytes.Length, (byte)(bytes.Length >> 8), .. bytes]);
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                // The machine has ended, which the other thread sees.
            }
        }
    }
}
