namespace Semitone.Files;

/// <summary>
/// The changes of a directory or a file that are under way or wait for their turn: an asynchronous lock, which nobody holds by waiting on
/// a stack.
/// </summary>
public sealed class ChangeQueue
{
    /// <summary>In the order of their arrival; the first is under way, if it is the first wherever it stands.</summary>
    internal Queue<PendingChange> Changes { get; } = new();
}
