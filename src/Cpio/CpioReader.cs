using System.Buffers.Binary;

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
    private byte[]? _joined;
    private long _offset;

    public CpioError Error { get; private set; }

    /// <summary>Where the next entry, or the wrong one, starts.</summary>
    public long Offset => _offset;

    /// <summary>Reads the next entry's header and name.</summary>
    /// <param name="name">The name as it stands in the archive, without NULs; valid until the next call.</param>
    public CpioReadResult Read(out CpioEntry entry, out ReadOnlySpan<byte> name)
    {
        entry = default;
        name = default;
        long left = source.Length - _offset;
        if (left <= 0)
        {
            return Fail(CpioError.MissingTrailer);
        }
        if (left < CpioFormat.HeaderSize)
        {
            return Fail(StartsLikeHeader((int)left) ? CpioError.Truncated : CpioError.BadMagic);
        }

        ReadOnlySpan<byte> header = GetBytes(_offset, CpioFormat.HeaderSize);
        ReadOnlySpan<byte> magic = header[..CpioFormat.MagicSize];
        if (!magic.SequenceEqual(CpioFormat.Magic) && !magic.SequenceEqual(CpioFormat.ChecksumMagic))
        {
            return Fail(IsOldFormat(header) ? CpioError.OldFormat : CpioError.BadMagic);
        }

        ReadOnlySpan<byte> fields = header[CpioFormat.MagicSize..];
        if (!TryParse(fields, 0, out entry.Inode) || !TryParse(fields, 1, out entry.Mode) || !TryParse(fields, 2, out entry.Uid)
            || !TryParse(fields, 3, out entry.Gid) || !TryParse(fields, 4, out entry.Links) || !TryParse(fields, 5, out entry.ModifiedTime)
            || !TryParse(fields, 6, out uint length) || !TryParse(fields, 7, out entry.DeviceMajor) || !TryParse(fields, 8, out entry.DeviceMinor)
            || !TryParse(fields, 9, out entry.TargetMajor) || !TryParse(fields, 10, out entry.TargetMinor) || !TryParse(fields, 11, out uint nameField))
        {
            return Fail(CpioError.BadNumber);
        }
        if (nameField is 0 or > CpioFormat.MaximumNameField)
        {
            return Fail(nameField == 0 ? CpioError.BadName : CpioError.NameTooLong);
        }
        if (left < CpioFormat.HeaderSize + nameField)
        {
            return Fail(CpioError.Truncated);
        }

        // Our writer pads the name field with NULs to move the data onto a page: the name ends at the first NUL.
        ReadOnlySpan<byte> field = GetBytes(_offset, CpioFormat.HeaderSize + (int)nameField)[CpioFormat.HeaderSize..];
        int nameLength = field.IndexOf((byte)0);
        if (nameLength <= 0)
        {
            return Fail(CpioError.BadName);
        }
        name = field[..nameLength];

        entry.HeaderOffset = _offset;
        entry.DataOffset = CpioFormat.Align(_offset + CpioFormat.HeaderSize + nameField);
        entry.DataLength = length;
        if (length == 0 && name.SequenceEqual(CpioFormat.TrailerName))
        {
            _offset = Math.Min(entry.DataOffset, source.Length);
            name = default;
            return CpioReadResult.EndOfArchive;
        }

        // Both are non-negative and below 2^62, so the sum cannot overflow.
        long end = entry.DataOffset + length;
        if (end > source.Length && length != 0)
        {
            return Fail(CpioError.Truncated);
        }
        _offset = CpioFormat.Align(end);
        return CpioReadResult.Entry;
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

    /// <summary>Parses eight hexadecimal digits, all at once.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> fields, int index, out uint value)
    {
        const ulong Ones = 0x0101_0101_0101_0101;
        ulong digits = BinaryPrimitives.ReadUInt64BigEndian(fields[(index * CpioFormat.FieldSize)..]);

        // '0'-'9' end in their value; 'A'-'F' and 'a'-'f' have bit 6 and end in their value less 9.
        ulong nibbles = unchecked((digits & (0x0F * Ones)) + (((digits >> 6) & Ones) * 9));
        ulong letters = ((nibbles + (6 * Ones)) >> 4) & Ones;
        // Writing the nibbles as digits again tells whether they were digits.
        ulong written = unchecked(nibbles + (0x30 * Ones) + (letters * 0x27));
        if ((nibbles & (0xF0 * Ones)) != 0 || written != (digits | (letters * 0x20)))
        {
            value = 0;
            return false;
        }

        nibbles = (nibbles | (nibbles >> 4)) & 0x00FF_00FF_00FF_00FF;
        nibbles = (nibbles | (nibbles >> 8)) & 0x0000_FFFF_0000_FFFF;
        value = (uint)(nibbles | (nibbles >> 16));
        return true;
    }

    private static bool IsOldFormat(ReadOnlySpan<byte> header) =>
        header.StartsWith("070707"u8) || header.StartsWith<byte>([0xC7, 0x71]) || header.StartsWith<byte>([0x71, 0xC7]);

    private bool StartsLikeHeader(int left)
    {
        int count = Math.Min(left, CpioFormat.MagicSize - 1);
        return GetBytes(_offset, count).SequenceEqual(CpioFormat.Magic[..count]);
    }

    private ReadOnlySpan<byte> GetBytes(long offset, int count)
    {
        ReadOnlySpan<byte> piece = source.GetPiece(offset);
        if (piece.Length >= count)
        {
            return piece[..count];
        }
        _joined ??= new byte[CpioFormat.HeaderSize + CpioFormat.MaximumNameField];
        Copy(source, offset, _joined.AsSpan(0, count));
        return _joined.AsSpan(0, count);
    }

    private CpioReadResult Fail(CpioError error)
    {
        Error = error;
        return CpioReadResult.Failed;
    }
}
