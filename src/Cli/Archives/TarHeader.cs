using Semitone.Cli.Posix;

namespace Semitone.Cli.Archives;

/// <summary>One block of 512 bytes that starts an entry of a tar archive (tar(5)): as old as Unix, of POSIX (ustar), or of GNU.</summary>
internal readonly ref struct TarHeader(ReadOnlySpan<byte> block)
{
    public const int BlockSize = 512;

    private const int ChecksumField = 148;
    private const int ChecksumSize = 8;

    private readonly ReadOnlySpan<byte> _block = block;

    public ReadOnlySpan<byte> Name => Text(0, 100);

    public byte Type => _block[156];

    public ReadOnlySpan<byte> LinkName => Text(157, 100);

    /// <summary>What stands before the name in an archive of POSIX; empty in others, which have other things there.</summary>
    public ReadOnlySpan<byte> Prefix => _block[257..].StartsWith("ustar\0"u8) ? Text(345, 155) : [];

    public bool IsGnu => _block[257..].StartsWith("ustar  \0"u8);

    public long Mode => Number(100, 8);

    public long Uid => Number(108, 8);

    public long Gid => Number(116, 8);

    public long Size => Number(124, 12);

    public long ModifiedTime => Number(136, 12);

    public long DeviceMajor => Number(329, 8);

    public long DeviceMinor => Number(337, 8);

    /// <summary>
    /// GNU's old form of files with holes: four pairs of offset and length, whether more follow, and the file's size with its holes.
    /// </summary>
    public ReadOnlySpan<byte> SparseMap => _block.Slice(386, 4 * 24);

    public bool HasMoreSparseMap => _block[482] != 0;

    public long RealSize => Number(483, 12);

    /// <summary>
    /// Tells whether the block's checksum is right, which is the sum of its bytes with the field itself as blanks; old writers summed
    /// signed ones.
    /// </summary>
    public bool HasRightChecksum
    {
        get
        {
            long sum = 0;
            long signedSum = 0;
            for (int i = 0; i < BlockSize; i++)
            {
                byte value = i is >= ChecksumField and < ChecksumField + ChecksumSize ? (byte)' ' : _block[i];
                sum += value;
                signedSum += (sbyte)value;
            }

            return TryReadNumber(_block.Slice(ChecksumField, ChecksumSize), out long expected)
                && (expected == sum || expected == signedSum);
        }
    }

    /// <summary>Reads a number: octal digits between blanks, or after a byte of 0x80 or 0xFF a binary number.</summary>
    public static bool TryReadNumber(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if ((field[0] & 0x80) != 0)
        {
            return TryReadBinary(field, out value);
        }

        ReadOnlySpan<byte> digits = field.Trim(" \0"u8);
        foreach (byte digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7' || value > long.MaxValue >> 3)
            {
                return false;
            }

            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }

    private static bool TryReadBinary(ReadOnlySpan<byte> field, out long value)
    {
        bool isNegative = (field[0] & 0x40) != 0;
        value = isNegative ? -1 : 0;
        for (int i = 0; i < field.Length; i++)
        {
            byte digit = i == 0 && !isNegative ? (byte)(field[0] & 0x7F) : field[i];
            long next = unchecked((value << 8) | digit);
            if (next >> 8 != value)
            {
                return false;
            }

            value = next;
        }

        return true;
    }

    private ReadOnlySpan<byte> Text(int offset, int length)
    {
        ReadOnlySpan<byte> field = _block.Slice(offset, length);
        int end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }

    private long Number(int offset, int length) =>
        TryReadNumber(_block.Slice(offset, length), out long value) ? value
            : throw new ArchiveException($"is damaged: the header of {HostText.FromBytes(Name)} has something in the place of a number");
}
