namespace Semitone.Cli.Posix;

/// <summary>Signals that the command raises against itself, so that a shell sees the end or the stop that the program came to.</summary>
internal static class OwnSignal
{
    private const int ActionSize = 256;

    private static readonly byte[] s_default = new byte[ActionSize];

    /// <summary>Dies of a signal. Returns only where that does not end a process.</summary>
    /// <param name="signal">Its number.</param>
    /// <param name="withGroup">The whole process group gets it, as from a terminal.</param>
    public static void DieOf(int signal, bool withGroup)
    {
        // Else SIGQUIT would leave an image of the command where the user looks for one of the program.
        LibC.prctl(LibC.PR_SET_DUMPABLE, 0, 0, 0, 0);
        LibC.sigaction(signal, s_default, null);
        LibC.kill(withGroup ? 0 : LibC.getpid(), signal);
    }

    /// <summary>
    /// Stops by a signal, and returns when the shell has let the command go on; at once when nobody would (an orphaned process group).
    /// </summary>
    public static void StopBy(int signal, bool withGroup)
    {
        // SIGSTOP has no action that could be set.
        byte[] former = new byte[ActionSize];
        bool isSet = LibC.sigaction(signal, s_default, former) == 0;
        LibC.kill(withGroup ? 0 : LibC.getpid(), signal);
        if (isSet)
        {
            LibC.sigaction(signal, former, null);
        }
    }
}
