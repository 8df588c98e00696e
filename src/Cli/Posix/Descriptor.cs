using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Plain reads and writes of a file descriptor.</summary>
/// <remarks>
/// .NET's own streams keep a file position of their own, which goes wrong where two descriptors share one open file (<c>&gt; log
/// 2&gt;&amp;1</c>), and System.Console sets up a terminal.
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

            if (!CanGoOn(descriptor, LibC.POLLIN))
            {
                return 0;
            }
        }
    }

    /// <summary>Writes all bytes.</summary>
    /// <returns>False when the descriptor takes no more; errno says why.</returns>
    public static bool TryWrite(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint count = LibC.write(descriptor, ref MemoryMarshal.GetReference(bytes), (nuint)bytes.Length);
            if (count >= 0)
            {
                bytes = bytes[(int)count..];
            }
            else if (!CanGoOn(descriptor, LibC.POLLOUT))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Tells whether a pipe has room for PIPE_BUF bytes, so that writing no more than those does not wait (pipe(7)).</summary>
    public static bool CanWrite(int descriptor)
    {
        LibC.PollEntry entry = new() { Descriptor = descriptor, Events = LibC.POLLOUT };
        return LibC.poll(ref entry, 1, 0) == 1;
    }

    /// <summary>
    /// Gives the standard streams that we were started without a descriptor that can neither be read nor written: else the next file that
    /// is opened would be one.
    /// </summary>
    public static void EnsureStandardStreams()
    {
        for (int descriptor = StandardInput; descriptor <= StandardError; descriptor++)
        {
            if (LibC.fcntl(descriptor, LibC.F_GETFD) < 0)
            {
                // The lowest free number is this one.
                LibC.open(HostText.ToCString("/"), LibC.O_RDONLY);
            }
        }
    }

    /// <summary>
    /// After a call that failed: whether to try again, which on a descriptor that somebody made non-blocking needs a wait.
    /// </summary>
    private static bool CanGoOn(int descriptor, short events)
    {
        int error = Marshal.GetLastPInvokeError();
        if (error == LibC.EAGAIN)
        {
            LibC.PollEntry entry = new() { Descriptor = descriptor, Events = events };
            LibC.poll(ref entry, 1, -1);
            return true;
        }

        return error == LibC.EINTR;
    }
}
