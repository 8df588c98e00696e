namespace Semitone.BootParameters;

/// <summary>Takes a command line apart into words.</summary>
/// <remarks>
/// White space parts words. A backslash takes the meaning from a following blank, quote or backslash, within "..." from a following
/// <c>"</c> or backslash, within '...' from nothing; before anything else it is a byte like any other.
/// Every word is decoded into the one buffer that the caller gives, which is as long as the text.
/// </remarks>
internal ref struct CommandLineReader
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly Span<byte> _buffer;
    private int _position;
    private int _used;

    public CommandLineReader(ReadOnlySpan<byte> text, Span<byte> buffer)
    {
        _text = text;
        _buffer = buffer;
    }

    /// <summary>Takes the next word.</summary>
    /// <returns>False at the end of the line.</returns>
    public bool TryRead(out CommandLineWord word)
    {
        while (_position < _text.Length && IsBlank(_text[_position]))
        {
            _position++;
        }

        word = default;
        if (_position == _text.Length)
        {
            return false;
        }

        int start = _used;
        int plainLength = -1;
        bool endsPlain = true;
        byte quote = 0;
        while (_position < _text.Length)
        {
            byte value = _text[_position];
            if (quote == 0 && IsBlank(value))
            {
                break;
            }

            _position++;
            if (value == quote || (quote == 0 && value is (byte)'"' or (byte)'\''))
            {
                quote = quote == 0 ? value : (byte)0;
                plainLength = plainLength < 0 ? _used - start : plainLength;
                endsPlain = false;
                continue;
            }

            endsPlain = quote == 0;
            if (value == '\\' && _position < _text.Length && IsEscapable(_text[_position], quote))
            {
                value = _text[_position++];
                plainLength = plainLength < 0 ? _used - start : plainLength;
                endsPlain = false;
            }

            _buffer[_used++] = value;
        }

        ReadOnlySpan<byte> bytes = _buffer[start.._used];
        word = new CommandLineWord(bytes, plainLength < 0 ? bytes.Length : plainLength, plainLength < 0, endsPlain, quote != 0);
        return true;
    }

    private static bool IsBlank(byte value) => value is (byte)' ' or (>= (byte)'\t' and <= (byte)'\r');

    private static bool IsEscapable(byte value, byte quote) => quote switch
    {
        0 => IsBlank(value) || value is (byte)'"' or (byte)'\'' or (byte)'\\',
        (byte)'"' => value is (byte)'"' or (byte)'\\',
        _ => false,
    };
}
