using System.Runtime.InteropServices;

namespace Semitone.Cli.Posix;

/// <summary>Two stream sockets that are connected: one for us, one for a child.</summary>
/// <param name="Ours">Our end.</param>
/// <param name="Theirs">The child's end, to be closed here once it has it.</param>
internal readonly record struct SocketPair(int Ours, int Theirs)
{
    /// <summary>Beyond the numbers that a child is given.</summary>
    private const int FirstDescriptor = 16;

    public static SocketPair Create()
    {
        int[] ends = new int[2];
        if (LibC.socketpair(LibC.AF_UNIX, LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC, 0, ends) != 0)
        {
            throw new CommandFailedException(
                ExitStatus.MachineFailed, $"no sockets could be made: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }

        int theirs = LibC.fcntl(ends[1], LibC.F_DUPFD_CLOEXEC, FirstDescriptor);
        LibC.close(ends[1]);
        return new SocketPair(ends[0], theirs);
    }
}
