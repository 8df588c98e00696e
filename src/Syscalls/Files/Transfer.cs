using Semitone.Files;

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

/// <summary>What follows from the way of a transfer.</summary>
internal static class Transfers
{
    /// <summary>Counts a transfer that is over, where it belongs.</summary>
    public static void Count(this ref IoCounters counters, Transfer transfer, long bytes)
    {
        if (transfer is Transfer.Read or Transfer.ReadAt)
        {
            counters.CountRead(bytes);
        }
        else
        {
            counters.CountWrite(bytes);
        }
    }
}
