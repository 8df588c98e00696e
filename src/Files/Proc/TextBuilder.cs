using System.Buffers.Text;
using System.Text;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>Puts the text of a file together that the kernel makes up when it is read.</summary>
public sealed class TextBuilder
{
    private const int NumberLength = 20;

    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Whether the text is not all there, because the kernel's memory did not hold it.</summary>
    public bool IsIncomplete { get; private set; }

    public void Clear()
    {
        Length = 0;
        IsIncomplete = false;
    }

    public TextBuilder Append(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Reserve(text.Length));
        Length += text.Length;
        return this;
    }

    public TextBuilder Append(string text)
    {
        Span<byte> destination = Reserve(Encoding.UTF8.GetMaxByteCount(text.Length));
        Length += Encoding.UTF8.GetBytes(text, destination);
        return this;
    }

    public TextBuilder Append(long value)
    {
        Utf8Formatter.TryFormat(value, Reserve(NumberLength), out int written);
        Length += written;
        return this;
    }

    public TextBuilder Append(ulong value)
    {
        Utf8Formatter.TryFormat(value, Reserve(NumberLength), out int written);
        Length += written;
        return this;
    }

    public TextBuilder Append(char ascii)
    {
        Reserve(1)[0] = (byte)ascii;
        Length++;
        return this;
    }

    /// <summary>Appends a number with spaces in front of it.</summary>
    public TextBuilder AppendPadded(long value, int width)
    {
        int start = Length;
        Append(value);
        int missing = width - (Length - start);
        if (missing > 0)
        {
            Reserve(missing);
            _bytes.AsSpan(start, Length - start).CopyTo(_bytes.AsSpan(start + missing));
            _bytes.AsSpan(start, missing).Fill((byte)' ');
            Length += missing;
        }
        return this;
    }

    /// <summary>Appends a number as at least so many hexadecimal digits.</summary>
    public TextBuilder AppendHex(ulong value, int digits = 1) => AppendHex(value, digits, "0123456789abcdef"u8);

    /// <summary>The same with capital letters.</summary>
    public TextBuilder AppendUpperHex(ulong value, int digits) => AppendHex(value, digits, "0123456789ABCDEF"u8);

    /// <summary>Appends an octal number with a leading 0.</summary>
    public TextBuilder AppendOctal(uint value)
    {
        Append('0');
        if (value == 0)
        {
            return this;
        }
        for (int shift = (31 - System.Numerics.BitOperations.LeadingZeroCount(value)) / 3 * 3; shift >= 0; shift -= 3)
        {
            Append((char)('0' + ((value >> shift) & 7)));
        }
        return this;
    }

    /// <summary>Appends a number with leading zeros.</summary>
    public TextBuilder AppendDigits(long value, int digits)
    {
        long unit = 1;
        for (int i = 1; i < digits; i++)
        {
            unit *= 10;
        }
        for (; unit > 0; unit /= 10)
        {
            Append((char)('0' + (value / unit % 10)));
        }
        return this;
    }

    /// <summary>Appends seconds with two decimals.</summary>
    public TextBuilder AppendSeconds(long ns)
    {
        long hundredths = ns / 10_000_000;
        Append(hundredths / 100).Append('.');
        long rest = hundredths % 100;
        return Append((char)('0' + (rest / 10))).Append((char)('0' + (rest % 10)));
    }

    /// <summary>Appends columns of spaces up to a column of the line that started at an offset.</summary>
    public TextBuilder PadLine(int lineStart, int column)
    {
        // Without memory the text begins anew, and the line is gone.
        for (int missing = column - (Length - lineStart); missing > 0 && !IsIncomplete; missing--)
        {
            Append(' ');
        }
        return this;
    }

    private TextBuilder AppendHex(ulong value, int digits, ReadOnlySpan<byte> alphabet)
    {
        int needed = Math.Max(digits, (64 - System.Numerics.BitOperations.LeadingZeroCount(value) + 3) / 4);
        Span<byte> destination = Reserve(needed);
        for (int i = needed - 1; i >= 0; i--)
        {
            destination[i] = alphabet[(int)(value & 0xF)];
            value >>= 4;
        }
        Length += needed;
        return this;
    }

    private Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count && !KernelHeap.TryResize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count), sizeof(byte)))
        {
            IsIncomplete = true;
            Length = 0;
            _bytes = _bytes.Length < count ? new byte[count] : _bytes;
        }
        return _bytes.AsSpan(Length);
    }
}
