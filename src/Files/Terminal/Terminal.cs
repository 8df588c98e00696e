using Semitone.Abi;
using Semitone.Core;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Files;

/// <summary>A terminal: reads and writes through a line discipline, modes, a size, and a session that it controls.</summary>
/// <remarks>
/// The parts: <see cref="LineDiscipline"/> decides what a typed character does, <see cref="LineEditor"/> edits, <see cref="TerminalEcho"/>
/// shows, <see cref="TerminalInput"/> keeps what was typed, <see cref="TerminalOutput"/> translates, <see cref="TerminalSession"/> knows
/// whose terminal it is. Where POSIX leaves a choice it is made as in Linux; a test compares the two.
/// </remarks>
public sealed partial class Terminal
{
    private const int ChunkSize = 512;
    private const long NsPerTenth = 100_000_000;

    private readonly TerminalLine _line;
    private readonly TerminalModes _modes;
    private readonly TerminalInput _input = new();
    private readonly TerminalOutput _output;
    private readonly LineDiscipline _discipline;
    private readonly WaitQueue _readable = new();
    private WinSize _size;
    private int _roomAtHost = LinkFormat.TerminalRoom;
    private bool _isInputWanted;
    private bool _isHungUp;

    /// <param name="line">Where output goes and input comes from.</param>
    /// <param name="modes">The modes that it begins with.</param>
    /// <param name="size">The size that it begins with.</param>
    /// <param name="number">The number of its device.</param>
    internal Terminal(TerminalLine line, in Termios modes, WinSize size, DeviceNumber number)
    {
        _line = line;
        _modes = new TerminalModes(modes);
        _size = size;
        Number = number;
        Session = new TerminalSession(this);
        _output = new TerminalOutput(line, _modes);
        _discipline = new LineDiscipline(_modes, _input, _output, Session, line);
    }

    /// <summary>The number of its device.</summary>
    public DeviceNumber Number { get; }

    public TerminalSession Session { get; }

    /// <summary>
    /// Whether the other end has gone for good: those who have it open read its end, cannot write, and can control nothing.
    /// </summary>
    public bool IsDisconnected { get; private set; }

    /// <summary>Whether a process in the background is stopped when it writes (TOSTOP).</summary>
    internal bool StopsBackgroundOutput => (_modes.Termios.c_lflag & TermiosLocal.TOSTOP) != 0;

    /// <summary>
    /// How much more input can be taken. Of a line that has filled the buffer more is taken, each character in the last one's place, for
    /// its end must still come.
    /// </summary>
    internal int InputRoom => Math.Max(_modes.IsCanonical && _input.LineCount == 0 ? 1 : 0, _input.Room - 1);

    /// <summary>
    /// How long a read waits that finds nothing: without end, or as VTIME says, which with a minimum runs from the last byte that has come.
    /// </summary>
    internal long ReadTimeoutNs =>
        _modes.ReadsLines || _modes.Tenths == 0 || (_modes.Minimum != 0 && _input.Count == 0) ? long.MaxValue : _modes.Tenths * NsPerTenth;

    /// <summary>Whether poll(2) says that there is input: a line, or the minimum where no time stands beside it.</summary>
    internal bool HasInput =>
        _modes.ReadsLines ? _input.LineCount != 0 : _input.Count >= (_modes.Tenths == 0 ? Math.Max((int)_modes.Minimum, 1) : 1);

    /// <summary>Takes what was typed.</summary>
    internal void Receive(ReadOnlySpan<byte> bytes)
    {
        _isInputWanted = false;
        _roomAtHost = Math.Max(0, _roomAtHost - bytes.Length);
        _output.Stream = _line.EchoStream;
        foreach (byte value in bytes)
        {
            _discipline.Receive(value);
        }

        _output.Flush();
        if (_modes.ReadsLines ? _input.LineCount != 0 : _input.Count != 0)
        {
            _readable.WakeAll();
        }

        TellRoom();
    }

    /// <summary>There will be no more input: reads answer 0 once what there is has been read.</summary>
    internal void HangUp()
    {
        _isHungUp = true;
        _readable.WakeAll();
    }

    /// <summary>The other end has gone for good: whoever waits hears of it, and the session loses its terminal.</summary>
    internal void Disconnect()
    {
        IsDisconnected = true;
        _readable.WakeAll();
        _discipline.Writable.WakeAll();
        Session.HangUp();
    }

    /// <summary>There is room for output again.</summary>
    internal void OnOutputRoom()
    {
        _output.ReleaseHeld();
        _discipline.Writable.WakeAll();
    }

    /// <summary>Takes the size over that the host's terminal has.</summary>
    internal void SetSize(ushort rows, ushort columns) => SetSize(_size with { ws_row = rows, ws_col = columns });

