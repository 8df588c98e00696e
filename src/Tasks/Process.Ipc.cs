namespace Semitone.Tasks;

/// <content>What a process has to do with System V IPC.</content>
public sealed partial class Process
{
    private SemaphoreUndoList? _semaphoreUndos;

    /// <summary>What is to be undone at semaphores when the process ends (SEM_UNDO in semop(2)).</summary>
    public SemaphoreUndoList SemaphoreUndos => _semaphoreUndos ??= new SemaphoreUndoList();

    /// <summary>The same, if there is anything: what kcmp(2) compares.</summary>
    public SemaphoreUndoList? SharedSemaphoreUndos => _semaphoreUndos;

    /// <summary>
    /// Undoes what is to be undone, if no other process shares that: the process ends, or wants a list of its own (unshare(2),
    /// CLONE_SYSVSEM).
    /// </summary>
    public void LeaveSemaphores()
    {
        SemaphoreUndoList? undos = _semaphoreUndos;
        _semaphoreUndos = null;
        undos?.Leave(this);
    }
}
