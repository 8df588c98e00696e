using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Unit.Files;

/// <summary>What the guest asks of the host for its input, and what it makes of the answers.</summary>
public sealed class ConsoleInputTests
{
    private readonly FilesFixture _files = new();
    private readonly FakeConsole _console = new();

    [Fact]
    public void Pipe_NothingReadYet_AsksForNothing()
    {
        Open(isTerminal: false);
        Assert.Empty(TakeMessages());
    }

    [Fact]
    public void Pipe_ReadThatWaits_AsksOnceForWhatItTakes()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Assert.Equal(Errno.EAGAIN, Read(input, 5, out _));
        Assert.Equal(Errno.EAGAIN, Read(input, 7, out _));
        Assert.Equal([(ControlKind.WantInput, 5u)], TakeMessages());

        // Only when all of the answer is there can it be read: not a part per interrupt.
        Enter(streams, "ab"u8);
        Assert.Equal(Errno.EAGAIN, Read(input, 7, out _));
        Enter(streams, [(byte)'c', .. Sequence(InputEncoder.WriteAnswered)]);
        Assert.Equal(Errno.None, Read(input, 7, out byte[] bytes));
        Assert.Equal("abc"u8.ToArray(), bytes);
        Assert.Empty(TakeMessages());
    }

    [Fact]
    public void Pipe_ReadLargerThanTheBuffer_AsksForABuffer()
    {
        (_, OpenFile input) = Open(isTerminal: false);
        Assert.Equal(Errno.EAGAIN, Read(input, 1 << 20, out _));
        Assert.Equal([(ControlKind.WantInput, (uint)LinkFormat.LargestRequest)], TakeMessages());
    }

    /// <summary>The buffer grows with what reads take, and is whole whatever went through it before.</summary>
    [Fact]
    public void Pipe_LargeAnswersAfterSmallOnes_ArriveWhole()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Random random = new(1);
        foreach (int size in (int[])[3, 4096, 4095, 5000, 65536, 100_000, 2, 65535])
        {
            Assert.Equal(Errno.EAGAIN, Read(input, size, out _));
            uint wanted = Assert.Single(TakeMessages()).Value;
            Assert.Equal((uint)Math.Min(size, LinkFormat.LargestRequest), wanted);
            byte[] answer = new byte[wanted];
            random.NextBytes(answer);
            byte[] encoded = new byte[2 * answer.Length];
            Enter(streams, encoded.AsSpan(0, InputEncoder.WriteData(answer, encoded, out _)));
            Enter(streams, Sequence(InputEncoder.WriteAnswered));
            List<byte> read = [];
            while (read.Count < answer.Length)
            {
                Assert.Equal(Errno.None, Read(input, 30_000, out byte[] bytes));
                read.AddRange(bytes);
            }

            Assert.Equal(answer, read);
        }
    }

    [Fact]
    public void Pipe_Polled_AsksOnlyToBeToldAndTakesNothing()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Assert.Equal(PollEvents.None, input.Poll());
        Assert.Equal(PollEvents.None, input.Poll());
        Assert.Equal([(ControlKind.WantInput, 0u)], TakeMessages());

        Enter(streams, Sequence(destination => InputEncoder.WriteReadable(destination, 12)));
        Assert.Equal(PollEvents.POLLIN | PollEvents.POLLRDNORM, input.Poll());
        Assert.Empty(TakeMessages());
        Assert.Equal(Errno.EAGAIN, Read(input, 3, out _));
        Assert.Equal([(ControlKind.WantInput, 3u)], TakeMessages());
    }

    [Fact]
    public void Pipe_EndsWhileAReadWaits_AnswersTheEnd()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Assert.Equal(Errno.EAGAIN, Read(input, 3, out _));
        Enter(streams, Sequence(InputEncoder.WriteEndOfFile));
        Assert.Equal(Errno.None, Read(input, 3, out byte[] bytes));
        Assert.Empty(bytes);
        Assert.Equal(PollEvents.POLLHUP, input.Poll());
    }

    [Fact]
    public void Pipe_HostSendsMoreThanItWasAskedFor_LosesItAndNothingElse()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Enter(streams, new byte[5000]);
        Assert.Equal(Errno.None, Read(input, 10_000, out byte[] bytes));
        Assert.Equal(4096, bytes.Length);
    }

    /// <summary>The host sends more than was asked for where it can give the rest back, and so has to know it.</summary>
    [Fact]
    public void Pipe_HostSendsAhead_IsToldWhatWasTaken()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: false);
        Assert.Equal(Errno.EAGAIN, Read(input, 1, out _));
        Enter(streams, [.. "abcdef"u8, .. Sequence(InputEncoder.WriteAnswered)]);
        TakeMessages();
        foreach (byte expected in "abcd"u8.ToArray())
        {
            Assert.Equal(Errno.None, Read(input, 1, out byte[] bytes));
            Assert.Equal([expected], bytes);
        }

        Assert.Empty(TakeMessages());
        streams.TellInputTaken();
        Assert.Equal([(ControlKind.InputTaken, 4u)], TakeMessages());
    }

    [Fact]
    public void Terminal_ReadThatWaits_IsToldOnce()
    {
        (_, OpenFile input) = Open(isTerminal: true);
        Assert.Equal(Errno.EAGAIN, Read(input, 5, out _));
        Assert.Equal(Errno.EAGAIN, Read(input, 5, out _));
        Assert.Equal([(ControlKind.WantInput, 1u)], TakeMessages());
    }

    /// <summary>A host that keeps to the room it was given never loses a line, however fast it types.</summary>
    [Fact]
    public void Terminal_MoreTypedThanFits_ArrivesWholeAsRoomIsTold()
    {
        (ConsoleStreams streams, OpenFile input) = Open(isTerminal: true);
        byte[] typed =
        [
            .. Enumerable.Range(0, 500).SelectMany(i => System.Text.Encoding.ASCII.GetBytes($"line number {i} of a long text\r"))
        ];
        long room = LinkFormat.TerminalRoom;
        int sent = 0;
        List<byte> read = [];
        while (sent < typed.Length || read.Count < typed.Length)
        {
            int length = (int)Math.Min(room, typed.Length - sent);
            Enter(streams, typed.AsSpan(sent, length));
            sent += length;
            room -= length;
            bool hasRead = Read(input, 1000, out byte[] bytes) == Errno.None;
            read.AddRange(bytes);
            room += TakeMessages().Where(message => message.Kind == ControlKind.TerminalRoom).Sum(message => message.Value);
            Assert.True(hasRead || length > 0, $"stuck after {read.Count} bytes");
        }

        Assert.Equal(typed.Select(value => value == (byte)'\r' ? (byte)'\n' : value), read);
    }

    [Fact]
    public void Signal_FromTheHost_GoesToTheFirstProcess()
    {
        (ConsoleStreams streams, _) = Open(isTerminal: false);
        SignalLog owner = new();
        streams.Terminal.Session.Owner = owner;
        Enter(streams, Sequence(destination => InputEncoder.WriteSignal(destination, 15)));
        Enter(streams, Sequence(destination => InputEncoder.WriteSignal(destination, 200)));
        Assert.Equal([Signal.SIGTERM], owner.Signals);
    }

    private delegate int Writer(Span<byte> destination);

    private static byte[] Sequence(Writer write)
    {
        byte[] sequence = new byte[LinkFormat.MaxInputSequence];
        return sequence[..write(sequence)];
    }

    private static Errno Read(OpenFile input, int count, out byte[] bytes)
    {
        byte[] buffer = new byte[count];
        IoCursor cursor = IoCursor.OverKernel(buffer);
        IoResult result = input.Read(ref cursor);
        bytes = buffer[..(int)result.Bytes];
        return result.Error;
    }

    private (ConsoleStreams Streams, OpenFile Input) Open(bool isTerminal)
    {
        ConsoleStreams streams = new(_console, isLinked: true, [isTerminal, isTerminal, isTerminal]);
        FileTable table = new();
        streams.Install(table, _files.Mounts);
        Assert.True(table.TryGet(new Fd(0), out OpenFile? input, out _));
        return (streams, input);
    }

    private void Enter(ConsoleStreams streams, ReadOnlySpan<byte> bytes)
    {
        _console.Enter(bytes);
        streams.OnInterrupt();
    }

    /// <summary>Takes the control messages that were sent, each with its number; what else was sent is passed over.</summary>
    private List<(ControlKind Kind, uint Value)> TakeMessages()
    {
        List<(ControlKind Kind, uint Value)> messages = [];
        LinkDecoder decoder = new();
        ReadOnlySpan<byte> output = _console.Output;
        while (decoder.TryNext(ref output, out LinkFrame frame))
        {
            if (frame.Stream == LinkStream.Control)
            {
                messages.Add((frame.Control, BinaryPrimitives.ReadUInt32LittleEndian(frame.Bytes)));
            }
        }

        _console.ClearOutput();
        return messages;
    }

    private sealed class SignalLog : ITerminalOwner
    {
        public List<Signal> Signals { get; } = [];

        public int CurrentGroup => 1;

        public int CurrentSession => 1;

        public Terminal? CurrentTerminal { get; set; }

        public bool IsSessionLeader => true;

        public bool IsAdministrator => true;

        public void TakeAway(Terminal terminal) => CurrentTerminal = null;

        public void HangUp(Terminal terminal, int foregroundGroup) => CurrentTerminal = null;

        public Errno StopBackground(Signal signal) => Errno.None;

        public void SignalGroup(int processGroup, Signal signal)
        {
        }

        public void SignalFirstProcess(Signal signal) => Signals.Add(signal);

        public bool TryGetSession(int processGroup, out int session)
        {
            session = 1;
            return true;
        }
    }
}
