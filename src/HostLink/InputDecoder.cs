using System.Buffers.Binary;

namespace Semitone.HostLink;

/// <summary>The guest's side of the input direction.</summary>
/// <remarks>Allocates only when it is made. Takes any bytes and never throws: an unknown sequence is dropped, marker and kind.</remarks>
public sealed class InputDecoder
{
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
        if (_sequenceLength < 2)
        {
            return false;
        }

        switch (_sequence[1])
        {
            case LinkFormat.Marker:
                inputEvent = new InputEvent(EscapedMarker);
                break;
            case (byte)InputEventKind.EndOfFile:
                inputEvent = new InputEvent(InputEventKind.EndOfFile);
                break;
            case (byte)InputEventKind.WindowSize when _sequenceLength < LinkFormat.WindowSizeSize:
            case (byte)InputEventKind.Time when _sequenceLength < LinkFormat.TimeSize:
                return false;
            case (byte)InputEventKind.Time:
                inputEvent = new InputEvent(
                    _sequence[2],
                    BinaryPrimitives.ReadInt64LittleEndian(_sequence.AsSpan(3)),
                    BinaryPrimitives.ReadUInt32LittleEndian(_sequence.AsSpan(11)) | ((ulong)_sequence[15] << 32));
                break;
            case (byte)InputEventKind.WindowSize:
                inputEvent = new InputEvent(
                    InputEventKind.WindowSize,
                    rows: (ushort)(_sequence[2] | (_sequence[3] << 8)),
                    columns: (ushort)(_sequence[4] | (_sequence[5] << 8)));
                break;
            default:
                _sequenceLength = 0;
                return false;
        }

        _sequenceLength = 0;
        return true;
    }
}
