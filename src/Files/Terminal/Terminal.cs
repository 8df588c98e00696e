using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>Who gets the signals that a terminal raises.</summary>
public interface ITerminalOwner
{
    /// <summary>Sends a signal to every process of a process group.</summary>
    [NonAllocating]
    void SignalGroup(int processGroup, Signal signal);

    /// <summary>The process group of the caller of the system call that is being served.</summary>
    int CurrentGroup { get; }

    /// <summary>The session of the caller.</summary>
    int CurrentSession { get; }
}

/// <summary>A terminal with its line discipline: editing, echo, signals and output translation (termios(3)).</summary>
public sealed class Terminal
{
    private const int ChunkSize = 512;
    private const int TabWidth = 8;
    private const byte Bell = 7;
    private const byte Disabled = 0;
    private const long NsPerTenth = 100_000_000;

    private readonly ConsoleStreams _streams;
    private readonly TerminalInput _input = new();
    private readonly WaitQueue _readable = new();
    private readonly WaitQueue _writable = new();
    private readonly byte[] _output = new byte[ChunkSize * 2];
    private Termios _modes;
    private WinSize _size = new() { ws_row = 24, ws_col = 80 };
    private int _column;
    private int _lineColumn;
    private int _outputCount;
    private LinkStream _outputStream;
    private bool _isStopped;
    private bool _isLiteralNext;
    private bool _isHungUp;

    internal Terminal(ConsoleStreams streams)
    {
        _streams = streams;
        _modes.c_iflag = TermiosInput.ICRNL | TermiosInput.IXON | TermiosInput.IUTF8;
        _modes.c_oflag = TermiosOutput.OPOST | TermiosOutput.ONLCR;
        _modes.c_cflag = TermiosControl.B115200 | TermiosControl.CS8 | TermiosControl.CREAD | TermiosControl.HUPCL | TermiosControl.CLOCAL;
        _modes.c_lflag = TermiosLocal.ISIG | TermiosLocal.ICANON | TermiosLocal.ECHO | TermiosLocal.ECHOE | TermiosLocal.ECHOK
            | TermiosLocal.ECHOCTL | TermiosLocal.ECHOKE | TermiosLocal.IEXTEN;
        ReadOnlySpan<byte> characters = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
        for (int i = 0; i < characters.Length; i++)
        {
            _modes.c_cc[i] = characters[i];
        }
    }

    /// <summary>Takes the signals; nobody gets them before this is set.</summary>
    public ITerminalOwner? Owner { get; set; }

    /// <summary>The process group in the foreground.</summary>
    public int ForegroundGroup { get; set; } = 1;

    public int SessionId { get; set; } = 1;

    /// <summary>Whether it is the controlling terminal of the one session there is.</summary>
    public bool IsControlling { get; internal set; } = true;

    /// <summary>How much more input can be taken. Of a line that has filled the buffer more is taken and dropped, for its end must still come.</summary>
    internal int InputRoom => Math.Max(IsCanonical && !_input.HasLine ? 1 : 0, _input.Room - 1);

    internal long ReadTimeoutNs =>
        IsCanonical || _modes.c_cc[ControlCharacter.VMIN] != 0 || _modes.c_cc[ControlCharacter.VTIME] == 0
            ? long.MaxValue
            : _modes.c_cc[ControlCharacter.VTIME] * NsPerTenth;

    private bool IsCanonical => Has(TermiosLocal.ICANON);

    /// <summary>Takes what was typed.</summary>
    internal void Receive(ReadOnlySpan<byte> bytes)
    {
        _outputStream = _streams.TerminalStream;
        foreach (byte value in bytes)
        {
            Receive(value);
        }
        Flush();
        if (HasInput)
        {
            _readable.WakeAll();
        }
    }

    /// <summary>There will be no more input: reads answer 0 once what there is has been read.</summary>
    internal void HangUp()
    {
        _isHungUp = true;
        _readable.WakeAll();
    }

    internal void SetSize(ushort rows, ushort columns)
    {
        if (_size.ws_row != rows || _size.ws_col != columns)
        {
            _size.ws_row = rows;
            _size.ws_col = columns;
            Owner?.SignalGroup(ForegroundGroup, Signal.SIGWINCH);
        }
    }

