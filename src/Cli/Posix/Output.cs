using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>What a command prints as its result: unlike a word about something else it must not be lost in silence.</summary>
internal static class Output
{
    /// <summary>Prints text on standard output.</summary>
    /// <exception cref="CommandFailedException">It cannot be written. (Of a reader who has gone the command dies.)</exception>
    public static void Write(string text)
    {
        if (Descriptor.TryWrite(Descriptor.StandardOutput, HostText.ToBytes(text)))
        {
            return;
        }

        int error = Marshal.GetLastPInvokeError();
        switch (error)
        {
            case LibC.EBADF:
                // Nobody was to hear it, see Descriptor.EnsureStandardStreams.
                break;
            case LibC.EPIPE:
                OwnSignal.DieOf(LibC.SIGPIPE, withGroup: false);
                break;
            default:
                throw new CommandFailedException(
                    ExitStatus.Usage, $"standard output cannot be written: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }
}
