namespace Semitone.Cpio;

/// <summary>How an archive is compressed.</summary>
public enum CompressionKind
{
    None,
    Gzip,

    /// <summary>Something known that is not supported: xz, zstd, bzip2, lz4, lzma, lzo.</summary>
    Unsupported,
}

/// <summary>Tells compressed archives by their first bytes.</summary>
public static class Compression
{
    private const int MagicSize = 6;

    public static CompressionKind Detect(ICpioSource source, long offset)
    {
        if (source.Length - offset < MagicSize)
        {
            return CompressionKind.None;
        }
        Span<byte> magic = stackalloc byte[MagicSize];
        CpioReader.Copy(source, offset, magic);
        return Detect(magic);
    }

    /// <param name="magic">At least six bytes.</param>
    public static CompressionKind Detect(ReadOnlySpan<byte> magic)
    {
        if (magic[0] == 0x1F && magic[1] == 0x8B)
        {
            return CompressionKind.Gzip;
        }
        bool isOther = magic.StartsWith<byte>([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00])
            || magic.StartsWith<byte>([0x28, 0xB5, 0x2F, 0xFD])
            || magic.StartsWith("BZh"u8)
            || magic.StartsWith<byte>([0x02, 0x21, 0x4C, 0x18])
            || magic.StartsWith<byte>([0x5D, 0x00, 0x00])
            || magic.StartsWith<byte>([0x89, 0x4C, 0x5A, 0x4F]);
        return isOther ? CompressionKind.Unsupported : CompressionKind.None;
    }
}