    internal IoResult Read(ref IoCursor destination)
    {
        if (!CanRead(destination.Remaining))
        {
            _streams.TakeInput();
            if (!CanRead(destination.Remaining))
            {
                bool isEnd = _isHungUp || destination.Remaining == 0 || (!IsCanonical && _modes.c_cc[ControlCharacter.VMIN] == 0 && _modes.c_cc[ControlCharacter.VTIME] == 0);
                if (_isHungUp && _input.Count != 0)
                {
                    // The last line has no end.
                    _input.AddEndOfFile();
                }
                else
                {
                    return isEnd ? 0 : Errno.EAGAIN;
                }
            }
        }
        Span<byte> chunk = stackalloc byte[ChunkSize];
        bool isLineEnd = false;
        while (destination.Remaining != 0 && !isLineEnd)
        {
            Span<byte> part = chunk[..(int)Math.Min(ChunkSize, destination.Remaining)];
            int count = IsCanonical ? _input.TakeLine(part, out isLineEnd) : _input.Take(part);
            if (count == 0 || destination.Write(part[..count]) != count)
            {
                break;
            }
        }
        _streams.TakeInput();
        return destination.ToResult();
    }

    internal IoResult Write(LinkStream stream, ref IoCursor source)
    {
        if (_isStopped && source.Remaining != 0)
        {
            return Errno.EAGAIN;
        }
        _outputStream = stream;
        Span<byte> chunk = stackalloc byte[ChunkSize];
        int count;
        while ((count = source.Read(chunk)) != 0)
        {
            Process(chunk[..count]);
            Flush();
        }
        return source.ToResult();
    }

    internal PollEvents Poll()
    {
        PollEvents events = HasInput || _isHungUp ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        return _isStopped ? events : events | PollEvents.POLLOUT | PollEvents.POLLWRNORM;
    }

    internal void Enlist(IQueueMember waiter)
    {
        waiter.Enlist(_readable);
        waiter.Enlist(_writable);
    }

    /// <summary>Serves a request of ioctl_tty(2).</summary>
    internal SysResult Control(IoctlRequest request, ulong argument, UserMemory memory)
    {
        switch (request)
        {
            case IoctlRequest.TCGETS:
                return memory.TryWrite(new UserPtr<Termios>(argument), _modes) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TCSETS or IoctlRequest.TCSETSW or IoctlRequest.TCSETSF:
                if (!memory.TryRead(new UserPtr<Termios>(argument), out Termios modes))
                {
                    return Errno.EFAULT;
                }
                SetModes(modes, flushes: request == IoctlRequest.TCSETSF);
                return SysResult.Success;
            case IoctlRequest.TCGETS2:
                Termios2 modes2 = new() { termios = _modes, c_ispeed = 115200, c_ospeed = 115200 };
                return memory.TryWrite(new UserPtr<Termios2>(argument), modes2) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TCSETS2 or IoctlRequest.TCSETSW2 or IoctlRequest.TCSETSF2:
                if (!memory.TryRead(new UserPtr<Termios2>(argument), out modes2))
                {
                    return Errno.EFAULT;
                }
                SetModes(modes2.termios, flushes: request == IoctlRequest.TCSETSF2);
                return SysResult.Success;
            case IoctlRequest.TIOCGWINSZ:
                return memory.TryWrite(new UserPtr<WinSize>(argument), _size) ? SysResult.Success : Errno.EFAULT;
            case IoctlRequest.TIOCSWINSZ:
                if (!memory.TryRead(new UserPtr<WinSize>(argument), out WinSize size))
                {
                    return Errno.EFAULT;
                }
                SetSize(size.ws_row, size.ws_col);
                _size = size;
                return SysResult.Success;
            case IoctlRequest.FIONREAD:
                return WriteInt(memory, argument, IsCanonical ? _input.LineCharacters : _input.Count);
            case IoctlRequest.TIOCOUTQ:
            case IoctlRequest.TIOCGETD:
                // What is written is sent at once; and there is the one discipline, N_TTY.
                return WriteInt(memory, argument, 0);
            case IoctlRequest.TCFLSH:
                return FlushQueue(argument);
            case IoctlRequest.TCXONC:
                return SetFlow(argument);
            case IoctlRequest.TCSBRK:
                return SysResult.Success;
            default:
                return ControlSession(request, argument, memory);
        }
    }

    private bool HasInput => IsCanonical ? _input.HasLine : _input.Count != 0;

    private bool Has(TermiosLocal flag) => (_modes.c_lflag & flag) != 0;

    private bool Has(TermiosInput flag) => (_modes.c_iflag & flag) != 0;

