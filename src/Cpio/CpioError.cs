namespace Semitone.Cpio;

/// <summary>What is wrong with an archive.</summary>
public enum CpioError
{
    None,

    /// <summary>No header where one belongs.</summary>
    BadMagic,

    /// <summary>A header of one of the formats that nobody uses for an initrd (odc, binary).</summary>
    OldFormat,

    /// <summary>A header field is not eight hexadecimal digits.</summary>
    BadNumber,

    /// <summary>The archive ends inside a header, a name or a file.</summary>
    Truncated,

    /// <summary>The archive ends after a file, without its last entry: something was cut off.</summary>
    MissingTrailer,

    /// <summary>A name field of length 0, or one without its NUL.</summary>
    BadName,

    /// <summary>A name longer than PATH_MAX, or with a component longer than NAME_MAX.</summary>
    NameTooLong,

    /// <summary>A name with a component "..": it could mean a place outside of the root.</summary>
    NameLeavesRoot,

    /// <summary>A name below something that is no directory.</summary>
    ParentIsNoDirectory,

    /// <summary>A name that stands for a directory and for something else, or a directory that would replace a file.</summary>
    Conflict,

    /// <summary>A file type that no Linux file has.</summary>
    BadFileType,

    /// <summary>A symbolic link with an empty or too long target.</summary>
    BadLink,

    /// <summary>Compressed data that does not decode.</summary>
    BadCompression,

    /// <summary>A compression other than gzip.</summary>
    UnknownCompression,

    /// <summary>The machine has no memory for it.</summary>
    OutOfMemory,
}
