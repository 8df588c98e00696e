namespace Semitone.Files;

/// <summary>What read(2), write(2) and their kin have moved, in calls and bytes (proc_pid_io(5)).</summary>
/// <remarks>
/// A call counts once, whatever came of it, when it got as far as its file; one that waits counts when it is over. Of bytes only those
/// count that were moved, from and to every kind of file.
/// </remarks>
public struct IoCounters
{
    /// <summary>Bytes that were read (rchar).</summary>
    public long BytesRead { get; private set; }

    /// <summary>Bytes that were written (wchar).</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Calls that read (syscr).</summary>
    public long ReadCalls { get; private set; }

    /// <summary>Calls that write (syscw).</summary>
    public long WriteCalls { get; private set; }

    /// <summary>Counts a call that reads.</summary>
    /// <param name="bytes">What it moved, 0 or more.</param>
    public void CountRead(long bytes)
    {
        ReadCalls++;
        BytesRead += bytes;
    }

    /// <summary>Counts a call that writes.</summary>
    /// <param name="bytes">What it moved, 0 or more.</param>
    public void CountWrite(long bytes)
    {
        WriteCalls++;
        BytesWritten += bytes;
    }

    /// <summary>Adds what somebody else has counted.</summary>
    public void Add(in IoCounters other)
    {
        BytesRead += other.BytesRead;
        BytesWritten += other.BytesWritten;
        ReadCalls += other.ReadCalls;
        WriteCalls += other.WriteCalls;
    }
}
