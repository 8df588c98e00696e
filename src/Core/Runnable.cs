namespace Semitone.Core;

/// <summary>Something that an <see cref="Executor"/> can run: a guest thread, or the continuation of a wait.</summary>
/// <remarks>The link of the run queue is inside, so that queueing never allocates. An item is in one queue at most.</remarks>
public abstract class Runnable
{
    internal Runnable? Next { get; set; }

    /// <summary>True from the moment it is posted until it is taken to run.</summary>
    public bool IsQueued { get; internal set; }

    /// <summary>Runs on the executor's thread, until there is nothing more to do at once.</summary>
    protected internal abstract void Run();
}
