using System.Runtime.InteropServices;
using Semitone.Cli.Posix;
using Semitone.HostLink;

namespace Semitone.Cli.Running;

/// <summary>The console of a machine that is a command of its user's: our own standard streams.</summary>
internal sealed class StandardStreams : IGuestConsole
{
    public int Input => Descriptor.StandardInput;

    /// <summary>Only with a terminal to write to: the guest's echo must not go where its output goes.</summary>
    public bool HasTerminalInput { get; } =
        Descriptor.IsTerminal(Descriptor.StandardOutput) && Descriptor.IsTerminal(Descriptor.StandardInput);

    public bool HasTerminalOutput { get; } = Descriptor.IsTerminal(Descriptor.StandardOutput);

    public bool IsJob => true;

    public bool TryWrite(LinkStream stream, ReadOnlySpan<byte> bytes, out int error)
    {
        error = 0;
        bool isOutput = stream == LinkStream.StandardOutput;
        if (stream is LinkStream.KernelLog or LinkStream.Raw && Terminal.IsRaw)
        {
            WriteLines(bytes);
            return true;
        }

        if (TryWrite(isOutput ? Descriptor.StandardOutput : Descriptor.StandardError, bytes) || !isOutput)
        {
            return true;
        }

        // We may have been started without one (`>&-`), see Descriptor.EnsureStandardStreams: the output is nobody's, which ends no
        // program.
        error = Marshal.GetLastPInvokeError();
        return error == LibC.EBADF;
    }

    public void Say(string line) =>
        Descriptor.TryWrite(Descriptor.StandardError, HostText.ToBytes($"{line}{(Terminal.IsRaw ? "\r\n" : "\n")}"));

    /// <summary>Writes what the program has written.</summary>
    private bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes)
    {
        if (!HasTerminalOutput || Terminal.IsRaw)
        {
            return Descriptor.TryWrite(descriptor, bytes);
        }

        // In the background the terminal is as the shell has it and adds carriage returns itself, to lines that have theirs from the
        // guest's terminal.
        int end;
        while ((end = bytes.IndexOf("\r\n"u8)) >= 0)
        {
            if (!Descriptor.TryWrite(descriptor, bytes[..end]))
            {
                return false;
            }

            bytes = bytes[(end + 1)..];
        }

        return Descriptor.TryWrite(descriptor, bytes);
    }

    /// <summary>Writes the kernel's lines to a terminal that adds no carriage returns.</summary>
    private static void WriteLines(ReadOnlySpan<byte> text)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            Descriptor.TryWrite(Descriptor.StandardError, end < 0 ? text : text[..end]);
            if (end >= 0)
            {
                Descriptor.TryWrite(Descriptor.StandardError, "\r\n"u8);
            }

            text = end < 0 ? [] : text[(end + 1)..];
        }
    }
}
