namespace Semitone.Syscalls;

/// <summary>Where the lines of strace go.</summary>
public interface ITraceOutput
{
    /// <summary>Writes a line, its end included.</summary>
    void Write(ReadOnlySpan<byte> line);
}
