using System.Buffers.Binary;

namespace Semitone.Cpio;

/// <summary>Reads what a gzip file holds (RFC 1952), piece by piece.</summary>
/// <remarks>
/// Written here because the kernel has no use for the rest of a compression library. Takes any bytes: what is damaged ends in an error.
/// One member per reader; whatever follows it starts at <see cref="Offset"/>.
/// </remarks>
public sealed class GzipReader
{
    private const byte MethodDeflate = 8;
    private const byte FlagHeaderChecksum = 2;
    private const byte FlagExtra = 4;
    private const byte FlagName = 8;
    private const byte FlagComment = 16;

    private readonly BitReader _bits;
    private readonly Inflater _inflater;
    private uint _checksum = Crc32.Initial;
    private uint _length;
    private bool _isOpen;

    public GzipReader(ICpioSource source, long offset)
    {
        _bits = new BitReader(source, offset);
        _inflater = new Inflater(_bits);
    }

    /// <summary>The source was read up to here.</summary>
    public long Offset => _bits.Offset;

    public CpioError Error { get; private set; }

    /// <summary>Gets the next piece.</summary>
    /// <param name="piece">Valid until the next call; empty at the end.</param>
    /// <returns>False, with <see cref="Error"/> set, when the file is damaged.</returns>
    public bool TryRead(out ReadOnlySpan<byte> piece)
    {
        piece = default;
        if (!_isOpen && !TryReadHeader())
        {
            return Fail();
        }
        _isOpen = true;
        if (!_inflater.TryRead(out piece))
        {
            return Fail();
        }
        if (!piece.IsEmpty)
        {
            _checksum = Crc32.Update(_checksum, piece);
            _length = unchecked(_length + (uint)piece.Length);
            return true;
        }
        return TryReadTrailer() || Fail();
    }

    private bool Fail()
    {
        Error = CpioError.BadCompression;
        return false;
    }

    private bool TryReadHeader()
    {
        Span<byte> header = stackalloc byte[10];
        if (!_bits.TryReadBytes(header) || header[0] != 0x1F || header[1] != 0x8B || header[2] != MethodDeflate)
        {
            return false;
        }
        byte flags = header[3];
        if ((flags & FlagExtra) != 0)
        {
            Span<byte> length = stackalloc byte[2];
            if (!_bits.TryReadBytes(length) || !_bits.TrySkip(BinaryPrimitives.ReadUInt16LittleEndian(length)))
            {
                return false;
            }
        }
        if ((flags & FlagName) != 0 && !_bits.TrySkipString())
        {
            return false;
        }
        if ((flags & FlagComment) != 0 && !_bits.TrySkipString())
        {
            return false;
        }
        return (flags & FlagHeaderChecksum) == 0 || _bits.TrySkip(2);
    }

    private bool TryReadTrailer()
    {
        _bits.AlignToByte();
        Span<byte> trailer = stackalloc byte[8];
        return _bits.TryReadBytes(trailer)
            && BinaryPrimitives.ReadUInt32LittleEndian(trailer) == ~_checksum
            && BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]) == _length;
    }
}
