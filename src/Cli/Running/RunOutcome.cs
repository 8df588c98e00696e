using Semitone.Cli.Posix;

namespace Semitone.Cli.Running;

/// <summary>How a run ended.</summary>
/// <param name="Status">The status to end with.</param>
/// <param name="Signal">The signal that ended the program, or us; 0 for none.</param>
/// <param name="IsTyped">It was typed at the terminal, which would have sent it to the whole process group.</param>
internal readonly record struct RunOutcome(int Status, int Signal = 0, bool IsTyped = false)
{
    /// <summary>
    /// Dies of the signal that ended the program, so that a shell sees what it would have seen of the program: a loop ends with Ctrl-C.
    /// </summary>
    /// <remarks>Not of those that tell of a fault: they would look like a fault of the command, and shells call them one.</remarks>
    public void DieOfSignal()
    {
        if (Signal is LibC.SIGHUP or LibC.SIGINT or LibC.SIGQUIT or LibC.SIGKILL or LibC.SIGPIPE or LibC.SIGTERM or LibC.SIGUSR1
            or LibC.SIGUSR2 or LibC.SIGALRM)
        {
            OwnSignal.DieOf(Signal, IsTyped);
        }
    }
}
