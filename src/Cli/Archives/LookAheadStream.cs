using Semitone.Cpio;

namespace Semitone.Cli.Archives;

/// <summary>A stream whose next bytes can be seen before they are read.</summary>
internal sealed class LookAheadStream(Stream inner) : ReadOnlyStream, ICpioSource
{
    private const int PieceSize = 4096;

    private readonly byte[] _buffer = new byte[128 * 1024];
    private int _start;
    private int _end;
    private long _consumed;

    /// <summary>Bytes that were read or passed over.</summary>
    public override long Position
    {
        get => _consumed;
        set => throw new NotSupportedException();
    }

    /// <summary>Bytes from the start to the end, of a stream that knows.</summary>
    public override long Length => inner.Length;

    /// <summary>Gets bytes that are still there; what lies before them is passed over.</summary>
    ReadOnlySpan<byte> ICpioSource.GetPiece(long offset)
    {
        TrySkip(offset - _consumed);
        return Peek(PieceSize);
    }

    /// <summary>Shows the next bytes; fewer than so many only at the end.</summary>
    /// <param name="count">At most 4096.</param>
    public ReadOnlySpan<byte> Peek(int count)
    {
        if (_end - _start < count)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
            while (_end < count)
            {
                int added = inner.Read(_buffer, _end, _buffer.Length - _end);
                if (added == 0)
                {
                    break;
                }

                _end += added;
            }
        }

        return _buffer.AsSpan(_start, Math.Min(count, _end - _start));
    }

    public override int Read(Span<byte> destination)
    {
        if (destination.IsEmpty)
        {
            return 0;
        }

        if (_start == _end && Peek(1).IsEmpty)
        {
            return 0;
        }

        int count = Math.Min(destination.Length, _end - _start);
        _buffer.AsSpan(_start, count).CopyTo(destination);
        _start += count;
        _consumed += count;
        return count;
    }

    /// <summary>Passes over bytes.</summary>
    /// <returns>False when the stream ends before.</returns>
    public bool TrySkip(long count)
    {
        while (count > 0 && !Peek(1).IsEmpty)
        {
            int skipped = (int)Math.Min(count, _end - _start);
            _start += skipped;
            _consumed += skipped;
            count -= skipped;
        }

        return count == 0;
    }

    /// <summary>Passes over zeros.</summary>
    public void SkipZeros()
    {
        while (!Peek(1).IsEmpty)
        {
            int zeros = _buffer.AsSpan(_start, _end - _start).IndexOfAnyExcept((byte)0);
            TrySkip(zeros < 0 ? _end - _start : zeros);
            if (zeros >= 0)
            {
                return;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
