namespace Semitone.Cpio;

/// <summary>What to tell a user about a <see cref="CpioError"/>.</summary>
public static class CpioErrors
{
    public static string Describe(CpioError error) => error switch
    {
        CpioError.None => "no error",
        CpioError.BadMagic => "not a cpio archive in newc format (bad magic)",
        CpioError.OldFormat => "a cpio archive in an old format: write it with `cpio -H newc`",
        CpioError.BadNumber => "a header field is not a hexadecimal number",
        CpioError.Truncated => "the archive is cut off inside an entry",
        CpioError.MissingTrailer => "the archive is cut off: its last entry (TRAILER!!!) is missing",
        CpioError.BadName => "an entry has no proper name",
        CpioError.NameTooLong => "an entry's name is too long",
        CpioError.NameLeavesRoot => "an entry's name contains `..`",
        CpioError.ParentIsNoDirectory => "an entry lies below something that is not a directory",
        CpioError.Conflict => "a directory and another file share one name",
        CpioError.BadFileType => "an entry has an unknown file type",
        CpioError.BadLink => "a symbolic link has an empty or too long target",
        CpioError.BadCompression => "the compressed data is damaged",
        CpioError.UnknownCompression => "compressed with something other than gzip",
        CpioError.OutOfMemory => "not enough memory",
        _ => "unknown error",
    };
}
