namespace Semitone.Syscalls;

/// <summary>How bytes are moved between a file and a buffer.</summary>
internal enum Transfer
{
    /// <summary>From the file's offset on.</summary>
    Read,

    /// <summary>To the file's offset.</summary>
    Write,

    /// <summary>From a place that the caller names (pread(2)).</summary>
    ReadAt,

    /// <summary>To a place that the caller names (pwrite(2)).</summary>
    WriteAt,
}
