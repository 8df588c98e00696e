using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>The program's standard streams over the one line to the host: a port of a virtio console, or the serial line.</summary>
/// <remarks>
/// With the host link (docs/host-link.md) each write travels in a frame that says which stream it is, and each of the three descriptors is
/// a terminal or a pipe as it is on the host. Without the link the line is a terminal, and all three are it. Over the link the host sends
/// input only as far as it was asked to; without it input is taken from the line only as long as there is room, so that a fast sender waits
/// in the device.
/// </remarks>
public sealed class ConsoleStreams : TerminalLine, IInterruptHandler, IHostLine
{
    private const int InputSize = 4096;

    /// <summary>Bytes that a program may write without much ado.</summary>
    private const int SmallOutputSize = 1024;

    /// <summary>Bytes of a program's output that travel as one: with their header as many as four pages of a device hold.</summary>
    private const int OutputSize = LinkFormat.MaxPayload - LinkFormat.HeaderSize;

    private const int StreamCount = 3;
    private const int MessageSize = LinkFormat.HeaderSize + 1 + sizeof(uint);

    private readonly IConsole _console;
    private readonly InputDecoder? _decoder;
    private readonly bool[] _isTerminal = new bool[StreamCount];
    private readonly byte[] _header = new byte[LinkFormat.HeaderSize];
    private readonly byte[] _input = new byte[InputSize];
    private byte[]? _output;
    private bool _isAwaitingRoom;
    private ConsoleInput? _pipe;

    /// <param name="console">The line.</param>
    /// <param name="isLinked">Whether the host speaks the link's format.</param>
    /// <param name="isTerminal">For each of the descriptors 0, 1 and 2, whether it is a terminal; without the link all are.</param>
    /// <param name="rows">Lines of the terminal's screen; 0 when nobody said.</param>
    /// <param name="columns">Characters of a line; 0 when nobody said.</param>
    public ConsoleStreams(IConsole console, bool isLinked, ReadOnlySpan<bool> isTerminal, ushort rows = 0, ushort columns = 0)
    {
        _console = console;
        _decoder = isLinked ? new InputDecoder() : null;
        for (int i = 0; i < StreamCount; i++)
        {
            _isTerminal[i] = !isLinked || isTerminal[i];
        }
        WinSize size = new() { ws_row = rows != 0 ? rows : (ushort)24, ws_col = columns != 0 ? columns : (ushort)80 };
        Terminal = new Terminal(this, TerminalModes.OfConsole, size, TerminalDevice.Console);
        Terminal.Session.IsControlling = _isTerminal.AsSpan().Contains(true);
    }

    /// <summary>Who hears what the host's clocks show.</summary>
    public IHostTimeListener? TimeListener { get; set; }

    /// <summary>The terminal; nobody may be using it.</summary>
    public Terminal Terminal { get; }

    /// <summary>Those who wait until the host takes output.</summary>
    internal WaitQueue Writable { get; } = new();

    /// <summary>The stream that what is written to the terminal by its own name goes to.</summary>
    internal LinkStream TerminalStream => !_isTerminal[1] && _isTerminal[2] ? LinkStream.StandardError : LinkStream.StandardOutput;

    internal override LinkStream EchoStream => TerminalStream;

    /// <summary>Opens descriptors 0, 1 and 2 and registers /dev/tty and /dev/console.</summary>
    public void Install(FileTable files, MountNamespace mounts)
    {
        TerminalDevice device = new(Terminal, this);
        mounts.Services.Devices.Register(TerminalDevice.ControllingTerminal, new ControllingTerminalDevice(this));
        mounts.Services.Devices.Register(TerminalDevice.Console, device);
        mounts.Services.Devices.Register(TerminalDevice.SerialLine, device);

        Inode? node = null;
        OpenFile? terminal = null;
        for (int i = 0; i < StreamCount; i++)
        {
            OpenFile file;
            if (!_isTerminal[i])
            {
                file = OpenStream(mounts.Anonymous, i);
            }
            else if (i == 1 && terminal is not null)
            {
                // One open file behind all descriptors of a terminal, as a shell leaves it.
                terminal.AddReference();
                file = terminal;
            }
            else
            {
                node ??= FindTerminalNode(mounts);
                file = new OpenTerminal(node, Terminal, OpenFlags.O_RDWR, i == 2 ? LinkStream.StandardError : LinkStream.StandardOutput);
                terminal = file;
            }
            files.Put(new Fd(i), file, closeOnExec: false);
        }
    }

