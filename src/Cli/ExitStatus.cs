namespace Semitone.Cli;

/// <summary>The statuses that <c>semitone</c> ends with when it is not the program's own.</summary>
/// <remarks>As a shell, env(1) and timeout(1) have them, and two of our own below those.</remarks>
public static class ExitStatus
{
    /// <summary>A command about machines could not do what it was asked for one of them; docker's too.</summary>
    public const int General = 1;

    /// <summary>The kernel died of a bug of its own.</summary>
    public const int KernelPanic = 121;

    /// <summary>The virtual machine could not be started, or ended without telling the program's status.</summary>
    public const int MachineFailed = 122;

    /// <summary>The time that <c>--timeout</c> gave has run out.</summary>
    public const int TimedOut = 124;

    /// <summary>The command line is wrong, or what it names cannot be used.</summary>
    public const int Usage = 125;

    /// <summary>The program was found but cannot be run.</summary>
    public const int CannotRun = 126;

    /// <summary>The program, its interpreter or one of its libraries was not found.</summary>
    public const int NotFound = 127;

    /// <summary>Added to the number of the signal that ended the program or the command.</summary>
    public const int SignalBase = 128;
}
