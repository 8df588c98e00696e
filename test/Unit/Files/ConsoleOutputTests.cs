using Semitone.Abi;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.HostLink;
using Semitone.Memory;

namespace Semitone.Unit.Files;

/// <summary>What a program's standard output does with a host that is slow to take it.</summary>
public sealed class ConsoleOutputTests
{
    private readonly FilesFixture _files = new();
    private readonly FakeConsole _console = new();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(16 * 1024)]
    [InlineData(1_000_000)]
    public void Write_AnyLength_IsFramedWhole(int length)
    {
        (_, OpenFile output) = Open();
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        IoCursor cursor = IoCursor.OverKernel(bytes);
        IoResult result = output.Write(ref cursor);
        Assert.Equal((length, Errno.None), (result.Bytes, result.Error));
        Assert.Equal(bytes, TakeOutput());
    }

    /// <summary>As with a full pipe: nothing is written, whoever polls or waits is told when there is room.</summary>
    [Fact]
    public void Write_HostThatTakesNothing_WaitsAndIsWoken()
    {
        (ConsoleStreams streams, OpenFile output) = Open();
        _console.IsFull = true;
        byte[] bytes = [1, 2, 3];
        IoCursor cursor = IoCursor.OverKernel(bytes);
        Assert.Equal(Errno.EAGAIN, output.Write(ref cursor).Error);
        Assert.Equal(0, cursor.Moved);
        Assert.Equal(PollEvents.None, output.Poll());
        Assert.Empty(TakeOutput());

        WakeCounter waiter = new();
        output.Enlist(waiter, PollEvents.POLLOUT);
        streams.OnInterrupt();
        Assert.Equal(0, waiter.Wakes);
        _console.IsFull = false;
        streams.OnInterrupt();
        Assert.Equal(1, waiter.Wakes);
        Assert.Equal(PollEvents.POLLOUT | PollEvents.POLLWRNORM, output.Poll());
        IoResult result = output.Write(ref cursor);
        Assert.Equal((3, Errno.None), (result.Bytes, result.Error));
        Assert.Equal(bytes, TakeOutput());
    }

    [Fact]
    public void Write_Nothing_NeedsNoRoom()
    {
        (_, OpenFile output) = Open();
        _console.IsFull = true;
        IoCursor cursor = IoCursor.OverKernel([]);
        Assert.Equal(Errno.None, output.Write(ref cursor).Error);
    }

    private (ConsoleStreams Streams, OpenFile Output) Open()
    {
        ConsoleStreams streams = new(_console, isLinked: true, [false, false, false]);
        FileTable table = new();
        streams.Install(table, _files.Mounts);
        Assert.True(table.TryGet(new Fd(1), out OpenFile? output, out _));
        return (streams, output);
    }

    private byte[] TakeOutput()
    {
        List<byte> bytes = [];
        LinkDecoder decoder = new();
        ReadOnlySpan<byte> output = _console.Output;
        while (decoder.TryNext(ref output, out LinkFrame frame))
        {
            Assert.Equal(LinkStream.StandardOutput, frame.Stream);
            bytes.AddRange(frame.Bytes);
        }

        _console.ClearOutput();
        return [.. bytes];
    }

    private sealed class WakeCounter : WaitListener
    {
        public int Wakes { get; private set; }

        protected override void OnWake() => Wakes++;
    }
}
