namespace Semitone.HostLink;

/// <summary>The host's side of the output direction: takes the serial line's bytes as they come and tells the streams apart.</summary>
/// <remarks>
/// Takes any bytes and never throws. What does not begin with a valid header is <see cref="LinkStream.Raw"/>, and the search for a header
/// goes on with the first byte that cannot belong to one. Payloads are handed on as they arrive; only control messages are gathered first.
/// </remarks>
public sealed class LinkDecoder
{
    private readonly byte[] _message = new byte[LinkFormat.MaxPayload];
    private readonly byte[] _header = new byte[LinkFormat.HeaderSize];
    private int _headerLength;
    private int _messageLength;
    private int _payloadLeft;

    /// <summary>Takes the next piece out of the input.</summary>
    /// <param name="input">What has arrived; moved past the bytes that were taken.</param>
    /// <param name="frame">The piece.</param>
    /// <returns>False when all input is taken and more is needed.</returns>
    public bool TryNext(ref ReadOnlySpan<byte> input, out LinkFrame frame)
    {
        while (!input.IsEmpty)
        {
            if (_payloadLeft > 0)
            {
                if (TryTakePayload(ref input, out frame))
                {
                    return true;
                }

                continue;
            }

            if (_headerLength == 0)
            {
                int marker = input.IndexOf(LinkFormat.Marker);
                if (marker != 0)
                {
                    int rawLength = marker < 0 ? input.Length : marker;
                    frame = new LinkFrame(LinkStream.Raw, input[..rawLength]);
                    input = input[rawLength..];
                    return true;
                }
            }

            if (!IsPossible(_headerLength, input[0]))
            {
                frame = new LinkFrame(LinkStream.Raw, _header.AsSpan(0, _headerLength));
                _headerLength = 0;
                return true;
            }

            _header[_headerLength++] = input[0];
            input = input[1..];
            if (_headerLength == LinkFormat.HeaderSize)
            {
                _headerLength = 0;
                _payloadLeft = _header[2] | (_header[3] << 8);
            }
        }

        frame = default;
        return false;
    }

    /// <summary>Gives up what is held back when the line has closed.</summary>
    /// <param name="frame">A header that was never completed, as raw bytes.</param>
    public bool TryFinish(out LinkFrame frame)
    {
        frame = new LinkFrame(LinkStream.Raw, _header.AsSpan(0, _headerLength));
        _headerLength = 0;
        return !frame.Bytes.IsEmpty;
    }

    private bool TryTakePayload(ref ReadOnlySpan<byte> input, out LinkFrame frame)
    {
        int length = Math.Min(_payloadLeft, input.Length);
        ReadOnlySpan<byte> bytes = input[..length];
        input = input[length..];
        _payloadLeft -= length;
        LinkStream stream = (LinkStream)_header[1];
        if (stream != LinkStream.Control)
        {
            frame = new LinkFrame(stream, bytes);
            return true;
        }

        bytes.CopyTo(_message.AsSpan(_messageLength));
        _messageLength += length;
        if (_payloadLeft > 0)
        {
            frame = default;
            return false;
        }

        frame = new LinkFrame((ControlKind)_message[0], _message.AsSpan(1, _messageLength - 1));
        _messageLength = 0;
        return true;
    }

    /// <summary>Tells whether a byte can stand at this place of a header.</summary>
    private bool IsPossible(int position, byte value)
    {
        switch (position)
        {
            case 0:
                return value == LinkFormat.Marker;
            case 1:
                return (LinkStream)value is > LinkStream.Raw and <= LinkStream.Control;
            case 2:
                return true;
            default:
                int length = _header[2] | (value << 8);
                return length is > 0 and <= LinkFormat.MaxPayload;
        }
    }
}
