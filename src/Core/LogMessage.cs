using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Semitone.Core;

/// <summary>One message on its way into the log: what the compiler turns <c>log.Info($"...")</c> into.</summary>
/// <remarks>
/// Holds the log's lock from its making to <see cref="Finish"/>: what is put into the holes must not throw, and so be made before.
/// What does not fit in a line is cut off.
/// </remarks>
[InterpolatedStringHandler]
public ref struct LogMessage
{
    private readonly byte[] _buffer;
    private int _length;

    public LogMessage(int literalLength, int formattedCount, KernelLog log)
    {
        _buffer = log.TakeLine();
        _length = 0;
    }

    public void AppendLiteral(string text) => AppendFormatted(text);

    public void AppendFormatted(string? text) => AppendFormatted(text.AsSpan());

    /// <summary>Appends text, cut off where the line ends, with control characters, which a file's name may have, as '?'.</summary>
    public void AppendFormatted(ReadOnlySpan<char> text)
    {
        // As much as there is room for; Encoding.TryGetBytes would write nothing then.
        Span<byte> free = Free;
        Utf8.FromUtf16(text, free, out _, out int written);
        foreach (ref byte value in free[..written])
        {
            value = value is < 0x20 or 0x7F ? (byte)'?' : value;
        }

        _length += written;
    }

    /// <summary>Appends bytes as they are, but control characters, which a guest could garble the console with, as '?'.</summary>
    public void AppendFormatted(ReadOnlySpan<byte> bytes)
    {
        int count = Math.Min(bytes.Length, Free.Length);
        for (int i = 0; i < count; i++)
        {
            _buffer[_length++] = bytes[i] is < 0x20 or 0x7F ? (byte)'?' : bytes[i];
        }
    }

    public void AppendFormatted(byte[] bytes) => AppendFormatted(bytes.AsSpan());

    public void AppendFormatted(int value) => AppendFormatted((long)value);

    public void AppendFormatted(long value)
    {
        if (value.TryFormat(Free, out int written, default, null))
        {
            _length += written;
        }
    }

    public void AppendFormatted(ulong value)
    {
        if (value.TryFormat(Free, out int written, default, null))
        {
            _length += written;
        }
    }

    /// <summary>Appends a number in the given format: <c>x</c> for hexadecimal.</summary>
    public void AppendFormatted(ulong value, string format)
    {
        if (value.TryFormat(Free, out int written, format, null))
        {
            _length += written;
        }
    }

    /// <summary>Ends the line.</summary>
    internal ReadOnlySpan<byte> Finish()
    {
        _buffer[_length++] = (byte)'\n';
        return _buffer.AsSpan(0, _length);
    }

    /// <summary>What is left of the line but its end.</summary>
    private readonly Span<byte> Free => _buffer.AsSpan(_length, _buffer.Length - 1 - _length);
}
