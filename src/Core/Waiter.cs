using System.Diagnostics.CodeAnalysis;
using System.Threading.Tasks.Sources;

namespace Semitone.Core;

/// <summary>The waiting of one thread: reusable, so that a wait allocates nothing of its own.</summary>
/// <remarks>
/// One wait at a time: <see cref="Enlist"/> (any number of queues), then <see cref="WaitAsync"/> or <see cref="Cancel"/>.
/// Completing a wait posts the continuation to the executor; it never runs inside the one that woke, and never on another thread.
/// </remarks>
public sealed class Waiter : Runnable, IQueueMember, IValueTaskSource<WaitResult>
{
    private readonly Executor _executor;
    private readonly Timeout _timeout;
    private KernelLock _lock = new(LockRank.Waiter);
    private State _state;
    private WaitResult _result;
    private WaitMode _mode;
    private bool _isInterruptPending;
    private bool _isKillPending;
    private short _version;
    private Action<object?>? _continuation;
    private object? _continuationState;
    private WaitNode[] _nodes;
    private int _nodeCount;

    private Waiter(Executor executor)
    {
        _executor = executor;
        _timeout = new Timeout(this);
        _nodes = [new WaitNode(this)];
    }

    /// <summary>Makes a waiter, whose deadline has its place among the executor's timers.</summary>
    /// <returns>False when the kernel's heap has no room for it.</returns>
    public static bool TryCreate(Executor executor, [NotNullWhen(true)] out Waiter? waiter)
    {
        Waiter created = new(executor);
        waiter = created._timeout.TryReserve(executor.Timers) ? created : null;
        return waiter is not null;
    }

    private enum State : byte
    {
        /// <summary>No wait; not in any queue.</summary>
        Idle,

        /// <summary>In queues, not waiting yet, not woken.</summary>
        Enlisted,

        /// <summary>Waiting.</summary>
        Waiting,

        /// <summary>Woken, the result not yet fetched.</summary>
        Completed,
    }

    /// <summary>True when an interruptible wait is to end, or not to begin: a signal to be handled, or the end of the process.</summary>
    /// <remarks>Kept up to date by the owner of the thread; setting it ends the wait that is under way.</remarks>
    [NonAllocating]
    public bool IsInterruptPending
    {
        get => _isInterruptPending;
        set
        {
            _isInterruptPending = value;
            if (value && _state == State.Waiting && _mode == WaitMode.Interruptible)
            {
                TryComplete(WaitResult.Interrupted);
            }
        }
    }

    /// <summary>True when a killable wait is to end, or not to begin: the thread is to end.</summary>
    [NonAllocating]
    public bool IsKillPending
    {
        get => _isKillPending;
        set
        {
            _isKillPending = value;
            if (value && _state == State.Waiting && _mode != WaitMode.Uninterruptible)
            {
                TryComplete(WaitResult.Interrupted);
            }
        }
    }

    /// <summary>Who is told that its call goes on; null where nobody asks.</summary>
    public IWaitOwner? Owner { get; set; }

    /// <summary>True from <see cref="WaitAsync"/> to its completion.</summary>
    public bool IsWaiting => _state == State.Waiting;

    /// <summary>The deadline of the last wait, as it is by now.</summary>
    public long DeadlineNs => _timeout.DeadlineNs;

    /// <summary>Which wait is under way, for its <see cref="ValueTask{TResult}"/>.</summary>
    internal short Token => _version;

    /// <summary>Joins a queue: from now on a wake there completes the wait, even one that comes before <see cref="WaitAsync"/>.</summary>
    public void Enlist(WaitQueue queue)
    {
        BeginIfIdle();
        if (_nodeCount == _nodes.Length)
        {
            // All of them are there before any is seen: an allocation that fails changes nothing.
            WaitNode[] nodes = new WaitNode[_nodes.Length * 2];
            _nodes.CopyTo(nodes, 0);
            for (int i = _nodes.Length; i < nodes.Length; i++)
            {
                nodes[i] = new WaitNode(this);
            }

            _nodes = nodes;
        }

        queue.Add(_nodes[_nodeCount++]);
    }

    /// <summary>Prepares a wait that no queue ends but a direct <see cref="TryWake"/>, a timeout or an interruption.</summary>
    public void Begin() => BeginIfIdle();

    /// <summary>Gives the wait up before it began: leaves all queues.</summary>
    public void Cancel()
    {
        LeaveQueues();
        _state = State.Idle;
    }

    /// <summary>Gives up whatever wait there is, when its call has failed: nothing of it goes on.</summary>
    public void Abandon()
    {
        _executor.Timers.Cancel(_timeout);
        LeaveQueues();
        _continuation = null;
        _continuationState = null;
        _version++;
        _state = State.Idle;
    }

