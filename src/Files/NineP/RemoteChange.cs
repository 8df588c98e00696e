using Semitone.Abi;

namespace Semitone.Files;

/// <summary>A change that a 9p server is asked for: some requests, one after the other, and what follows from their answers.</summary>
internal sealed class RemoteChange(
    ChangeQueue queue, ChangeQueue? otherQueue, Func<RemoteChange, ValueTask<Errno>> body, bool isCreation = false)
    : PendingChange(queue, otherQueue)
{
    private ValueTask<Errno> _task;

    public override bool IsCreation => isCreation;

    /// <summary>Tells which file was made.</summary>
    public void Make(Inode inode) => Made = inode;

    /// <summary>Tells how much was written.</summary>
    public void NoteWritten(long bytes) => Written = bytes;

    /// <summary>Submits it.</summary>
    public static ChangeResult Begin(
        ChangeQueue queue, ChangeQueue? otherQueue, Func<RemoteChange, ValueTask<Errno>> body, bool isCreation = false)
    {
        RemoteChange change = new(queue, otherQueue, body, isCreation);
        change.Submit();
        return change;
    }

    protected override void Begin()
    {
        _task = body(this);
        if (_task.IsCompleted)
        {
            Complete(_task.GetAwaiter().GetResult());
        }
        else
        {
            _task.GetAwaiter().UnsafeOnCompleted(() => Complete(_task.GetAwaiter().GetResult()));
        }
    }
}
