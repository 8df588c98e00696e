namespace Semitone.Cpio;

/// <summary>Takes bits out of a source, least significant first (RFC 1951, 3.1.1).</summary>
internal sealed class BitReader(ICpioSource source, long offset)
{
    private const int BufferSize = 4096;

    private readonly byte[] _buffer = new byte[BufferSize];
    private int _position;
    private int _end;
    private long _loaded = offset;
    private ulong _bits;
    private int _count;

    /// <summary>Of the first byte of which no bit has been taken.</summary>
    public long Offset => _loaded - (_end - _position) - (_count / 8);

    /// <summary>Makes sure that so many bits, at most 48, can be looked at; those beyond the end of the source read as zeros.</summary>
    /// <returns>How many there are.</returns>
    public int Fill(int wanted)
    {
        while (_count < wanted)
        {
            if (_position == _end && !TryLoad())
            {
                break;
            }
            _bits |= (ulong)_buffer[_position++] << _count;
            _count += 8;
        }
        return _count;
    }

    /// <summary>The next bits, after <see cref="Fill"/>.</summary>
    public uint Peek(int count) => (uint)(_bits & ((1UL << count) - 1));

    public void Drop(int count)
    {
        _bits >>= count;
        _count -= count;
    }

    /// <summary>Takes up to 32 bits.</summary>
    public bool TryRead(int count, out uint value)
    {
        bool isThere = Fill(count) >= count;
        value = Peek(count);
        Drop(isThere ? count : 0);
        return isThere;
    }

    public void AlignToByte() => Drop(_count & 7);

    /// <summary>Takes whole bytes, after <see cref="AlignToByte"/>.</summary>
    public bool TryReadBytes(Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            if (!TryRead(8, out uint value))
            {
                return false;
            }
            destination[i] = (byte)value;
        }
        return true;
    }

    public bool TrySkip(int bytes)
    {
        for (int i = 0; i < bytes; i++)
        {
            if (!TryRead(8, out _))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Skips bytes up to a NUL.</summary>
    public bool TrySkipString()
    {
        while (TryRead(8, out uint value))
        {
            if (value == 0)
            {
                return true;
            }
        }
        return false;
    }

    private bool TryLoad()
    {
        if (_loaded >= source.Length)
        {
            return false;
        }
        ReadOnlySpan<byte> piece = source.GetPiece(_loaded);
        piece = piece.Length > BufferSize ? piece[..BufferSize] : piece;
        piece.CopyTo(_buffer);
        _position = 0;
        _end = piece.Length;
        _loaded += piece.Length;
        return true;
    }
}
