using Semitone.Files;
using Semitone.HostLink;
using Semitone.Machine;
using Semitone.Syscalls;

namespace Semitone.Kernel;

/// <summary>The kernel's own lines on the serial line: those of the log and of strace.</summary>
internal sealed class KernelLines(ConsoleStreams streams) : IConsole, ITraceOutput
{
    public void Write(ReadOnlySpan<byte> bytes) => streams.Write(LinkStream.KernelLog, bytes);

    public void Write(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        Write(header);
        Write(body);
    }

    public bool HasRoom(int count) => true;

    /// <summary>Nobody sends the kernel anything: what comes in is the program's.</summary>
    public int Read(Span<byte> buffer) => 0;
}
