namespace Semitone.Cpio;

/// <summary>Decodes the deflate format (RFC 1951), piece by piece.</summary>
internal sealed class Inflater(BitReader bits)
{
    private const int WindowSize = 32 * 1024;
    private const int MaximumMatch = 258;
    private const int EndOfBlock = 256;
    private const int LiteralSymbols = 288;
    private const int DistanceSymbols = 30;
    private const int CodeLengthSymbols = 19;

    // The last 32 KiB lie in front of what is being decoded, so that a match never wraps.
    private readonly byte[] _window = new byte[(2 * WindowSize) + MaximumMatch];
    private readonly HuffmanTable _literals = new(LiteralSymbols);
    private readonly HuffmanTable _distances = new(DistanceSymbols + 2);
    private int _start;
    private int _end;
    private int _storedLeft;
    private State _state;
    private bool _isLastBlock;

    private enum State
    {
        BlockHeader,
        Stored,
        Coded,
        Done,
    }

    private static ReadOnlySpan<byte> CodeLengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private static ReadOnlySpan<ushort> LengthBase =>
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];

    private static ReadOnlySpan<byte> LengthExtra =>
    [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0
    ];

    private static ReadOnlySpan<ushort> DistanceBase =>
        [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
            16385, 24577
        ];

    private static ReadOnlySpan<byte> DistanceExtra =>
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    /// <summary>Decodes the next piece.</summary>
    /// <param name="piece">Valid until the next call; empty at the end.</param>
    /// <returns>False for damaged data.</returns>
    public bool TryRead(out ReadOnlySpan<byte> piece)
    {
        piece = default;
        if (_end > WindowSize)
        {
            int kept = Math.Min(_end, WindowSize);
            _window.AsSpan(_end - kept, kept).CopyTo(_window);
            _end = kept;
        }
        _start = _end;
        while (_state != State.Done && _end - _start < WindowSize)
        {
            bool isGood = _state switch
            {
                State.BlockHeader => TryReadBlockHeader(),
                State.Stored => TryCopyStored(),
                _ => TryDecode(),
            };
            if (!isGood)
            {
                return false;
            }
        }
        piece = _window.AsSpan(_start, _end - _start);
        return true;
    }

    private bool TryReadBlockHeader()
    {
        if (_isLastBlock)
        {
            _state = State.Done;
            return true;
        }
        if (!bits.TryRead(3, out uint header))
        {
            return false;
        }
        _isLastBlock = (header & 1) != 0;
        switch (header >> 1)
        {
            case 0:
                return TryBeginStored();
            case 1:
                BuildFixed();
                _state = State.Coded;
                return true;
            case 2:
                _state = State.Coded;
                return TryBuildDynamic();
            default:
                return false;
        }
    }

    private bool TryBeginStored()
    {
        bits.AlignToByte();
        if (!bits.TryRead(16, out uint length) || !bits.TryRead(16, out uint complement) || (length ^ complement) != 0xFFFF)
        {
            return false;
        }
        _storedLeft = (int)length;
        _state = State.Stored;
        return true;
    }

    private bool TryCopyStored()
    {
        int count = Math.Min(_storedLeft, WindowSize - (_end - _start));
        if (!bits.TryReadBytes(_window.AsSpan(_end, count)))
        {
            return false;
        }
        _end += count;
        _storedLeft -= count;
        if (_storedLeft == 0)
        {
            _state = State.BlockHeader;
        }
        return true;
    }

    private void BuildFixed()
    {
        Span<byte> lengths = stackalloc byte[LiteralSymbols];
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..].Fill(8);
        _literals.TryBuild(lengths);
        Span<byte> distances = stackalloc byte[DistanceSymbols + 2];
        distances.Fill(5);
        _distances.TryBuild(distances);
    }

    private bool TryBuildDynamic()
    {
        if (!bits.TryRead(14, out uint header))
        {
            return false;
        }
        int literalCount = (int)(header & 31) + 257;
        int distanceCount = (int)((header >> 5) & 31) + 1;
        int codeCount = (int)(header >> 10) + 4;
        if (literalCount > 286 || distanceCount > DistanceSymbols)
        {
            return false;
        }

        Span<byte> codeLengths = stackalloc byte[CodeLengthSymbols];
        for (int i = 0; i < codeCount; i++)
        {
            if (!bits.TryRead(3, out uint length))
            {
                return false;
            }
            codeLengths[CodeLengthOrder[i]] = (byte)length;
        }
        // The table is free until the literals' own code is built.
        if (!_literals.TryBuild(codeLengths))
        {
            return false;
        }

        Span<byte> lengths = stackalloc byte[LiteralSymbols + DistanceSymbols + 2];
        lengths = lengths[..(literalCount + distanceCount)];
        return TryReadLengths(lengths)
            && lengths[EndOfBlock] != 0
            && _literals.TryBuild(lengths[..literalCount])
            && _distances.TryBuild(lengths[literalCount..]);
    }

    private bool TryReadLengths(Span<byte> lengths)
    {
        int filled = 0;
        while (filled < lengths.Length)
        {
            int symbol = _literals.Read(bits);
            if (symbol is >= 0 and < 16)
            {
                lengths[filled++] = (byte)symbol;
                continue;
            }
            byte repeated = 0;
            int extraBits;
            int least;
            switch (symbol)
            {
                case 16 when filled > 0:
                    repeated = lengths[filled - 1];
                    extraBits = 2;
                    least = 3;
                    break;
                case 17:
                    extraBits = 3;
                    least = 3;
                    break;
                case 18:
                    extraBits = 7;
                    least = 11;
                    break;
                default:
                    return false;
            }
            if (!bits.TryRead(extraBits, out uint extra) || least + (int)extra > lengths.Length - filled)
            {
                return false;
            }
            lengths.Slice(filled, least + (int)extra).Fill(repeated);
            filled += least + (int)extra;
        }
        return true;
    }

    private bool TryDecode()
    {
        while (_end - _start < WindowSize)
        {
            int symbol = _literals.Read(bits);
            if (symbol < 0)
            {
                return false;
            }
            if (symbol < EndOfBlock)
            {
                _window[_end++] = (byte)symbol;
                continue;
            }
            if (symbol == EndOfBlock)
            {
                _state = State.BlockHeader;
                return true;
            }
            if (!TryCopyMatch(symbol - EndOfBlock - 1))
            {
                return false;
            }
        }
        return true;
    }

    private bool TryCopyMatch(int lengthSymbol)
    {
        if (lengthSymbol >= LengthBase.Length || !bits.TryRead(LengthExtra[lengthSymbol], out uint lengthExtra))
        {
            return false;
        }
        int length = LengthBase[lengthSymbol] + (int)lengthExtra;
        int distanceSymbol = _distances.Read(bits);
        if ((uint)distanceSymbol >= (uint)DistanceBase.Length || !bits.TryRead(DistanceExtra[distanceSymbol], out uint distanceExtra))
        {
            return false;
        }
        int distance = DistanceBase[distanceSymbol] + (int)distanceExtra;
        if (distance > _end)
        {
            return false;
        }
        // Byte by byte where source and copy overlap: that is how runs are encoded.
        if (distance >= length)
        {
            _window.AsSpan(_end - distance, length).CopyTo(_window.AsSpan(_end));
        }
        else
        {
            for (int i = 0; i < length; i++)
            {
                _window[_end + i] = _window[_end + i - distance];
            }
        }
        _end += length;
        return true;
    }
}