    private bool Has(TermiosOutput flag) => (_modes.c_oflag & flag) != 0;

    private static SysResult WriteInt(UserMemory memory, ulong address, int value) =>
        memory.TryWrite(new UserPtr<int>(address), value) ? SysResult.Success : Errno.EFAULT;

    /// <summary>Tells whether a read of so many bytes has what it waits for.</summary>
    private bool CanRead(long wanted)
    {
        if (IsCanonical)
        {
            return _input.HasLine;
        }
        int minimum = Math.Max((int)_modes.c_cc[ControlCharacter.VMIN], 1);
        return wanted != 0 && _input.Count >= Math.Min(minimum, wanted);
    }

    private SysResult ControlSession(IoctlRequest request, ulong argument, UserMemory memory)
    {
        switch (request)
        {
            case IoctlRequest.TIOCGPGRP:
                return IsControlling ? WriteInt(memory, argument, ForegroundGroup) : Errno.ENOTTY;
            case IoctlRequest.TIOCSPGRP:
                if (!memory.TryRead(new UserPtr<int>(argument), out int group))
                {
                    return Errno.EFAULT;
                }
                if (!IsControlling || (Owner is not null && Owner.CurrentSession != SessionId))
                {
                    return Errno.ENOTTY;
                }
                if (group <= 0)
                {
                    return Errno.EINVAL;
                }
                ForegroundGroup = group;
                return SysResult.Success;
            case IoctlRequest.TIOCGSID:
                return IsControlling ? WriteInt(memory, argument, SessionId) : Errno.ENOTTY;
            case IoctlRequest.TIOCSCTTY:
                IsControlling = true;
                if (Owner is not null)
                {
                    SessionId = Owner.CurrentSession;
                    ForegroundGroup = Owner.CurrentGroup;
                }
                return SysResult.Success;
            case IoctlRequest.TIOCNOTTY:
                IsControlling = false;
                return SysResult.Success;
            case IoctlRequest.TIOCEXCL:
            case IoctlRequest.TIOCNXCL:
                // Exclusive use does not bind root, and everybody who could open it is.
                return SysResult.Success;
            default:
                return Errno.ENOTTY;
        }
    }

    private void SetModes(Termios modes, bool flushes)
    {
        bool wasCanonical = IsCanonical;
        _modes = modes;
        if (flushes)
        {
            _input.Clear();
        }
        if (wasCanonical != IsCanonical)
        {
            if (!IsCanonical)
            {
                _input.CompleteAll();
            }
            else if (_input.Count != 0 && _input.Room != 0)
            {
                // What was typed raw counts as a line.
                _input.AddEndOfFile();
            }
        }
        if (!Has(TermiosInput.IXON))
        {
            Start();
        }
        if (HasInput)
        {
            _readable.WakeAll();
        }
    }

    private SysResult FlushQueue(ulong queue)
    {
        const ulong InputQueue = 0;
        const ulong OutputQueue = 1;
        const ulong BothQueues = 2;
        if (queue is InputQueue or BothQueues)
        {
            _input.Clear();
        }
        return queue is InputQueue or OutputQueue or BothQueues ? SysResult.Success : Errno.EINVAL;
    }

    private SysResult SetFlow(ulong action)
    {
        const ulong StopOutput = 0;
        const ulong StartOutput = 1;
        const ulong LastAction = 3;
        switch (action)
        {
            case StopOutput:
                _isStopped = true;
                return SysResult.Success;
            case StartOutput:
                Start();
                return SysResult.Success;
            default:
                // Suspending input would be told to a modem; there is none.
                return action <= LastAction ? SysResult.Success : Errno.EINVAL;
        }
    }

    private void Start()
    {
        if (_isStopped)
        {
            _isStopped = false;
            _writable.WakeAll();
        }
    }

    private void Receive(byte value)
    {
        if (Has(TermiosInput.ISTRIP))
        {
            value &= 0x7F;
        }
        if (_isLiteralNext)
        {
            _isLiteralNext = false;
            Append(value);
            return;
        }
        if ((Has(TermiosInput.IXON) && HandleFlow(value)) || (Has(TermiosLocal.ISIG) && HandleSignal(value)))
        {
            return;
        }
        if (_isStopped && Has(TermiosInput.IXANY))
        {
            Start();
        }
        if (value == (byte)'\r')
        {
            if (Has(TermiosInput.IGNCR))
            {
                return;
            }
            value = Has(TermiosInput.ICRNL) ? (byte)'\n' : value;
        }
        else if (value == (byte)'\n' && Has(TermiosInput.INLCR))
        {
            value = (byte)'\r';
        }
        if (!IsCanonical || !Edit(value))
        {
            Append(value);
        }
    }

