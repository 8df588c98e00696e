using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Semitone.Core;

/// <summary>One message on its way into the log: what the compiler turns <c>log.Info($"...")</c> into.</summary>
/// <remarks>
/// The line is put together in the message itself, on the stack: nothing is allocated, and no lock is held while the holes are filled.
/// What does not fit in a line is cut off.
/// </remarks>
[InterpolatedStringHandler]
public ref struct LogMessage
{
    /// <summary>Bytes of a line, with its end.</summary>
    internal const int LineCapacity = 512;

    /// <summary>Bytes that are kept free in front of the text, for time and level.</summary>
    internal const int PrefixCapacity = 48;

    private Line _line;
    private int _end;

    public LogMessage(int literalLength, int formattedCount)
    {
        _end = PrefixCapacity;
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

        _end += written;
    }

    /// <summary>Appends bytes as they are, but control characters, which a guest could garble the console with, as '?'.</summary>
    public void AppendFormatted(ReadOnlySpan<byte> bytes)
    {
        Span<byte> free = Free;
        int count = Math.Min(bytes.Length, free.Length);
        for (int i = 0; i < count; i++)
        {
            free[i] = bytes[i] is < 0x20 or 0x7F ? (byte)'?' : bytes[i];
        }

        _end += count;
    }

    public void AppendFormatted(byte[] bytes) => AppendFormatted(bytes.AsSpan());

    public void AppendFormatted(int value) => AppendFormatted((long)value);

    public void AppendFormatted(long value)
    {
        if (value.TryFormat(Free, out int written, default, null))
        {
            _end += written;
        }
    }

    public void AppendFormatted(ulong value)
    {
        if (value.TryFormat(Free, out int written, default, null))
        {
            _end += written;
        }
    }

    /// <summary>Appends a number in the given format: <c>x</c> for hexadecimal.</summary>
    public void AppendFormatted(ulong value, string format)
    {
        if (value.TryFormat(Free, out int written, format, null))
        {
            _end += written;
        }
    }

    /// <summary>What was put together so far.</summary>
    [UnscopedRef]
    internal ReadOnlySpan<byte> Text => ((ReadOnlySpan<byte>)_line)[PrefixCapacity.._end];

    /// <summary>Ends the line, and puts what it begins with in front of it.</summary>
    /// <param name="prefix"><see cref="PrefixCapacity"/> bytes at most.</param>
    [UnscopedRef]
    internal ReadOnlySpan<byte> Finish(scoped ReadOnlySpan<byte> prefix)
    {
        Span<byte> line = _line;
        line[_end++] = (byte)'\n';
        int start = PrefixCapacity - prefix.Length;
        prefix.CopyTo(line[start..]);
        return line[start.._end];
    }

    /// <summary>What is left of the line but its end.</summary>
    [UnscopedRef]
    private Span<byte> Free => ((Span<byte>)_line)[_end..(PrefixCapacity + LineCapacity - 1)];

    [InlineArray(PrefixCapacity + LineCapacity)]
    private struct Line
    {
        private byte _first;
    }
}
