using Semitone.Abi;
using Semitone.Core;

namespace Semitone.Files;

/// <summary>
/// A change of a file, or of one or two directories, that somebody else makes: begun when no earlier one of theirs is under way, over when
/// the answer is there.
/// </summary>
/// <remarks>
/// It takes its place in the queues of both directories at once, so two renames that cross each other cannot wait for one another. Whoever
/// asked for it may be gone when it is over: it goes on by itself, as a change that was sent cannot be taken back.
/// </remarks>
public abstract class PendingChange
{
    private readonly ChangeQueue _queue;
    private readonly ChangeQueue? _otherQueue;
    private bool _hasBegun;

    /// <param name="queue">Of the file or directory that is changed.</param>
    /// <param name="otherQueue">Of a second one (rename(2)); null or the same where there is none.</param>
    protected PendingChange(ChangeQueue queue, ChangeQueue? otherQueue = null)
    {
        _queue = queue;
        _otherQueue = otherQueue == queue ? null : otherQueue;
    }

    /// <summary>Woken when it is over.</summary>
    public WaitQueue Ends { get; } = new();

    public bool IsOver { get; private set; }

    /// <summary>What the call answers that asked for it; valid when it is over.</summary>
    public Errno Result { get; private set; }

    /// <summary>The file that it has made, or made ready to be opened, if it does and the result is None.</summary>
    public Inode? Made { get; protected set; }

    /// <summary>Whether <see cref="Made"/> was not there before.</summary>
    public virtual bool IsCreation => true;

    /// <summary>What is to be told when it is made; null while nobody watches.</summary>
    internal FileNews? News { get; set; }

    /// <summary>What those who watch the file are told when it is made; None for nothing.</summary>
    internal (Inode Inode, InotifyMask What)? Use { get; set; }

    /// <summary>Bytes that a change of contents has written.</summary>
    public long Written { get; protected set; }

    /// <summary>Begins it, or makes it wait for its turn.</summary>
    public void Submit()
    {
        _queue.Changes.Enqueue(this);
        _otherQueue?.Changes.Enqueue(this);
        BeginIfFirst();
    }

    /// <summary>Asks for the change. <see cref="Complete"/> must follow, at once or later.</summary>
    protected abstract void Begin();

    /// <summary>Ends it, and begins what waited for that.</summary>
    protected void Complete(Errno result)
    {
        Result = result;
        IsOver = true;
        _queue.Changes.Dequeue();
        _otherQueue?.Changes.Dequeue();
        News?.Finish(result);
        if (Use is var (inode, what) && result == Errno.None)
        {
            inode.Notify(what);
        }

        Ends.WakeAll();
        BeginNext(_queue);
        if (_otherQueue is not null)
        {
            BeginNext(_otherQueue);
        }
    }

    private static void BeginNext(ChangeQueue queue)
    {
        if (queue.Changes.TryPeek(out PendingChange? next))
        {
            next.BeginIfFirst();
        }
    }

    private void BeginIfFirst()
    {
        bool isFirst = _queue.Changes.Peek() == this && (_otherQueue is null || _otherQueue.Changes.Peek() == this);
        if (isFirst && !_hasBegun)
        {
            _hasBegun = true;
            Begin();
        }
    }
}
