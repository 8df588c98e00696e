namespace Semitone.Cli;

/// <summary>The end of a command for a reason that its user can do something about.</summary>
/// <param name="status">The status to end with, see <see cref="ExitStatus"/>.</param>
/// <param name="message">What is wrong, and what to do where that is known; lines without a prefix.</param>
/// <param name="cause">What led to it; null where there is no more to know.</param>
public sealed class CommandFailedException(int status, string message, Exception? cause = null) : Exception(message, cause)
{
    public int Status { get; } = status;
}
