using System.Text;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.HostLink;
using Semitone.Memory;
using Semitone.Unit.Memory;

namespace Semitone.Unit.Files;

public sealed class TerminalTests : IDisposable
{
    private readonly FilesFixture _files = new();
    private readonly MemoryFixture _memory = new();
    private readonly ConsoleStreams _streams;
    private readonly FileTable _table = new();
    private readonly OpenFile _terminal;

    public TerminalTests()
    {
        _streams = new ConsoleStreams(_files.Machine.Console, isLinked: false, []);
        _streams.Install(_table, _files.Mounts);
        Assert.True(_table.TryGet(new Fd(0), out OpenFile? file, out _));
        _terminal = file;
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Read_LineNotEnded_AnswersEagain()
    {
        Type("abc");

        Assert.Equal(Errno.EAGAIN, Read(10, out _));
        Assert.Equal(PollEvents.POLLOUT | PollEvents.POLLWRNORM, _terminal.Poll());
    }

    [Fact]
    public void Read_TwoLines_GivesOneAtATime()
    {
        Type("one\rtwo\r");

        Assert.Equal("one\n", ReadLine());
        Assert.Equal("two\n", ReadLine());
        Assert.Equal(Errno.EAGAIN, Read(10, out _));
    }

    [Fact]
    public void Read_ShortBuffer_GivesTheRestNextTime()
    {
        Type("abcdef\r");

        Assert.Equal("abc", ReadLine(3));
        Assert.Equal("def\n", ReadLine());
    }

    /// <summary>The line's end waited in the device for room that only reading the line would have made.</summary>
    [Fact]
    public void Read_LineLongerThanTheBuffer_IsCutOff()
    {
        Type(new string('x', 5000) + "\rnext\r");
        Assert.Equal(new string('x', 4095) + "\n", ReadLine(8192));
        Assert.Equal("next\n", ReadLine());
    }

    [Theory]
    [InlineData("ab\u007fc\r", "ac\n", "ab\b \bc\r\n")]
    [InlineData("ab\u0015cd\r", "cd\n", "ab\b \b\b \bcd\r\n")]
    [InlineData("one two\u0017x\r", "one x\n", "one two\b \b\b \b\b \bx\r\n")]
    [InlineData("a\u0016\u0003b\r", "a\u0003b\n", "a^\b^Cb\r\n")]
    [InlineData("\u007f\u007fa\r", "a\n", "a\r\n")]
    [InlineData("xü\u007fy\r", "xy\n", "xü\b \by\r\n")]
    [InlineData("a\t\u007fb\r", "ab\n", "a\t\b\b\b\b\b\b\bb\r\n")]
    [InlineData("\u0001\u007fb\r", "b\n", "^A\b \b\b \bb\r\n")]
    [InlineData("ab\u0012c\r", "abc\n", "ab^R\r\nabc\r\n")]
    public void Edit_Line_GivesWhatIsLeftAndShowsIt(string typed, string line, string shown)
    {
        Type(typed);

        Assert.Equal(line, ReadLine());
        Assert.Equal(shown, _files.Machine.Console.OutputText);
    }

    [Fact]
    public void EndOfFile_EmptyLine_ReadsAsNothingOnce()
    {
        Type("\u0004ab\u0004");

        Assert.Equal(string.Empty, ReadLine());
        Assert.Equal("ab", ReadLine());
        Assert.Equal(Errno.EAGAIN, Read(10, out _));
    }

    [Fact]
    public void EndOfFile_BufferExactlyFull_IsNoSecondEnd()
    {
        Type("ab\u0004");

        Assert.Equal("ab", ReadLine(2));
        Assert.Equal(Errno.EAGAIN, Read(2, out _));
    }

    [Fact]
    public void Interrupt_Typed_SignalsTheForegroundAndDropsTheLine()
    {
        TerminalOwnerDouble owner = new();
        _streams.Terminal.Session.Owner = owner;
        _streams.Terminal.Session.ForegroundGroup = 7;

        Type("abc\u0003def\r");

        Assert.Equal([(7, Signal.SIGINT)], owner.Signals);
        Assert.Equal("def\n", ReadLine());
        Assert.Equal("abc^Cdef\r\n", _files.Machine.Console.OutputText);
    }

    [Fact]
    public void RawMode_Bytes_ComeAsTheyAre()
    {
        SetModes((ref Termios modes) =>
        {
            modes.c_lflag = TermiosLocal.None;
            modes.c_iflag = TermiosInput.None;
        });

        Type("a\u0003\r");

        Assert.Equal("a\u0003\r", ReadLine());
        Assert.Empty(_files.Machine.Console.OutputText);
    }

    [Fact]
    public void RawMode_MinimumNotReached_Waits()
    {
        SetModes((ref Termios modes) =>
        {
            modes.c_lflag = TermiosLocal.None;
            modes.c_cc[ControlCharacter.VMIN] = 3;
        });

        Type("ab");
        Assert.Equal(Errno.EAGAIN, Read(10, out _));
        Assert.Equal("ab", ReadLine(2));
        Type("cde");
        Assert.Equal("cde", ReadLine());
    }

    /// <summary>
    /// What a shell does between two prompts, with the user typing on: the way there and back must not leave an end of the file in what was
    /// typed.
    /// </summary>
    [Fact]
    public void Modes_ToCanonicalAndBackWithInputPending_LeaveNoMark()
    {
        SetModes((ref Termios modes) => modes.c_lflag &= ~(TermiosLocal.ICANON | TermiosLocal.ECHO));
        Type("ab");
        SetModes((ref Termios modes) => modes.c_lflag |= TermiosLocal.ICANON);
        SetModes((ref Termios modes) => modes.c_lflag &= ~TermiosLocal.ICANON);

        Assert.Equal("a", ReadLine(1));
        Assert.Equal("b", ReadLine(1));
        Assert.Equal(Errno.EAGAIN, Read(1, out _));
        Type("c");
        Assert.Equal("c", ReadLine(1));
    }

    [Fact]
    public void Modes_ToCanonicalWithInputPending_MakeItALine()
    {
        SetModes((ref Termios modes) => modes.c_lflag &= ~TermiosLocal.ICANON);
        Type("ab");
        SetModes((ref Termios modes) => modes.c_lflag |= TermiosLocal.ICANON);

        Assert.Equal("ab", ReadLine());
        Assert.Equal(Errno.EAGAIN, Read(1, out _));
    }

    [Fact]
    public void RawMode_TimeBesideTheMinimum_RunsFromTheFirstByte()
    {
        SetModes((ref Termios modes) =>
        {
            modes.c_lflag = TermiosLocal.None;
            modes.c_cc[ControlCharacter.VMIN] = 3;
            modes.c_cc[ControlCharacter.VTIME] = 5;
        });

        Assert.Equal(long.MaxValue, _terminal.ReadTimeoutNs);
        Type("ab");
        Assert.Equal(Errno.EAGAIN, Read(10, out _));
        Assert.Equal(500_000_000, _terminal.ReadTimeoutNs);
        byte[] buffer = new byte[10];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        Assert.Equal(2, _terminal.ReadAfterTimeout(ref cursor).Bytes);
    }

    [Fact]
    public void ForegroundGroup_OfNobody_IsRefused()
    {
        // In the background, but with SIGTTOU blocked, as a shell does it.
        _streams.Terminal.Session.Owner = new TerminalOwnerDouble { BackgroundAnswer = Errno.None, CurrentTerminal = _streams.Terminal };
        _streams.Terminal.Session.Id = 7;
        ulong page = _memory.Map(1);
        Assert.True(_memory.Memory.TryWrite(new UserPtr<int>(page), 99));
        Assert.Equal(Errno.ESRCH, _terminal.Control(IoctlRequest.TIOCSPGRP, page, _memory.Memory).Error);
        Assert.True(_memory.Memory.TryWrite(new UserPtr<int>(page), 7));
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TIOCSPGRP, page, _memory.Memory));
        Assert.Equal(7, _streams.Terminal.Session.ForegroundGroup);
    }

    /// <summary>
    /// Who is in the background is stopped by reading and by changing the terminal; by writing only where TOSTOP says so.
    /// </summary>
    [Fact]
    public void Background_ReadsAndChanges_AreStopped()
    {
        TerminalOwnerDouble owner = new() { CurrentGroup = 8, CurrentTerminal = _streams.Terminal };
        _streams.Terminal.Session.Owner = owner;
        _streams.Terminal.Session.Id = 7;
        _streams.Terminal.Session.ForegroundGroup = 7;
        ulong page = _memory.Map(1);
        Assert.Equal(RestartErrno.ERESTARTSYS, Read(10, out _));
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TCGETS, page, _memory.Memory));
        Assert.Equal(RestartErrno.ERESTARTSYS, _terminal.Control(IoctlRequest.TCSETS, page, _memory.Memory).Error);
        Assert.Equal(RestartErrno.ERESTARTSYS, _terminal.Control(IoctlRequest.TIOCSPGRP, page, _memory.Memory).Error);
        Assert.Equal([(8, Signal.SIGTTIN), (8, Signal.SIGTTOU), (8, Signal.SIGTTOU)], owner.Signals);
        FilesFixture.Write(_terminal, "x"u8);
        Assert.Equal(3, owner.Signals.Count);
        owner.BackgroundAnswer = Errno.None;
        SetModes((ref Termios modes) => modes.c_lflag |= TermiosLocal.TOSTOP);
        FilesFixture.Write(_terminal, "x"u8);
        Assert.Equal((8, Signal.SIGTTOU), owner.Signals[^1]);

        // Another session's processes are not its business.
        int count = owner.Signals.Count;
        owner.CurrentTerminal = null;
        FilesFixture.Write(_terminal, "x"u8);
        Assert.Equal(Errno.ENOTTY, _terminal.Control(IoctlRequest.TIOCGPGRP, page, _memory.Memory).Error);
        Assert.Equal(count, owner.Signals.Count);
    }

    [Fact]
    public void ControllingTerminal_IsTakenByALeaderAndLostWithIt()
    {
        TerminalOwnerDouble owner = new() { CurrentSession = 9, CurrentGroup = 9 };
        TerminalSession session = _streams.Terminal.Session;
        session.Owner = owner;
        session.Id = 7;
        session.ForegroundGroup = 8;
        Assert.Equal(Errno.ENOTTY, _terminal.Control(IoctlRequest.TIOCNOTTY, 0, _memory.Memory).Error);
        Assert.Equal(Errno.EPERM, _terminal.Control(IoctlRequest.TIOCSCTTY, 0, _memory.Memory).Error);
        owner.IsSessionLeader = true;
        Assert.Equal(Errno.EPERM, _terminal.Control(IoctlRequest.TIOCSCTTY, 0, _memory.Memory).Error);
        session.OnLeaderEnded(6);
        Assert.Empty(owner.Signals);
        session.OnLeaderEnded(7);
        Assert.Equal([(8, Signal.SIGHUP)], owner.Signals);
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TIOCSCTTY, 0, _memory.Memory));
        Assert.Equal((9, 9), (session.Id, session.ForegroundGroup));
        owner.IsSessionLeader = false;
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TIOCNOTTY, 0, _memory.Memory));
        Assert.Equal(Errno.ENOTTY, _terminal.Control(IoctlRequest.TIOCNOTTY, 0, _memory.Memory).Error);
        Assert.True(session.IsControlling);
    }

    [Fact]
    public void RawMode_NoMinimumAndNoTime_AnswersAtOnce()
    {
        SetModes((ref Termios modes) =>
        {
            modes.c_lflag = TermiosLocal.None;
            modes.c_cc[ControlCharacter.VMIN] = 0;
        });

        Assert.Equal(string.Empty, ReadLine());
    }

    [Fact]
    public void Write_Newlines_ReturnTheCarriage()
    {
        FilesFixture.Write(_terminal, "a\nb\n"u8);

        Assert.Equal("a\r\nb\r\n", _files.Machine.Console.OutputText);
    }

    [Fact]
    public void Flow_StoppedOutput_WaitsForTheStart()
    {
        Type("\u0013");
        Assert.Equal(Errno.EAGAIN, FilesFixture.Write(_terminal, "x"u8).Error);
        Assert.Equal(PollEvents.None, _terminal.Poll());

        Type("\u0011");

        Assert.Equal(1, FilesFixture.Write(_terminal, "x"u8).Bytes);
    }

    [Fact]
    public void Input_MoreThanFits_StaysInTheDevice()
    {
        _files.Machine.Console.Enter(string.Concat(Enumerable.Repeat(new string('x', 99) + "\r", 100)));
        _streams.OnInterrupt();
        Assert.True(_files.Machine.Console.HasInput);

        int lines = 0;
        while (ReadLineOrNull() is { } line)
        {
            Assert.Equal(new string('x', 99) + "\n", line);
            lines++;
        }

        Assert.Equal(100, lines);
    }

    [Fact]
    public void WindowSize_IsTold()
    {
        ulong page = _memory.Map(1);
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TIOCGWINSZ, page, _memory.Memory));
        Assert.True(_memory.Memory.TryRead(new UserPtr<WinSize>(page), out WinSize size));
        Assert.Equal((24, 80), (size.ws_row, size.ws_col));
        Assert.Equal(Errno.EFAULT, _terminal.Control(IoctlRequest.TIOCGWINSZ, 0, _memory.Memory).Error);
        Assert.Equal(Errno.ENOTTY, _terminal.Control(IoctlRequest.TIOCGPTN, page, _memory.Memory).Error);
    }

    [Fact]
    public void Link_StreamsArePipes_AreFramedAndNoTerminals()
    {
        FakeConsole console = new();
        ConsoleStreams streams = new(console, isLinked: true, [false, false, false]);
        FileTable table = new();
        streams.Install(table, _files.Mounts);
        Assert.True(table.TryGet(new Fd(0), out OpenFile? input, out _));
        Assert.True(table.TryGet(new Fd(1), out OpenFile? output, out _));
        Assert.True(table.TryGet(new Fd(2), out OpenFile? error, out _));
        FilesFixture.Write(output, "out"u8);
        FilesFixture.Write(error, "err"u8);

        Assert.Equal([0xF5, 1, 3, 0, .. "out"u8, 0xF5, 2, 3, 0, .. "err"u8], console.Output);
        Assert.Equal(Errno.ENOTTY, output.Control(IoctlRequest.TCGETS, 0, _memory.Memory).Error);
        Assert.Equal(Mode.S_IFIFO, input.Inode.Type);

        console.Enter([(byte)'a', 0xF5, 0xF5, (byte)'b', 0xF5, (byte)InputEventKind.EndOfFile]);
        streams.OnInterrupt();
        Assert.Equal([(byte)'a', 0xF5, (byte)'b'], FilesFixture.Read(input, 10));
        Assert.Empty(FilesFixture.Read(input, 10));
        Assert.Equal(PollEvents.POLLHUP, input.Poll());
    }

    [Fact]
    public void Link_TerminalInputEnds_ReadsWhatWasTypedAndThenNothing()
    {
        FakeConsole console = new();
        ConsoleStreams streams = new(console, isLinked: true, [true, true, true]);
        FileTable table = new();
        streams.Install(table, _files.Mounts);
        Assert.True(table.TryGet(new Fd(0), out OpenFile? input, out _));
        console.Enter([(byte)'a', 0xF5, (byte)InputEventKind.EndOfFile]);
        streams.OnInterrupt();

        Assert.Equal("a"u8.ToArray(), FilesFixture.Read(input, 10));
        Assert.Empty(FilesFixture.Read(input, 10));
        Assert.Empty(FilesFixture.Read(input, 10));
    }

    private delegate void Change(ref Termios modes);

    private void SetModes(Change change)
    {
        ulong page = _memory.Map(1);
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TCGETS, page, _memory.Memory));
        Assert.True(_memory.Memory.TryRead(new UserPtr<Termios>(page), out Termios modes));
        change(ref modes);
        Assert.True(_memory.Memory.TryWrite(new UserPtr<Termios>(page), modes));
        Assert.Equal(SysResult.Success, _terminal.Control(IoctlRequest.TCSETS, page, _memory.Memory));
    }

    private void Type(string text)
    {
        _files.Machine.Console.Enter(text);
        _streams.OnInterrupt();
    }

    private Errno Read(int count, out string text)
    {
        byte[] buffer = new byte[count];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        IoResult result = _terminal.Read(ref cursor);
        text = Encoding.UTF8.GetString(buffer, 0, (int)result.Bytes);
        return result.Error;
    }

    private string ReadLine(int count = 1000)
    {
        Assert.Equal(Errno.None, Read(count, out string text));
        return text;
    }

    private string? ReadLineOrNull() => Read(1000, out string text) == Errno.None ? text : null;
}
