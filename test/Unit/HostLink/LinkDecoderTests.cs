using System.Text;
using CsCheck;
using Semitone.HostLink;

namespace Semitone.Unit.HostLink;

public sealed class LinkDecoderTests
{
    private static readonly Gen<(LinkStream Stream, byte[] Payload)> s_frame = Gen.Select(
        Gen.Enum<LinkStream>(),
        Gen.Byte.Array[1, 40],
        (stream, payload) => (stream, stream == LinkStream.Raw ? WithoutMarkers(payload) : payload));

    [Fact]
    public void TryNext_FramesSplitAtAnyByte_GivesEveryStreamItsBytes()
    {
        Gen.Select(s_frame.Array[0, 8], Gen.Int[1, 50].Array[1, 30]).Sample((frames, cuts) =>
        {
            byte[] line = [.. frames.SelectMany(frame => Encode(frame.Stream, frame.Payload))];
            Transcript transcript = Decode(line, cuts);
            foreach (LinkStream stream in Enum.GetValues<LinkStream>())
            {
                byte[] expected = [.. frames.Where(frame => frame.Stream == stream).SelectMany(frame => frame.Payload)];
                Assert.Equal(expected, transcript.BytesOf(stream));
            }
        });
    }

    [Fact]
    public void TryNext_EveryTwoWaySplitOfAMessage_GivesTheMessageOnce()
    {
        byte[] line = [.. "boot\n"u8, .. Encode(LinkStream.StandardOutput, "a\xF5z"), .. Control(ControlKind.Exited, [42]), .. "end"u8];
        for (int split = 0; split <= line.Length; split++)
        {
            Transcript transcript = Decode(line, [Math.Max(split, 1), line.Length]);
            Assert.Equal([(ControlKind.Exited, "2A")], transcript.Messages);
            Assert.Equal("boot\nend"u8.ToArray(), transcript.BytesOf(LinkStream.Raw));
            Assert.Equal(Encoding.Latin1.GetBytes("a\xF5z"), transcript.BytesOf(LinkStream.StandardOutput));
        }
    }

    [Fact]
    public void TryNext_Garbage_NeverThrowsAndLosesOnlyHeaders()
    {
        Gen.Select(Gen.OneOf(Gen.Byte, Gen.Const(LinkFormat.Marker), Gen.Byte[0, 5]).Array[0, 300], Gen.Int[1, 9].Array[1, 30]).Sample(
            (line, cuts) =>
            {
                Transcript transcript = Decode(line, cuts);
                Assert.InRange(transcript.TotalBytes, 0, line.Length);
            });
    }

    [Theory]
    [InlineData(new byte[] { 0xF5, 9 })]
    [InlineData(new byte[] { 0xF5, 0 })]
    [InlineData(new byte[] { 0xF5, 1, 0, 0 })]
    [InlineData(new byte[] { 0xF5, 1, 1, 0x40 })]
    [InlineData(new byte[] { 0xF5, 0x41 })]
    public void TryNext_ImpossibleHeader_IsRawAndTheNextFrameIsFound(byte[] garbage)
    {
        Transcript transcript = Decode([.. garbage, .. Encode(LinkStream.StandardError, "found")], [1]);
        Assert.Equal(garbage, transcript.BytesOf(LinkStream.Raw));
        Assert.Equal("found"u8.ToArray(), transcript.BytesOf(LinkStream.StandardError));
    }

    [Fact]
    public void TryNext_MarkerAfterMarker_BeginsTheHeaderAnew()
    {
        Transcript transcript = Decode([LinkFormat.Marker, .. Encode(LinkStream.StandardOutput, "x")], [100]);
        Assert.Equal([LinkFormat.Marker], transcript.BytesOf(LinkStream.Raw));
        Assert.Equal("x"u8.ToArray(), transcript.BytesOf(LinkStream.StandardOutput));
    }

    [Fact]
    public void TryFinish_LineEndsInAHeader_GivesItAsRaw()
    {
        Transcript transcript = Decode([LinkFormat.Marker, 2, 7], [100]);
        Assert.Equal([LinkFormat.Marker, 2, 7], transcript.BytesOf(LinkStream.Raw));
    }

    [Fact]
    public void WriteHeader_AllocatesNothing()
    {
        Span<byte> header = stackalloc byte[LinkFormat.HeaderSize];
        LinkEncoder.WriteHeader(header, LinkStream.StandardOutput, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        LinkEncoder.WriteHeader(header, LinkStream.StandardOutput, LinkFormat.MaxPayload);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal([0xF5, 1, 0, 0x40], header.ToArray());
    }

    [Fact]
    public void WriteControl_BodyTooLong_IsCutOff()
    {
        byte[] line = Control(ControlKind.Panic, new byte[LinkFormat.MaxPayload]);
        Assert.Equal(LinkFormat.HeaderSize + LinkFormat.MaxPayload, line.Length);
        Assert.Single(Decode(line, [1000]).Messages);
    }

    private static byte[] Encode(LinkStream stream, string latin1) => Encode(stream, Encoding.Latin1.GetBytes(latin1));

    private static byte[] Encode(LinkStream stream, byte[] payload)
    {
        if (stream == LinkStream.Raw)
        {
            return payload;
        }

        byte[] frame = new byte[LinkFormat.HeaderSize + payload.Length];
        LinkEncoder.WriteHeader(frame, stream, payload.Length);
        payload.CopyTo(frame, LinkFormat.HeaderSize);
        return frame;
    }

    private static byte[] Control(ControlKind kind, byte[] body)
    {
        byte[] room = new byte[LinkFormat.HeaderSize + 1 + body.Length];
        int length = LinkEncoder.WriteControl(room, kind, body);
        return room[..length];
    }

    private static byte[] WithoutMarkers(byte[] bytes) => [.. bytes.Select(value => value == LinkFormat.Marker ? (byte)' ' : value)];

    private static Transcript Decode(byte[] line, int[] cuts)
    {
        Transcript transcript = new();
        LinkDecoder decoder = new();
        int position = 0;
        for (int i = 0; position < line.Length; i++)
        {
            int length = Math.Min(cuts[i % cuts.Length], line.Length - position);
            ReadOnlySpan<byte> input = line.AsSpan(position, length);
            position += length;
            while (decoder.TryNext(ref input, out LinkFrame frame))
            {
                transcript.Add(frame);
            }

            Assert.True(input.IsEmpty);
        }

        if (decoder.TryFinish(out LinkFrame rest))
        {
            transcript.Add(rest);
        }

        return transcript;
    }

    /// <summary>What a decoder has said, stream by stream.</summary>
    private sealed class Transcript
    {
        private readonly Dictionary<LinkStream, List<byte>> _bytes = [];

        public List<(ControlKind Kind, string Body)> Messages { get; } = [];

        public int TotalBytes => _bytes.Values.Sum(bytes => bytes.Count);

        public byte[] BytesOf(LinkStream stream) => _bytes.TryGetValue(stream, out List<byte>? bytes) ? [.. bytes] : [];

        public void Add(LinkFrame frame)
        {
            if (!_bytes.TryGetValue(frame.Stream, out List<byte>? bytes))
            {
                _bytes[frame.Stream] = bytes = [];
            }

            if (frame.Stream == LinkStream.Control)
            {
                Messages.Add((frame.Control, Convert.ToHexString(frame.Bytes)));
                bytes.Add((byte)frame.Control);
            }
            else
            {
                Assert.False(frame.Bytes.IsEmpty);
            }

            bytes.AddRange(frame.Bytes);
        }
    }
}