    /// <summary>Sends bytes to the host.</summary>
    [NonAllocating]
    public override void Write(LinkStream stream, ReadOnlySpan<byte> bytes)
    {
        if (_decoder is null)
        {
            _console.Write(bytes);
            return;
        }
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> part = bytes.Length > LinkFormat.MaxPayload ? bytes[..LinkFormat.MaxPayload] : bytes;
            LinkEncoder.WriteHeader(_header, stream, part.Length);
            _console.Write(_header, part);
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>Sends what a program writes to one of its streams, as far as the host takes it without a wait.</summary>
    /// <returns>Bytes sent, and EAGAIN where there is no room: <see cref="Writable"/> tells of it.</returns>
    internal IoResult Write(LinkStream stream, ref IoCursor source)
    {
        // Little is written often, and much needs a buffer that nobody needs before.
        Span<byte> buffer = stackalloc byte[SmallOutputSize];
        if (source.Remaining > SmallOutputSize
            && (_output is not null || KernelHeap.TryAllocate(OutputSize, sizeof(byte), out _output)))
        {
            buffer = _output;
        }

        while (source.Remaining > 0 && HasRoom())
        {
            int count = source.Read(buffer);
            if (count == 0)
            {
                return source.ToResult();
            }

            Write(stream, buffer[..count]);
        }

        return source.ToResult(source.Remaining > 0 ? Errno.EAGAIN : Errno.None);
    }

    /// <summary>Tells whether output would not wait for the host. Where it would, <see cref="Writable"/> is woken when it would no
    /// longer.</summary>
    [NonAllocating]
    internal bool HasRoom()
    {
        _isAwaitingRoom = !_console.HasRoom(LinkFormat.MaxPayload);
        return !_isAwaitingRoom;
    }

    /// <inheritdoc/>
    public void OnInterrupt()
    {
        if (_isAwaitingRoom && HasRoom())
        {
            Writable.WakeAll();
        }

        TakeInput();
    }

    /// <summary>Tells the host something; a plain serial line has no ear for it.</summary>
    /// <param name="body">At most 4 bytes.</param>
    public void Tell(ControlKind kind, ReadOnlySpan<byte> body)
    {
        if (_decoder is not null)
        {
            Span<byte> message = stackalloc byte[MessageSize];
            _console.Write(message[..LinkEncoder.WriteControl(message, kind, body)]);
        }
    }

    /// <summary>Tells the host a number.</summary>
    internal void Tell(ControlKind kind, uint value)
    {
        Span<byte> body = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(body, value);
        Tell(kind, body);
    }

    /// <summary>
    /// Tells the host how much of its standard input the program has taken, when that has ended: the rest is for whoever reads next.
    /// </summary>
    public void TellInputTaken()
    {
        if (_pipe is not null)
        {
            Tell(ControlKind.InputTaken, _pipe.Taken);
        }
    }

    internal override void OnInputWanted() => Tell(ControlKind.WantInput, 1);

    internal override void OnInputRoom(uint more) => Tell(ControlKind.TerminalRoom, more);

    /// <inheritdoc/>
    public void AskTime(byte sequence) => Tell(ControlKind.TimeRequest, [sequence]);

    /// <summary>Takes what the line has: over the link all of it, else as far as there is room.</summary>
    public override void TakeInput()
    {
        while (true)
        {
            int wanted = _decoder is not null ? InputSize : Math.Min(Terminal.InputRoom, InputSize);
            if (wanted == 0)
            {
                return;
            }
            int count = _console.Read(_input.AsSpan(0, wanted));
            if (count == 0)
            {
                return;
            }
            Receive(_input.AsSpan(0, count));
        }
    }

    private void Receive(ReadOnlySpan<byte> bytes)
    {
        if (_decoder is null)
        {
            Terminal.Receive(bytes);
            return;
        }
        while (_decoder.TryNext(ref bytes, out InputEvent inputEvent))
        {
            switch (inputEvent.Kind)
            {
                case InputEventKind.Data when _pipe is not null:
                    _pipe.Receive(inputEvent.Data);
                    break;
                case InputEventKind.Data:
                    Terminal.Receive(inputEvent.Data);
                    break;
                case InputEventKind.EndOfFile:
                    _pipe?.End();
                    Terminal.HangUp();
                    break;
                case InputEventKind.Time:
                    TimeListener?.OnHostTime(inputEvent.Sequence, inputEvent.RealtimeNs, inputEvent.MonotonicUs);
                    break;
                case InputEventKind.WindowSize:
                    Terminal.SetSize(inputEvent.Rows, inputEvent.Columns);
                    break;
                case InputEventKind.Signal when (Signal)inputEvent.Signal is > Signal.None and < Signal.SIGRTMIN:
                    Terminal.Session.Owner?.SignalFirstProcess((Signal)inputEvent.Signal);
                    break;
                case InputEventKind.Answered:
                    _pipe?.OnAnswered();
                    break;
                case InputEventKind.Readable:
                    _pipe?.OnReadable(inputEvent.Count);
                    break;
                default:
                    break;
            }
        }
    }

    private OpenFile OpenStream(AnonymousFileSystem fileSystem, int number)
    {
        if (number == 0)
        {
            _pipe = new ConsoleInput(this);
        }
        ConsolePipeInode inode = new(fileSystem, this, number, _pipe);
        inode.Open(number == 0 ? OpenFlags.O_RDONLY : OpenFlags.O_WRONLY, out OpenFile? file);
        return file!;
    }

    /// <summary>The console's file. Of the device files' own file system: the way there may lead over files that must be fetched.</summary>
    private static Inode FindTerminalNode(MountNamespace mounts)
    {
        FileSystemContext context = new(mounts, new FileCredentials());
        for (int i = 0; i < mounts.Mounts.Count; i++)
        {
            FileSystem fileSystem = mounts.Mounts[i].FileSystem;
            if (fileSystem.TypeName == StandardMounts.DeviceFileSystem
                && context.Find(fileSystem.Root, "console"u8, follow: false, out Inode? inode) == Errno.None && inode!.Type == Mode.S_IFCHR)
            {
                return inode;
            }
        }

        return new DeviceInode(mounts.Anonymous, mounts.Anonymous.NextInodeNumber(), Mode.S_IFCHR | (Mode)0x180, TerminalDevice.Console);
    }
}
