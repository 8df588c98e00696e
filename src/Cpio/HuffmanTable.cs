namespace Semitone.Cpio;

/// <summary>
/// A prefix code of the deflate format (RFC 1951, 3.2.2), decoded by one look-up for short codes and bit by bit for long ones.
/// </summary>
internal sealed class HuffmanTable(int symbols)
{
    public const int MaximumLength = 15;

    private const int FastBits = 9;

    // Symbol and length (symbol << 4 | length) by the next bits; 0 for a code that is longer or none.
    private readonly ushort[] _fast = new ushort[1 << FastBits];
    private readonly ushort[] _sorted = new ushort[symbols];
    private readonly ushort[] _counts = new ushort[MaximumLength + 1];

    /// <summary>Makes the code out of the lengths of its words.</summary>
    /// <returns>False for lengths that make no prefix code.</returns>
    public bool TryBuild(ReadOnlySpan<byte> lengths)
    {
        Array.Clear(_fast);
        Array.Clear(_counts);
        foreach (byte length in lengths)
        {
            _counts[length]++;
        }
        int used = lengths.Length - _counts[0];
        _counts[0] = 0;

        Span<ushort> next = stackalloc ushort[MaximumLength + 2];
        Span<ushort> offsets = stackalloc ushort[MaximumLength + 2];
        int left = 1;
        int code = 0;
        for (int length = 1; length <= MaximumLength; length++)
        {
            left = (left << 1) - _counts[length];
            if (left < 0)
            {
                return false;
            }
            code = (code + _counts[length - 1]) << 1;
            next[length] = (ushort)code;
            offsets[length + 1] = (ushort)(offsets[length] + _counts[length]);
        }
        // Incomplete is only a code of one word (one distance), or none at all.
        if (left > 0 && used > 1)
        {
            return false;
        }

        for (int symbol = 0; symbol < lengths.Length; symbol++)
        {
            int length = lengths[symbol];
            if (length == 0)
            {
                continue;
            }
            _sorted[offsets[length]++] = (ushort)symbol;
            int word = next[length]++;
            if (length <= FastBits)
            {
                int reversed = Reverse(word, length);
                for (int i = reversed; i < _fast.Length; i += 1 << length)
                {
                    _fast[i] = (ushort)((symbol << 4) | length);
                }
            }
        }
        return true;
    }

    /// <summary>Takes one symbol.</summary>
    /// <returns>-1 at the end of the input, or for bits that are no word of the code.</returns>
    public int Read(BitReader bits)
    {
        int available = bits.Fill(MaximumLength);
        ushort fast = _fast[bits.Peek(FastBits)];
        if (fast != 0)
        {
            int length = fast & 0xF;
            if (length > available)
            {
                return -1;
            }
            bits.Drop(length);
            return fast >> 4;
        }

        // Canonical codes of one length are consecutive numbers: count up through the lengths.
        uint peeked = bits.Peek(MaximumLength);
        int code = 0;
        int first = 0;
        int index = 0;
        for (int length = 1; length <= MaximumLength && length <= available; length++)
        {
            code |= (int)(peeked & 1);
            peeked >>= 1;
            int count = _counts[length];
            if (code - first < count)
            {
                bits.Drop(length);
                return _sorted[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        return -1;
    }

    private static int Reverse(int word, int length)
    {
        int reversed = 0;
        for (int i = 0; i < length; i++)
        {
            reversed = (reversed << 1) | ((word >> i) & 1);
        }
        return reversed;
    }
}
