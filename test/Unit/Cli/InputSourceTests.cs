using Semitone.Cli.Posix;
using Semitone.Cli.Running;
using Semitone.HostLink;

namespace Semitone.Unit.Cli;

/// <summary>What is read of standard input for the guest, and what is there for whoever reads next.</summary>
public sealed class InputSourceTests : IDisposable
{
    private const int Size = 20_000;

    private readonly TemporaryTree _tree = new();
    private readonly byte[] _content = [.. Enumerable.Range(0, Size).Select(i => (byte)(i * 7))];
    private readonly byte[] _buffer = new byte[LinkFormat.InputRoom];

    public void Dispose() => _tree.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(Size)]
    public void GiveBack_RegularFile_LeavesItWhereTheProgramHasReadTo(int taken)
    {
        const int Before = 100;
        _tree.Add("/input", [.. new byte[Before], .. _content]);
        using FileStream file = HostFile.OpenStream(_tree["/input"]);
        int descriptor = (int)file.SafeFileHandle.DangerousGetHandle();
        Assert.Equal(Before, LibC.lseek(descriptor, Before, LibC.SEEK_CUR));
        InputSource source = new(descriptor);
        List<byte> all = [];
        int requests = 0;
        while (all.Count < Math.Max(taken, 1))
        {
            int length = source.Read(_buffer, 1);
            Assert.NotEqual(0, length);
            all.AddRange(_buffer.AsSpan(0, length));
            requests++;
        }

        Assert.Equal(_content[..all.Count], all);
        Assert.InRange(requests, 1, 16);
        source.GiveBack((uint)taken);
        source.GiveBack(0);
        Assert.Equal(0, source.Read(_buffer, 1));
        Assert.Equal(Before + taken, LibC.lseek(descriptor, 0, LibC.SEEK_CUR));
    }

    [Fact]
    public void Read_FirstRequest_TakesNoMoreThanItIs()
    {
        _tree.Add("/input", _content);
        using FileStream file = HostFile.OpenStream(_tree["/input"]);
        InputSource source = new((int)file.SafeFileHandle.DangerousGetHandle());
        Assert.Equal(3, source.Read(_buffer, 3));
        Assert.Equal(LinkFormat.InputRoom, source.Read(_buffer, LinkFormat.InputRoom));
    }

    [Fact]
    public void Read_Pipe_TakesNoMoreThanWasAskedFor()
    {
        int[] pipe = new int[2];
        Assert.Equal(0, LibC.pipe2(pipe, LibC.O_CLOEXEC));
        try
        {
            Assert.True(Descriptor.TryWrite(pipe[1], _content.AsSpan(0, 100)));
            InputSource source = new(pipe[0]);
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(1, source.Read(_buffer, 1));
                Assert.Equal(_content[i], _buffer[0]);
            }

            source.GiveBack(20);
            Assert.Equal(80, Descriptor.Read(pipe[0], _buffer));
        }
        finally
        {
            LibC.close(pipe[0]);
            LibC.close(pipe[1]);
        }
    }
}
