using Semitone.Abi;
using Semitone.Memory;

namespace Semitone.Syscalls;

/// <summary>Writes one line after each system call.</summary>
/// <remarks>A kernel that does not trace has no object of this class, and pays one branch per call for that.</remarks>
public sealed class Strace(ITraceOutput output)
{
    private TraceLine? _free;

    /// <summary>Whether each line begins with the number of the calling thread; for programs that have several.</summary>
    public bool ShowsThread { get; init; }

    /// <summary>Writes what a call is given.</summary>
    internal TraceLine Begin(int threadId, UserMemory memory, in SyscallArguments arguments)
    {
        // A call that waits keeps its line: others come and go meanwhile.
        TraceLine line = _free ?? new TraceLine();
        _free = line.NextFree;
        line.NextFree = null;
        line.Clear();
        line.Memory = memory;
        if (ShowsThread)
        {
            line.Text("[pid "u8);
            line.Padded((ulong)threadId, 5);
            line.Text("] "u8);
        }

        SyscallTracer.Before(line, in arguments);
        return line;
    }

    /// <summary>Writes what a call answered, and hands the line over.</summary>
    internal void End(TraceLine line, in SyscallArguments arguments, SysResult result)
    {
        SyscallTracer.After(line, in arguments, result);
        output.Write(line.Bytes);
        Drop(line);
    }

    /// <summary>Takes a line back of which nothing is to be told.</summary>
    internal void Drop(TraceLine line)
    {
        line.NextFree = _free;
        _free = line;
    }
}
