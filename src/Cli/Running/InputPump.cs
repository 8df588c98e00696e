using Semitone.Cli.Posix;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>Takes standard input to the guest, as far as it asks.</summary>
/// <remarks>
/// Input that is no terminal is read when a read waits in the guest, and no more than that read takes or than can be given back
/// (<see cref="InputSource"/>). A terminal is read as long as it is ours, for the keys that end the machine must be seen; the guest gets of
/// it what it has room for. In the background of a shell a terminal is read only when the guest asks, and then the shell's rules hold: the
/// read stops us (SIGTTIN). So the line to the guest is never full, and signals get through at any time.
/// </remarks>
internal sealed class InputPump
{
    private const byte InterruptKey = 0x03;
    private const byte EscapeKey = 0x1D;
    private const byte QuitKey = 0x1C;

    /// <summary>How often we look whether a shell has brought us to the foreground: it need not tell.</summary>
    private const int ForegroundCheckMs = 200;

    private const int ChunkSize = LinkFormat.LargestRequest;

    /// <summary>What is typed, or rather pasted, ahead of a slow guest is kept up to here; more waits in the terminal.</summary>
    private const int MaximumTypedAhead = 1 << 20;

    private readonly int _descriptor;
    private readonly bool _isTerminal;
    private readonly bool _hasTerminalOutput;
    private readonly bool _isAnyTerminal;
    private readonly Action _interrupted;
    private readonly Action _escaped;
    private readonly RepeatedKey _escapes = new();
    private readonly WakePipe _wakes = new();
    private readonly Lock _stateLock = new();
    private readonly InputSource _source;
    private readonly Queue<byte[]> _typed = new();
    private readonly byte[] _data = new byte[ChunkSize];
    private readonly byte[] _encoded = new byte[(2 * ChunkSize) + (3 * LinkFormat.MaxInputSequence)];
    private GuestInput? _line;
    private int _typedCount;
    private int _typedTaken;
    private int _room = LinkFormat.TerminalRoom;
    private int _wanted;
    private bool _isWatched = true;
    private bool _mustLookAtTerminal = true;
    private bool _hasEnded;
    private bool _hasSentEnd;

    /// <param name="descriptor">What is read.</param>
    /// <param name="isTerminal">It is a terminal whose line discipline is the guest's.</param>
    /// <param name="hasTerminalOutput">Standard output is a terminal.</param>
    /// <param name="interrupted">Called with every Ctrl-C that is typed.</param>
    /// <param name="escaped">Called when the escape sequence is typed.</param>
    public InputPump(int descriptor, bool isTerminal, bool hasTerminalOutput, Action interrupted, Action escaped)
    {
        _descriptor = descriptor;
        _source = new InputSource(descriptor);
        _isAnyTerminal = Descriptor.IsTerminal(descriptor);
        _isTerminal = isTerminal;
        _hasTerminalOutput = hasTerminalOutput;
        _interrupted = interrupted;
        _escaped = escaped;
    }

    /// <summary>Whether standard input is a terminal whose line discipline is the guest's.</summary>
    public bool IsTerminal => _isTerminal;

    /// <summary>Whether a key that raises SIGINT or SIGQUIT was typed.</summary>
    public bool HasTypedSignal { get; private set; }

    /// <summary>Whether there is a program that takes input.</summary>
    public bool IsConnected => Volatile.Read(ref _line) is not null;

    /// <summary>
    /// Connects it with the guest, which is up. Not earlier: the kernel empties the serial line's buffers when it sets the line up.
    /// </summary>
    /// <param name="line">Leads to the guest's serial line.</param>
    public void Connect(GuestInput line)
    {
        Volatile.Write(ref _line, line);
        LookAtTerminal();
    }