    /// <param name="returnsAtOnce">The caller will not wait (O_NONBLOCK): fewer bytes than the minimum are better than none.</param>
    internal IoResult Read(ref IoCursor destination, bool returnsAtOnce)
    {
        if (destination.Remaining == 0)
        {
            return 0;
        }

        if (!CanRead(destination.Remaining, returnsAtOnce))
        {
            _line.TakeInput();
            if (!CanRead(destination.Remaining, returnsAtOnce))
            {
                if (_isHungUp || (!_modes.ReadsLines && _modes.Minimum == 0 && _modes.Tenths == 0))
                {
                    return 0;
                }

                WantInput();
                return Errno.EAGAIN;
            }
        }

        return Take(ref destination);
    }

    /// <summary>Ends a read whose time is up: with what there is.</summary>
    internal IoResult ReadAfterTimeout(ref IoCursor destination) => Take(ref destination);

    internal IoResult Write(LinkStream stream, ref IoCursor source)
    {
        if (_output.IsStopped && source.Remaining != 0)
        {
            return Errno.EAGAIN;
        }

        _output.Stream = stream;
        _output.ReleaseHeld();
        Span<byte> chunk = stackalloc byte[ChunkSize];
        while (source.Remaining != 0)
        {
            int room = _output.Room;
            if (room == 0)
            {
                return source.ToResult(Errno.EAGAIN);
            }

            int count = source.Read(chunk[..Math.Min(room, ChunkSize)]);
            if (count == 0)
            {
                break;
            }

            _output.Write(chunk[..count]);
        }

        return source.ToResult();
    }

    internal PollEvents Poll()
    {
        if (IsDisconnected)
        {
            return PollEvents.POLLIN | PollEvents.POLLRDNORM | PollEvents.POLLOUT | PollEvents.POLLWRNORM | PollEvents.POLLERR
                | PollEvents.POLLHUP;
        }

        PollEvents events = HasInput || _isHungUp ? PollEvents.POLLIN | PollEvents.POLLRDNORM : PollEvents.None;
        return _output.IsStopped || _output.Room == 0 ? events : events | PollEvents.POLLOUT | PollEvents.POLLWRNORM;
    }

    internal void Enlist(IQueueMember waiter)
    {
        waiter.Enlist(_readable);
        waiter.Enlist(_discipline.Writable);
    }

    internal void GetQueues(out WaitQueue readable, out WaitQueue writable)
    {
        readable = _readable;
        writable = _discipline.Writable;
    }

    /// <summary>Tells whether a read of so many bytes has what it waits for.</summary>
    private bool CanRead(long wanted, bool returnsAtOnce)
    {
        if (_isHungUp && _input.Count != 0)
        {
            // The last line has no end, and the minimum will not come.
            _input.MarkLast();
            return true;
        }

        if (_modes.ReadsLines)
        {
            return _input.LineCount != 0;
        }

        int minimum = returnsAtOnce ? 1 : Math.Max((int)_modes.Minimum, 1);
        return _input.Count >= Math.Min(minimum, wanted);
    }

    private IoResult Take(ref IoCursor destination)
    {
        Span<byte> chunk = stackalloc byte[ChunkSize];
        bool isLineEnd = false;
        while (destination.Remaining != 0 && !isLineEnd)
        {
            Span<byte> part = chunk[..(int)Math.Min(ChunkSize, destination.Remaining)];
            int count = _modes.ReadsLines ? _input.TakeLine(part, out isLineEnd) : _input.Take(part);
            if (count == 0 || destination.Write(part[..count]) != count)
            {
                break;
            }
        }

        if (_modes.ReadsLines && !isLineEnd && destination.Remaining == 0)
        {
            _input.SkipEndOfFile();
        }

        _line.TakeInput();
        TellRoom();
        return destination.ToResult();
    }

    private void SetSize(WinSize size)
    {
        bool isSame = _size.ws_row == size.ws_row
            && _size.ws_col == size.ws_col
            && _size.ws_xpixel == size.ws_xpixel
            && _size.ws_ypixel == size.ws_ypixel;
        _size = size;
        if (!isSame)
        {
            Session.SignalForeground(Signal.SIGWINCH);
        }
    }

    /// <summary>Tells the host that a read waits: in the background of its shell it reads its terminal only then.</summary>
    private void WantInput()
    {
        if (!_isInputWanted)
        {
            _isInputWanted = true;
            _line.OnInputWanted();
        }
    }

    /// <summary>Tells the host that there is room again: not of every character, but before it has to wait.</summary>
    private void TellRoom()
    {
        int more = InputRoom - _roomAtHost;
        if (more > LinkFormat.TerminalRoom / 2 || (more > 0 && _roomAtHost == 0))
        {
            _roomAtHost += more;
            _line.OnInputRoom((uint)more);
        }
    }
}
