using System.Buffers.Binary;
using Semitone.Core;
using Semitone.Fakes;
using Semitone.Files;
using Semitone.HostLink;

namespace Semitone.Unit.Core;

/// <summary>Question and answer over the serial line.</summary>
public class HostLineTests
{
    [Fact]
    public void AskTime_AnswerAmongStandardInput_ReachesTheListener()
    {
        FakeConsole console = new();
        ConsoleStreams streams = new(console, isLinked: true, [true, true, true]);
        Listener listener = new();
        streams.TimeListener = listener;
        streams.AskTime(7);
        Assert.Equal([LinkFormat.Marker, (byte)LinkStream.Control, 2, 0, (byte)ControlKind.TimeRequest, 7], console.Output);

        byte[] answer = new byte[LinkFormat.TimeSize];
        InputEncoder.WriteTime(answer, 7, 1_700_000_000_000_000_001, 0xFF_1234_5678);
        console.Enter("typed"u8);
        console.Enter(answer);
        streams.TakeInput();
        Assert.Equal([((byte)7, 1_700_000_000_000_000_001, 0xFF_1234_5678UL)], listener.Heard);
    }

    [Fact]
    public void TimeSequence_NobodyListens_IsDropped()
    {
        FakeConsole console = new();
        ConsoleStreams streams = new(console, isLinked: true, [true, true, true]);
        byte[] answer = new byte[LinkFormat.TimeSize];
        InputEncoder.WriteTime(answer, 1, long.MinValue, ulong.MaxValue);
        console.Enter(answer);
        streams.TakeInput();
        Assert.False(console.HasInput);
    }

    private sealed class Listener : IHostTimeListener
    {
        public List<(byte Sequence, long RealtimeNs, ulong MonotonicUs)> Heard { get; } = [];

        public void OnHostTime(byte sequence, long realtimeNs, ulong monotonicUs) => Heard.Add((sequence, realtimeNs, monotonicUs));
    }
}