    private bool Is(byte value, int character) => _modes.c_cc[character] == value && value != Disabled;

    private bool HandleFlow(byte value)
    {
        if (Is(value, ControlCharacter.VSTART))
        {
            Start();
            return true;
        }
        if (Is(value, ControlCharacter.VSTOP))
        {
            _isStopped = true;
            return true;
        }
        return false;
    }

    private bool HandleSignal(byte value)
    {
        Signal signal;
        if (Is(value, ControlCharacter.VINTR))
        {
            signal = Signal.SIGINT;
        }
        else if (Is(value, ControlCharacter.VQUIT))
        {
            signal = Signal.SIGQUIT;
        }
        else if (Is(value, ControlCharacter.VSUSP))
        {
            signal = Signal.SIGTSTP;
        }
        else
        {
            return false;
        }
        if (!Has(TermiosLocal.NOFLSH))
        {
            _input.Clear();
        }
        Start();
        Echo(value);
        Owner?.SignalGroup(ForegroundGroup, signal);
        return true;
    }

    /// <summary>Handles the characters that edit a line.</summary>
    /// <returns>False for a character that belongs in the line.</returns>
    private bool Edit(byte value)
    {
        if (Is(value, ControlCharacter.VERASE))
        {
            EraseCharacter();
            return true;
        }
        if (Is(value, ControlCharacter.VKILL))
        {
            EraseLine();
            return true;
        }
        if (Is(value, ControlCharacter.VEOF))
        {
            _input.AddEndOfFile();
            return true;
        }
        if (value == (byte)'\n')
        {
            if (Has(TermiosLocal.ECHO) || Has(TermiosLocal.ECHONL))
            {
                Put((byte)'\n');
            }
            _input.AddDelimiter(value);
            return true;
        }
        if (Is(value, ControlCharacter.VEOL) || (Has(TermiosLocal.IEXTEN) && Is(value, ControlCharacter.VEOL2)))
        {
            Echo(value);
            _input.AddDelimiter(value);
            return true;
        }
        return Has(TermiosLocal.IEXTEN) && EditMore(value);
    }

    private bool EditMore(byte value)
    {
        if (Is(value, ControlCharacter.VWERASE))
        {
            EraseWord();
            return true;
        }
        if (Is(value, ControlCharacter.VREPRINT))
        {
            Echo(value);
            Put((byte)'\n');
            _lineColumn = _column;
            for (int i = 0; i < _input.EditedCount; i++)
            {
                Echo(_input.GetEdited(i));
            }
            return true;
        }
        if (Is(value, ControlCharacter.VLNEXT))
        {
            _isLiteralNext = true;
            if (Has(TermiosLocal.ECHO) && Has(TermiosLocal.ECHOCTL))
            {
                // A caret that the next character overwrites.
                Put((byte)'^');
                Put((byte)'\b');
            }
            return true;
        }
        return false;
    }

    private void Append(byte value)
    {
        // In canonical mode one place is kept for what ends the line.
        if (_input.Room <= 1)
        {
            if (Has(TermiosInput.IMAXBEL))
            {
                Put(Bell);
            }
            return;
        }
        if (_input.EditedCount == 0)
        {
            _lineColumn = _column;
        }
        Echo(value);
        _input.Add(value);
        if (!IsCanonical)
        {
            _input.CompleteAll();
        }
    }

    private void EraseCharacter()
    {
        if (_input.EditedCount == 0)
        {
            return;
        }
        // All bytes of a UTF-8 character go at once.
        while (Has(TermiosInput.IUTF8) && (_input.Last & 0xC0) == 0x80 && _input.EditedCount > 1)
        {
            _input.RemoveLast();
        }
        byte erased = _input.Last;
        _input.RemoveLast();
        EchoErasure(erased);
    }

    private void EraseWord()
    {
        while (_input.EditedCount != 0 && _input.Last is (byte)' ' or (byte)'\t')
        {
            EraseCharacter();
        }
        while (_input.EditedCount != 0 && _input.Last is not ((byte)' ' or (byte)'\t'))
        {
            EraseCharacter();
        }
    }