    /// <summary>Gives the place among the timers back: the thread waits no more.</summary>
    public void Release() => _timeout.Release();

    /// <summary>Waits for a wake, a deadline or an interruption.</summary>
    /// <param name="deadlineNs">On the monotonic clock; <see cref="long.MaxValue"/> for none.</param>
    /// <param name="mode">What ends it besides.</param>
    /// <param name="followsRealtime">Whether the deadline is a time of day, and moves when that is set.</param>
    public ValueTask<WaitResult> WaitAsync(
        long deadlineNs = long.MaxValue, WaitMode mode = WaitMode.Interruptible, bool followsRealtime = false)
    {
        BeginIfIdle();
        _timeout.DeadlineNs = deadlineNs;
        _mode = mode;
        if (_state == State.Enlisted && IsEndedBefore(mode))
        {
            Finish(WaitResult.Interrupted);
        }

        if (_state == State.Completed)
        {
            WaitResult result = _result;
            Cancel();
            return new ValueTask<WaitResult>(result);
        }

        _state = State.Waiting;
        if (deadlineNs != long.MaxValue)
        {
            _executor.Timers.Arm(_timeout, deadlineNs, followsRealtime);
        }

        return new ValueTask<WaitResult>(this, _version);
    }

    /// <summary>Joins a queue and waits.</summary>
    /// <remarks>For what cannot have happened between the caller's look and this call.</remarks>
    public ValueTask<WaitResult> WaitAsync(WaitQueue queue, long deadlineNs = long.MaxValue, WaitMode mode = WaitMode.Interruptible)
    {
        Enlist(queue);
        return WaitAsync(deadlineNs, mode);
    }

    /// <summary>Wakes the thread, wherever it waits.</summary>
    /// <returns>False when no wait was under way, or another wake came first.</returns>
    [NonAllocating]
    public bool TryWake() => TryComplete(WaitResult.Woken);

    internal bool TryComplete(WaitResult result)
    {
        bool wasWaiting;
        using (_lock.Enter())
        {
            if (_state is not (State.Enlisted or State.Waiting))
            {
                return false;
            }

            wasWaiting = _state == State.Waiting;
            Finish(result);
        }

        // Leaving the other queues at once keeps a later Wake(1) there from being spent on a thread that is awake.
        if (_nodeCount > 0)
        {
            LeaveQueues();
        }

        if (_timeout.IsArmed)
        {
            _executor.Timers.Cancel(_timeout);
        }

        if (wasWaiting && _continuation is not null)
        {
            _executor.Post(this);
        }

        return true;
    }

    /// <inheritdoc/>
    protected internal override void Run()
    {
        if (_continuation is not { } continuation)
        {
            // Its wait was abandoned after it had been posted.
            return;
        }

        object? state = _continuationState;
        _continuation = null;
        _continuationState = null;
        Owner?.OnResuming();
        continuation(state);
        Owner?.OnResumed();
    }

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token)
    {
        CheckToken(token);
        return _state == State.Waiting ? ValueTaskSourceStatus.Pending : ValueTaskSourceStatus.Succeeded;
    }

    /// <inheritdoc/>
    public WaitResult GetResult(short token)
    {
        CheckToken(token);
        if (_state != State.Completed)
        {
            throw new InvalidOperationException("The wait is not over.");
        }

        WaitResult result = _result;
        _version++;
        _state = State.Idle;
        return result;
    }

    /// <inheritdoc/>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        // No scheduling context is ever captured: there is one place where continuations run, the executor.
        CheckToken(token);
        _continuationState = state;
        _continuation = continuation;
        if (_state == State.Completed)
        {
            _executor.Post(this);
        }
    }

    private bool IsEndedBefore(WaitMode mode) =>
        (_isInterruptPending && mode == WaitMode.Interruptible) || (_isKillPending && mode == WaitMode.Killable);

    private void BeginIfIdle()
    {
        if (_state == State.Idle)
        {
            _state = State.Enlisted;
        }
        else if (_state == State.Waiting)
        {
            throw new InvalidOperationException("The thread waits already.");
        }
    }

    private void Finish(WaitResult result)
    {
        _result = result;
        _state = State.Completed;
    }

    private void LeaveQueues()
    {
        for (int i = 0; i < _nodeCount; i++)
        {
            _nodes[i].Queue?.Remove(_nodes[i]);
        }

        _nodeCount = 0;
    }

    private void CheckToken(short token)
    {
        if (token != _version)
        {
            throw new InvalidOperationException("A wait was awaited twice.");
        }
    }

    /// <summary>The deadline of the wait.</summary>
    private sealed class Timeout : KernelTimer
    {
        private readonly Waiter _waiter;

        public Timeout(Waiter waiter)
        {
            _waiter = waiter;
        }

        protected internal override void OnExpired() => _waiter.TryComplete(WaitResult.TimedOut);
    }
}
