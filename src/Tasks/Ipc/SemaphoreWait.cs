using Semitone.Abi;

namespace Semitone.Tasks;

/// <summary>A call of semop(2) that waits until all of its operations can be done at once.</summary>
public sealed class SemaphoreWait(GuestThread thread, Sembuf[] operations, SemaphoreUndo? undo)
{
    public GuestThread Thread { get; } = thread;

    public Sembuf[] Operations { get; } = operations;

    public SemaphoreUndo? Undo { get; } = undo;

    /// <summary>Which of the operations cannot be done.</summary>
    public int Blocking { get; set; }

    /// <summary>Whether it stands in the array's queue: nobody has decided yet.</summary>
    public bool IsQueued { get; set; }

    /// <summary>What the call answers, once it is decided.</summary>
    public Errno Result { get; set; }

    public SemaphoreWait? Next { get; set; }

    public SemaphoreWait? Previous { get; set; }
}