    private void EraseLine()
    {
        bool erasesVisibly = Has(TermiosLocal.ECHOK) && Has(TermiosLocal.ECHOKE) && Has(TermiosLocal.ECHOE);
        if (erasesVisibly)
        {
            while (_input.EditedCount != 0)
            {
                EraseCharacter();
            }
            return;
        }
        while (_input.EditedCount != 0)
        {
            _input.RemoveLast();
        }
        Echo(_modes.c_cc[ControlCharacter.VKILL]);
        if (Has(TermiosLocal.ECHOK))
        {
            Put((byte)'\n');
        }
    }

    private void EchoErasure(byte erased)
    {
        if (!Has(TermiosLocal.ECHO))
        {
            return;
        }
        if (!Has(TermiosLocal.ECHOE))
        {
            Echo(_modes.c_cc[ControlCharacter.VERASE]);
            return;
        }
        int width = 1;
        if (erased == (byte)'\t')
        {
            width = _column - GetEditedColumn();
        }
        else if (IsControl(erased))
        {
            width = Has(TermiosLocal.ECHOCTL) ? 2 : 0;
        }
        for (int i = 0; i < width; i++)
        {
            Put((byte)'\b');
            if (erased != (byte)'\t')
            {
                Put((byte)' ');
                Put((byte)'\b');
            }
        }
    }

    /// <summary>Works out where the cursor stands after the line that is being edited.</summary>
    private int GetEditedColumn()
    {
        int column = _lineColumn;
        for (int i = 0; i < _input.EditedCount; i++)
        {
            byte value = _input.GetEdited(i);
            if (value == (byte)'\t')
            {
                column = (column | (TabWidth - 1)) + 1;
            }
            else if (IsControl(value))
            {
                column += Has(TermiosLocal.ECHOCTL) ? 2 : 0;
            }
            else if (!Has(TermiosInput.IUTF8) || (value & 0xC0) != 0x80)
            {
                column++;
            }
        }
        return column;
    }

    private static bool IsControl(byte value) => value is < 0x20 or 0x7F && value != (byte)'\t';

    private void Echo(byte value)
    {
        if (!Has(TermiosLocal.ECHO))
        {
            return;
        }
        if (Has(TermiosLocal.ECHOCTL) && IsControl(value) && value != (byte)'\n')
        {
            Put((byte)'^');
            Put((byte)(value ^ 0x40));
        }
        else
        {
            Put(value);
        }
    }

    /// <summary>Translates output and gathers it.</summary>
    private void Process(ReadOnlySpan<byte> bytes)
    {
        if (!Has(TermiosOutput.OPOST))
        {
            Flush();
            _streams.Write(_outputStream, bytes);
            return;
        }
        foreach (byte value in bytes)
        {
            Put(value);
        }
    }

    private void Put(byte value)
    {
        if (_outputCount > _output.Length - TabWidth)
        {
            Flush();
        }
        if (!Has(TermiosOutput.OPOST))
        {
            _output[_outputCount++] = value;
            return;
        }
        switch (value)
        {
            case (byte)'\n':
                if (Has(TermiosOutput.ONLCR))
                {
                    _output[_outputCount++] = (byte)'\r';
                    _column = 0;
                }
                _column = Has(TermiosOutput.ONLRET) ? 0 : _column;
                break;
            case (byte)'\r':
                if (Has(TermiosOutput.ONOCR) && _column == 0)
                {
                    return;
                }
                if (Has(TermiosOutput.OCRNL))
                {
                    value = (byte)'\n';
                }
                else
                {
                    _column = 0;
                }
                break;
            case (byte)'\t':
                int spaces = TabWidth - (_column & (TabWidth - 1));
                _column += spaces;
                if ((_modes.c_oflag & TermiosOutput.TABDLY) == TermiosOutput.TABDLY)
                {
                    _output.AsSpan(_outputCount, spaces).Fill((byte)' ');
                    _outputCount += spaces;
                    return;
                }
                break;
            case (byte)'\b':
                _column = Math.Max(0, _column - 1);
                break;
            default:
                bool isContinuation = Has(TermiosInput.IUTF8) && (value & 0xC0) == 0x80;
                _column += value >= 0x20 && !isContinuation ? 1 : 0;
                break;
        }
        _output[_outputCount++] = value;
    }

    private void Flush()
    {
        if (_outputCount != 0)
        {
            _streams.Write(_outputStream, _output.AsSpan(0, _outputCount));
            _outputCount = 0;
        }
    }
}
