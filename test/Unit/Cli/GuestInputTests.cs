using Semitone.Cli.Posix;
using Semitone.Cli.Running;
using Semitone.HostLink;

namespace Semitone.Unit.Cli;

public sealed class GuestInputTests : IDisposable
{
    private readonly int[] _pipe = new int[2];

    public GuestInputTests() => Assert.Equal(0, LibC.pipe2(_pipe, LibC.O_CLOEXEC));

    [Fact]
    public void Answer_LineIsFree_SendsTheTimeOfThisMoment()
    {
        GuestInput input = new(_pipe[1]);
        long before = GetRealtimeNs();
        input.Answer(42);
        long after = GetRealtimeNs();

        byte[] bytes = new byte[100];
        int length = Descriptor.Read(_pipe[0], bytes);
        Assert.Equal(LinkFormat.TimeSize, length);
        ReadOnlySpan<byte> line = bytes.AsSpan(0, length);
        Assert.True(new InputDecoder().TryNext(ref line, out InputEvent answer));
        Assert.Equal((InputEventKind.Time, (byte)42), (answer.Kind, answer.Sequence));
        Assert.InRange(answer.RealtimeNs, before, after);
        Assert.InRange(answer.MonotonicUs, 1UL, (1UL << 40) - 1);
    }

    /// <summary>
    /// It is the thread that empties the machine's output that answers: if it waited for the machine to take input, both would wait for
    /// ever.
    /// </summary>
    [Fact]
    public async Task Answer_MachineTakesNoInput_ReturnsAndTheAnswerFollows()
    {
        const int Size = 300_000;
        GuestInput input = new(_pipe[1]);
        Task sender = Task.Run(() => input.Send(new byte[Size]), TestContext.Current.CancellationToken);
        while (Descriptor.CanWrite(_pipe[1]))
        {
            await Task.Yield();
        }

        Task answerer = Task.Run(() => input.Answer(7), TestContext.Current.CancellationToken);
        Assert.Same(answerer, await Task.WhenAny(answerer, Task.Delay(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)));
        Assert.False(sender.IsCompleted);

        List<byte> received = [];
        byte[] buffer = new byte[65536];
        while (received.Count < Size + LinkFormat.TimeSize)
        {
            received.AddRange(buffer.AsSpan(0, Descriptor.Read(_pipe[0], buffer)));
        }

        await sender;
        Assert.Equal([LinkFormat.Marker, (byte)InputEventKind.Time, 7], received[Size..(Size + 3)]);
    }

    public void Dispose()
    {
        LibC.close(_pipe[0]);
        LibC.close(_pipe[1]);
    }

    private static long GetRealtimeNs() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
}
