using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Plain reads and writes of a file descriptor.</summary>
/// <remarks>
/// .NET's own streams keep a file position of their own, which goes wrong where two descriptors share one open file (<c>&gt; log 2&gt;&amp;1</c>), and
/// System.Console sets up a terminal.
/// </remarks>
internal static class Descriptor
{
    public const int StandardInput = 0;
    public const int StandardOutput = 1;
    public const int StandardError = 2;

    public static bool IsTerminal(int descriptor) => LibC.isatty(descriptor) == 1;

    /// <summary>Reads once.</summary>
    /// <returns>Bytes read; 0 at the end and when the descriptor cannot be read.</returns>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        while (true)
        {
            nint count = LibC.read(descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
            if (count >= 0)
            {
                return (int)count;
            }

            if (Marshal.GetLastPInvokeError() != LibC.EINTR)
            {
                return 0;
            }
        }
    }

    /// <summary>Writes all bytes.</summary>
    /// <returns>False when the descriptor takes no more.</returns>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint count = LibC.write(descriptor, ref MemoryMarshal.GetReference(bytes), (nuint)bytes.Length);
            if (count >= 0)
            {
                bytes = bytes[(int)count..];
            }
            else if (Marshal.GetLastPInvokeError() != LibC.EINTR)
            {
                return false;
            }
        }

        return true;
    }
}
