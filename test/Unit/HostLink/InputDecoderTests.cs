using CsCheck;
using Semitone.HostLink;

namespace Semitone.Unit.HostLink;

public sealed class InputDecoderTests
{
    [Fact]
    public void TryNext_DataSplitAtAnyByte_ComesBackWhole()
    {
        Gen<byte> value = Gen.OneOf(Gen.Byte, Gen.Const(LinkFormat.Marker));
        Gen.Select(value.Array[0, 100], Gen.Int[2, 9], Gen.Int[1, 9]).Sample((data, room, cut) =>
        {
            List<byte> line = [];
            ReadOnlySpan<byte> left = data;
            byte[] buffer = new byte[room];
            while (!left.IsEmpty)
            {
                int length = InputEncoder.WriteData(left, buffer, out int consumed);
                line.AddRange(buffer.AsSpan(0, length));
                left = left[consumed..];
            }

            Assert.Equal(data, Decode([.. line], cut).Data);
        });
    }

    [Fact]
    public void TryNext_SizeDataAndEnd_ComeInOrderAtEverySplit()
    {
        byte[] line = new byte[30];
        int length = InputEncoder.WriteWindowSize(line, rows: 50, columns: 0x1F5);
        line[length++] = (byte)'a';
        length += InputEncoder.WriteSignal(line.AsSpan(length), signal: 15);
        length += InputEncoder.WriteAnswered(line.AsSpan(length));
        length += InputEncoder.WriteReadable(line.AsSpan(length), count: 0x01F5_0203);
        length += InputEncoder.WriteEndOfFile(line.AsSpan(length));
        for (int cut = 1; cut <= length; cut++)
        {
            (byte[] data, List<string> events) = Decode(line[..length], cut);
            Assert.Equal("a"u8.ToArray(), data);
            Assert.Equal(["WindowSize 50 501", "Data", "Signal 15", "Answered", $"Readable {0x01F5_0203}", "EndOfFile"], events);
        }
    }

    [Fact]
    public void TryNext_TimeAmongData_ComesWholeAtEverySplit()
    {
        Gen.Select(Gen.Byte, Gen.Long, Gen.ULong[0, (1UL << 40) - 1]).Sample((sequence, realtimeNs, monotonicUs) =>
        {
            byte[] line = new byte[LinkFormat.TimeSize + 2];
            line[0] = (byte)'a';
            int length = 1 + InputEncoder.WriteTime(line.AsSpan(1), sequence, realtimeNs, monotonicUs);
            line[length++] = (byte)'b';
            for (int cut = 1; cut <= length; cut++)
            {
                (byte[] data, List<string> events) = Decode(line[..length], cut);
                Assert.Equal("ab"u8.ToArray(), data);
                Assert.Equal(["Data", $"Time {sequence} {realtimeNs} {monotonicUs}", "Data"], events);
            }
        });
    }

    /// <summary>The kernel takes the answer while it boots, when nothing refills a UART's buffer of 16 bytes.</summary>
    [Fact]
    public void WriteTime_FitsIntoTheBufferOfAUart() => Assert.InRange(LinkFormat.TimeSize, 1, 16);

    [Fact]
    public void TryNext_UnknownSequence_IsDropped()
    {
        (byte[] data, _) = Decode([1, LinkFormat.Marker, 0x77, 2], cut: 1);
        Assert.Equal([1, 2], data);
    }

    [Fact]
    public void TryNext_Garbage_NeverThrows()
    {
        Gen.Select(Gen.OneOf(Gen.Byte, Gen.Const(LinkFormat.Marker), Gen.Byte[0, 3]).Array[0, 200], Gen.Int[1, 20]).Sample((line, cut) =>
        {
            Assert.InRange(Decode(line, cut).Data.Length, 0, line.Length);
        });
    }

    private static (byte[] Data, List<string> Events) Decode(byte[] line, int cut)
    {
        List<byte> data = [];
        List<string> events = [];
        InputDecoder decoder = new();
        for (int position = 0; position < line.Length; position += cut)
        {
            ReadOnlySpan<byte> input = line.AsSpan(position, Math.Min(cut, line.Length - position));
            while (decoder.TryNext(ref input, out InputEvent inputEvent))
            {
                data.AddRange(inputEvent.Data);
                events.Add(inputEvent.Kind switch
                {
                    InputEventKind.WindowSize => $"WindowSize {inputEvent.Rows} {inputEvent.Columns}",
                    InputEventKind.Signal => $"Signal {inputEvent.Signal}",
                    InputEventKind.Readable => $"Readable {inputEvent.Count}",
                    InputEventKind.Time => $"Time {inputEvent.Sequence} {inputEvent.RealtimeNs} {inputEvent.MonotonicUs}",
                    _ => inputEvent.Kind.ToString(),
                });
            }
        }

        return ([.. data], events);
    }
}
