namespace Semitone.Cpio;

/// <summary>The constants of the "new portable" cpio format (cpio(5)).</summary>
internal static class CpioFormat
{
    public const int HeaderSize = 110;
    public const int MagicSize = 6;
    public const int FieldSize = 8;
    public const int FieldCount = 13;

    /// <summary>Headers, and the data after each name, start at a multiple of this.</summary>
    public const int Alignment = 4;

    /// <summary>The longest name field with its NUL. Linux skips an entry whose field is longer (PATH_MAX).</summary>
    public const int MaximumNameField = 4096;

    public static ReadOnlySpan<byte> Magic => "070701"u8;

    /// <summary>The same layout, with the sum of the data's bytes in the last field.</summary>
    public static ReadOnlySpan<byte> ChecksumMagic => "070702"u8;

    public static ReadOnlySpan<byte> TrailerName => "TRAILER!!!"u8;

    public static long Align(long offset) => (offset + (Alignment - 1)) & ~(long)(Alignment - 1);
}