    /// <summary>Begins, on a thread of its own: a terminal is read from here on, as there are keys that end the machine.</summary>
    public void Start() => new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "stdin" }.Start();

    /// <summary>Takes note that a read waits in the guest, or with 0 that it wants to know when one would not.</summary>
    public void Want(uint count)
    {
        lock (_stateLock)
        {
            _wanted = count == 0 ? _wanted : (int)Math.Min(count, ChunkSize);
            _isWatched |= count == 0;
        }

        _wakes.Wake();
    }

    /// <summary>Takes note that the program has ended and of what it has taken: the rest goes back.</summary>
    public void GiveBack(uint taken) => _source.GiveBack(taken);

    /// <summary>Takes note that the guest's terminal has more room.</summary>
    public void AddRoom(uint count)
    {
        lock (_stateLock)
        {
            _room = (int)Math.Min(_room + (long)count, int.MaxValue);
        }

        _wakes.Wake();
    }

    /// <summary>
    /// Takes note that the command has come back from being stopped: the terminal may be set as others like it, and may have another size.
    /// </summary>
    public void LookAtTerminal()
    {
        lock (_stateLock)
        {
            _mustLookAtTerminal = true;
        }

        _wakes.Wake();
    }

    public void SendWindowSize()
    {
        if (Terminal.TryGetSize(out ushort rows, out ushort columns))
        {
            SendWindowSize(rows, columns);
        }
    }

    public void SendWindowSize(ushort rows, ushort columns)
    {
        Span<byte> sequence = stackalloc byte[LinkFormat.MaxInputSequence];
        Send(sequence[..InputEncoder.WriteWindowSize(sequence, rows, columns)]);
    }

    /// <summary>Sends a signal to the program.</summary>
    /// <returns>False when there is none.</returns>
    public bool TrySendSignal(int signal)
    {
        Span<byte> sequence = stackalloc byte[LinkFormat.MaxInputSequence];
        return Send(sequence[..InputEncoder.WriteSignal(sequence, (byte)signal)]);
    }

    /// <summary>Sends whole sequences.</summary>
    /// <returns>False when there is no guest, or it has gone.</returns>
    private bool Send(ReadOnlySpan<byte> bytes) => Volatile.Read(ref _line) is { } line && line.Send(bytes);

    private void Run()
    {
        bool wasForeground = false;
        LibC.PollEntry[] entries = new LibC.PollEntry[2];
        while (true)
        {
            bool isForeground = !_hasTerminalOutput || Terminal.IsForeground;
            if (_hasTerminalOutput)
            {
                KeepTerminal(isForeground, wasForeground);
            }

            wasForeground = isForeground;
            if (!SendTyped())
            {
                return;
            }

            bool reads = IsToRead(isForeground);

            // In the background a terminal gives nothing before it has stopped us: there is nothing to wait for.
            bool readsAtOnce = reads && _isAnyTerminal && _wanted > 0 && !Terminal.IsForegroundOf(_descriptor);
            entries[0] = new LibC.PollEntry { Descriptor = _wakes.Descriptor, Events = LibC.POLLIN };
            entries[1] = new LibC.PollEntry { Descriptor = reads && !readsAtOnce ? _descriptor : -1, Events = LibC.POLLIN };
            LibC.poll(entries, 2, readsAtOnce ? 0 : isForeground ? -1 : ForegroundCheckMs);
            _wakes.Clear();
            if ((readsAtOnce || entries[1].Found != 0) && !Take())
            {
                return;
            }
        }
    }

    /// <summary>Sets the terminal when we come to the foreground, or from being stopped.</summary>
    private void KeepTerminal(bool isForeground, bool wasForeground)
    {
        bool mustLook;
        lock (_stateLock)
        {
            mustLook = _mustLookAtTerminal || !wasForeground;
            _mustLookAtTerminal &= !isForeground;
        }

        if (isForeground && mustLook)
        {
            Terminal.EnterRawMode(_isTerminal);
            SendWindowSize();
        }
    }

    private bool IsToRead(bool isForeground)
    {
        lock (_stateLock)
        {
            if (_hasEnded)
            {
                return false;
            }

            return _isTerminal ? (isForeground || _wanted > 0)
                && _typedCount < MaximumTypedAhead : IsConnected && (_wanted > 0 || _isWatched);
        }
    }

    /// <summary>Takes what standard input has.</summary>
    /// <returns>False when the guest has gone.</returns>
    private bool Take() => _isTerminal ? TakeTyped() : Answer();

    private bool TakeTyped()
    {
        int length = Descriptor.Read(_descriptor, _data);
        lock (_stateLock)
        {
            _wanted = 0;
        }

        if (length == 0)
        {
            _hasEnded = true;
            return SendTyped();
        }

        ReadOnlySpan<byte> data = _data.AsSpan(0, length);
        HasTypedSignal |= data.ContainsAny(InterruptKey, QuitKey);
        foreach (byte value in data)
        {
            if (value == InterruptKey)
            {
                _interrupted();
            }
            else if (value == EscapeKey && _escapes.Add(Environment.TickCount64))
            {
                _escaped();
            }
        }

        _typed.Enqueue(data.ToArray());
        _typedCount += length;
        return true;
    }

    /// <summary>Sends of what was typed as much as the guest has room for, and after all of it the end.</summary>
    private bool SendTyped()
    {
        if (!_isTerminal || !IsConnected)
        {
            return true;
        }

        while (_typed.TryPeek(out byte[]? chunk))
        {
            int length;
            lock (_stateLock)
            {
                length = Math.Min(_room, chunk.Length - _typedTaken);
                _room -= length;
            }

            if (length == 0)
            {
                return true;
            }

            if (!Send(_encoded.AsSpan(0, InputEncoder.WriteData(chunk.AsSpan(_typedTaken, length), _encoded, out _))))
            {
                return false;
            }

            _typedTaken += length;
            _typedCount -= length;
            if (_typedTaken == chunk.Length)
            {
                _typed.Dequeue();
                _typedTaken = 0;
            }
        }

        return !_hasEnded || _hasSentEnd || SendEnd();
    }

    /// <summary>Answers a read of the guest's, or says that one would not wait.</summary>
    private bool Answer()
    {
        int wanted;
        lock (_stateLock)
        {
            wanted = _wanted;
            _wanted = 0;
            _isWatched = false;
        }

        if (wanted == 0)
        {
            return Send(_encoded.AsSpan(0, WriteReadable(_encoded)));
        }

        int length = _source.Read(_data, wanted);
        if (length == 0)
        {
            _hasEnded = true;
            return SendEnd();
        }

        int written = InputEncoder.WriteData(_data.AsSpan(0, length), _encoded, out _);
        written += InputEncoder.WriteAnswered(_encoded.AsSpan(written));
        LibC.PollEntry entry = new() { Descriptor = _descriptor, Events = LibC.POLLIN };
        if (LibC.poll(ref entry, 1, 0) > 0)
        {
            written += WriteReadable(_encoded.AsSpan(written));
        }

        return Send(_encoded.AsSpan(0, written));
    }

    private bool SendEnd()
    {
        _hasSentEnd = true;
        return Send(_encoded.AsSpan(0, InputEncoder.WriteEndOfFile(_encoded)));
    }

    private int WriteReadable(Span<byte> destination)
    {
        bool isKnown = LibC.ioctl(_descriptor, LibC.FIONREAD, out int count) == 0;
        return InputEncoder.WriteReadable(destination, isKnown ? (uint)Math.Max(count, 0) : 0);
    }
}
