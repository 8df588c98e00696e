namespace Semitone.Cpio;

/// <summary>How far a <see cref="CpioReader"/> got.</summary>
public enum CpioReadResult
{
    /// <summary>An entry was read.</summary>
    Entry,

    /// <summary>The archive's trailer was read; another archive may follow (<see cref="CpioReader.SkipPadding"/>).</summary>
    EndOfArchive,

    /// <summary><see cref="CpioReader.Error"/> says what is wrong at <see cref="CpioReader.Offset"/>.</summary>
    Failed,
}

/// <summary>Walks over the headers of a cpio archive in newc format, without touching the files' data.</summary>
/// <remarks>
/// Checks what it reads: a hostile archive ends in an error, and every step moves forward. The checksum of the 070702 variant is not
/// verified, because that would touch all data. One reader serves several archives that lie one after the other.
/// </remarks>
public sealed class CpioReader(ICpioSource source)
{

    // A header and name that lie across two pieces are put together here; made when that first happens.
    private byte[] _name = new byte[128];
    private byte[]? _joined;
    private long _offset;

    public CpioError Error { get; private set; }

    /// <summary>Where the next entry, or the wrong one, starts.</summary>
    public long Offset => _offset;

    /// <summary>Reads the next entry's header and name.</summary>
    /// <param name="name">The name as it stands in the archive, without NULs; valid until the next call.</param>
    public CpioReadResult Read(out CpioEntry entry, out ReadOnlySpan<byte> name)
    {
        CpioReadResult result = ReadBriefly(out entry, out name);
        if (result == CpioReadResult.Entry)
        {
            ReadDetails(ref entry);
        }
        return result;
    }

    /// <summary>Reads of the next entry only what places it: its name, mode, links and data.</summary>
    /// <remarks>Whoever reads thousands of headers at start-up pays for every field. All are checked, though.</remarks>
    /// <param name="name">The name as it stands in the archive, without NULs; valid until the next entry is read.</param>
    public CpioReadResult ReadBriefly(out CpioEntry entry, out ReadOnlySpan<byte> name)
    {
        entry = default;
        name = default;
        long left = source.Length - _offset;
        if (left < CpioFormat.HeaderSize)
        {
            return Fail(left <= 0 ? CpioError.MissingTrailer : StartsLikeHeader((int)left) ? CpioError.Truncated : CpioError.BadMagic);
        }

        ReadOnlySpan<byte> piece = source.GetPiece(_offset);
        ReadOnlySpan<byte> header = piece.Length >= CpioFormat.HeaderSize ? piece[..CpioFormat.HeaderSize] : Join(CpioFormat.HeaderSize);
        if (!header.StartsWith(CpioFormat.Magic) && !header.StartsWith(CpioFormat.ChecksumMagic))
        {
            return Fail(IsOldFormat(header) ? CpioError.OldFormat : CpioError.BadMagic);
        }
        ReadOnlySpan<byte> fields = header[CpioFormat.MagicSize..];
        if (!HexDigits.AreAll(fields))
        {
            return Fail(CpioError.BadNumber);
        }
        uint nameField = HexDigits.Parse(fields, 11);
        if (nameField is 0 or > CpioFormat.MaximumNameField)
        {
            return Fail(nameField == 0 ? CpioError.BadName : CpioError.NameTooLong);
        }
        int size = CpioFormat.HeaderSize + (int)nameField;
        if (left < size)
        {
            return Fail(CpioError.Truncated);
        }
        entry.HeaderOffset = _offset;
        entry.DataOffset = CpioFormat.Align(_offset + size);
        entry.DataLength = HexDigits.Parse(fields, 6);
        entry.Mode = HexDigits.Parse(fields, 1);
        entry.Links = HexDigits.Parse(fields, 4);

        // Our writer pads the name field with NULs to move the data onto a page: the name ends at the first NUL.
        ReadOnlySpan<byte> field = piece.Length > CpioFormat.HeaderSize
            ? piece[CpioFormat.HeaderSize..Math.Min(size, piece.Length)]
            : default;
        int nameLength = field.IndexOf((byte)0);
        if (nameLength < 0 && piece.Length < size)
        {
            field = Join(size)[CpioFormat.HeaderSize..];
            nameLength = field.IndexOf((byte)0);
        }

        if (nameLength <= 0)
        {
            return Fail(CpioError.BadName);
        }
        name = Keep(field[..nameLength]);
        if (entry.DataLength == 0)
        {
            _offset = Math.Min(entry.DataOffset, source.Length);
            return name.SequenceEqual(CpioFormat.TrailerName) ? CpioReadResult.EndOfArchive : CpioReadResult.Entry;
        }

        // Both are non-negative and below 2^62, so the sum cannot overflow.
        long end = entry.DataOffset + entry.DataLength;
        if (end > source.Length)
        {
            return Fail(CpioError.Truncated);
        }
        _offset = CpioFormat.Align(end);
        return CpioReadResult.Entry;
    }

