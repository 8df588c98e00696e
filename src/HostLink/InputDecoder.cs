using System.Buffers.Binary;

namespace Semitone.HostLink;

/// <summary>The guest's side of the input direction.</summary>
/// <remarks>Allocates only when it is made. Takes any bytes and never throws: an unknown sequence is dropped, marker and kind.</remarks>
public sealed class InputDecoder
{
    private const int HeaderLength = 2;

    private static ReadOnlySpan<byte> EscapedMarker => [LinkFormat.Marker];

    private readonly byte[] _sequence = new byte[LinkFormat.MaxInputSequence];
    private int _sequenceLength;

    /// <summary>Takes the next piece out of what the serial line gave.</summary>
    /// <param name="input">What has arrived; moved past the bytes that were taken.</param>
    /// <param name="inputEvent">The piece.</param>
    /// <returns>False when all input is taken and more is needed.</returns>
    [NonAllocating]
    public bool TryNext(ref ReadOnlySpan<byte> input, out InputEvent inputEvent)
    {
        while (!input.IsEmpty)
        {
            if (_sequenceLength == 0)
            {
                int marker = input.IndexOf(LinkFormat.Marker);
                if (marker != 0)
                {
                    int length = marker < 0 ? input.Length : marker;
                    inputEvent = new InputEvent(input[..length]);
                    input = input[length..];
                    return true;
                }
            }

            _sequence[_sequenceLength++] = input[0];
            input = input[1..];
            if (TryCompleteSequence(out inputEvent))
            {
                return true;
            }
        }

        inputEvent = default;
        return false;
    }

    private bool TryCompleteSequence(out InputEvent inputEvent)
    {
        inputEvent = default;
        if (_sequenceLength < HeaderLength)
        {
            return false;
        }

        int bodyLength = GetBodyLength(_sequence[1]);
        if (bodyLength < 0)
        {
            _sequenceLength = 0;
            return false;
        }

        if (_sequenceLength < HeaderLength + bodyLength)
        {
            return false;
        }

        _sequenceLength = 0;
        if (_sequence[1] == (byte)InputEventKind.Time)
        {
            inputEvent = new InputEvent(
                _sequence[2],
                BinaryPrimitives.ReadInt64LittleEndian(_sequence.AsSpan(3)),
                BinaryPrimitives.ReadUInt32LittleEndian(_sequence.AsSpan(11)) | ((ulong)_sequence[15] << 32));
            return true;
        }

        uint body = 0;
        for (int i = 0; i < bodyLength; i++)
        {
            body |= (uint)_sequence[HeaderLength + i] << (8 * i);
        }

        inputEvent = _sequence[1] == LinkFormat.Marker ? new InputEvent(EscapedMarker) : new InputEvent((InputEventKind)_sequence[1], body);
        return true;
    }

    /// <summary>Bytes behind a kind; -1 for one that is not known.</summary>
    private static int GetBodyLength(byte kind) => kind switch
    {
        LinkFormat.Marker or (byte)InputEventKind.EndOfFile or (byte)InputEventKind.Answered => 0,
        (byte)InputEventKind.Signal => 1,
        (byte)InputEventKind.WindowSize or (byte)InputEventKind.Readable => 4,
        (byte)InputEventKind.Time => LinkFormat.TimeSize - HeaderLength,
        _ => -1,
    };
}
