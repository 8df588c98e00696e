using Semitone.HostLink;
using Semitone.Machine;
using Semitone.Syscalls;

namespace Semitone.Kernel;

/// <summary>The serial line to whoever started the machine: plain bytes, or the frames of the host link.</summary>
internal sealed class HostLine(IConsole console, bool isFramed)
{
    internal bool IsFramed => isFramed;

    /// <summary>Sends bytes of one stream.</summary>
    internal void Write(LinkStream stream, ReadOnlySpan<byte> bytes)
    {
        if (!isFramed)
        {
            console.Write(bytes);
            return;
        }

        Span<byte> header = stackalloc byte[LinkFormat.HeaderSize];
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, LinkFormat.MaxPayload);
            LinkEncoder.WriteHeader(header, stream, count);
            console.Write(header);
            console.Write(bytes[..count]);
            bytes = bytes[count..];
        }
    }

    /// <summary>Tells the host something; a plain serial line has no ear for it.</summary>
    internal void Tell(ControlKind kind, ReadOnlySpan<byte> body)
    {
        if (isFramed)
        {
            byte[] message = new byte[LinkFormat.HeaderSize + 1 + body.Length];
            console.Write(message.AsSpan(0, LinkEncoder.WriteControl(message, kind, body)));
        }
    }
}

/// <summary>The kernel's own lines on the serial line: the log's and strace's.</summary>
internal sealed class KernelLines(HostLine line, IConsole console) : IConsole, ITraceOutput
{
    public void Write(ReadOnlySpan<byte> bytes) => line.Write(LinkStream.KernelLog, bytes);

    public int Read(Span<byte> buffer) => console.Read(buffer);
}