    /// <summary>Reads the rest of an entry that <see cref="ReadBriefly"/> has read.</summary>
    public void ReadDetails(ref CpioEntry entry)
    {
        Span<byte> header = stackalloc byte[CpioFormat.HeaderSize];
        Copy(source, entry.HeaderOffset, header);
        ReadOnlySpan<byte> fields = header[CpioFormat.MagicSize..];
        entry.Inode = HexDigits.Parse(fields, 0);
        entry.Uid = HexDigits.Parse(fields, 2);
        entry.Gid = HexDigits.Parse(fields, 3);
        entry.ModifiedTime = HexDigits.Parse(fields, 5);
        entry.DeviceMajor = HexDigits.Parse(fields, 7);
        entry.DeviceMinor = HexDigits.Parse(fields, 8);
        entry.TargetMajor = HexDigits.Parse(fields, 9);
        entry.TargetMinor = HexDigits.Parse(fields, 10);
    }

    /// <summary>Moves over the zeros that may stand between archives and after the last one.</summary>
    /// <returns>True when something else follows, at <see cref="Offset"/>.</returns>
    public bool SkipPadding()
    {
        while (_offset < source.Length)
        {
            ReadOnlySpan<byte> piece = source.GetPiece(_offset);
            int zeros = piece.IndexOfAnyExcept((byte)0);
            if (zeros >= 0)
            {
                _offset += zeros;
                return true;
            }
            _offset += piece.Length;
        }
        return false;
    }

    /// <summary>Goes on at a header that was read before, or at the next archive.</summary>
    public void Seek(long offset) => _offset = offset;

    /// <summary>Copies bytes of the archive out.</summary>
    /// <remarks>The range must lie within the source, as that of an entry that was read does.</remarks>
    public static void Copy(ICpioSource source, long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<byte> piece = source.GetPiece(offset);
            int count = Math.Min(piece.Length, destination.Length);
            piece[..count].CopyTo(destination);
            destination = destination[count..];
            offset += count;
        }
    }

    private static bool IsOldFormat(ReadOnlySpan<byte> header) =>
        header.StartsWith("070707"u8) || header.StartsWith<byte>([0xC7, 0x71]) || header.StartsWith<byte>([0x71, 0xC7]);

    private bool StartsLikeHeader(int left)
    {
        int count = Math.Min(left, CpioFormat.MagicSize - 1);
        return Join(count).SequenceEqual(CpioFormat.Magic[..count]);
    }

    /// <summary>Keeps a name: its piece is good only until somebody reads the next one.</summary>
    private ReadOnlySpan<byte> Keep(ReadOnlySpan<byte> name)
    {
        if (_name.Length < name.Length)
        {
            _name = new byte[Math.Max(name.Length, 2 * _name.Length)];
        }

        name.CopyTo(_name);
        return _name.AsSpan(0, name.Length);
    }

    /// <summary>Puts bytes together that may lie in several pieces.</summary>
    private ReadOnlySpan<byte> Join(int count)
    {
        _joined ??= new byte[CpioFormat.HeaderSize + CpioFormat.MaximumNameField];
        Copy(source, _offset, _joined.AsSpan(0, count));
        return _joined.AsSpan(0, count);
    }

    private CpioReadResult Fail(CpioError error)
    {
        Error = error;
        return CpioReadResult.Failed;
    }
}
