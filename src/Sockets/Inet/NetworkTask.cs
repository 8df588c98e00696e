using Semitone.Core;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>Frames that a device has received and that nobody has taken yet.</summary>
public interface IFrameSource
{
    /// <summary>Hands frames to the stack (<see cref="NetworkStack.Input"/>).</summary>
    /// <returns>True when there are more than one turn should take.</returns>
    bool ReceiveFrames(long nowNs);
}

/// <summary>The kernel task that drives a network stack: frames in, deadlines, what the host sends to itself, frames out.</summary>
/// <remarks>
/// It runs when somebody posts it: a driver that has frames (<see cref="Post"/>, also from an interrupt), the one timer that stands for all
/// deadlines of the stack, or a socket that leaves something for when the programs have had their turns. It allocates nothing.
/// Sockets call <see cref="Settle"/> after whatever may have made the stack send: what goes to this host arrives before the call
/// returns, as on Linux, and links are kicked once.
/// </remarks>
public sealed class NetworkTask : Runnable
{
    /// <summary>Rounds over the loop back that one call of a program pays for; the others go on when the task has its turn.</summary>
    private const int SettleRounds = 16;

    private readonly Executor _executor;
    private readonly NetworkStack _stack;
    private readonly TcpLayer _tcp;
    private readonly Deadline _deadline;
    private IFrameSource[] _sources = [];
    private bool _isSettling;

    private NetworkTask(Executor executor, NetworkStack stack, TcpLayer tcp)
    {
        _executor = executor;
        _stack = stack;
        _tcp = tcp;
        _deadline = new Deadline(this);
    }

    /// <summary>The time, as the stack is told it.</summary>
    public long NowNs => _executor.Clock.MonotonicNs;

    /// <summary>Makes the task of a stack, with a place among the executor's timers.</summary>
    /// <returns>Null when the kernel's heap has no room.</returns>
    public static NetworkTask? TryCreate(Executor executor, NetworkStack stack, TcpLayer tcp)
    {
        NetworkTask task = new(executor, stack, tcp);
        return task._deadline.TryReserve(executor.Timers) ? task : null;
    }

    /// <summary>Asks a source for its frames in every turn.</summary>
    public void AddSource(IFrameSource source) => _sources = [.. _sources, source];

    /// <summary>Gives the task a turn: there are frames, or links have room again.</summary>
    [NonAllocating]
    public void Post() => _executor.Post(this);

    /// <summary>Brings about what a socket's call has caused.</summary>
    public void Settle()
    {
        if (_isSettling)
        {
            return;
        }

        _isSettling = true;
        long nowNs = NowNs;
        for (int i = 0; i < SettleRounds && _stack.NextDeadlineNs <= nowNs; i++)
        {
            _stack.Poll(nowNs);
        }

        _stack.FlushLinks();
        _isSettling = false;
        if (_tcp.HasOwedAcknowledgments)
        {
            _executor.Post(this);
        }

        Arm(nowNs);
    }

    protected override void Run()
    {
        long nowNs = NowNs;
        bool hasMore = false;
        foreach (IFrameSource source in _sources)
        {
            hasMore |= source.ReceiveFrames(nowNs);
        }

        _stack.Poll(nowNs);

        // Whoever was runnable has had a turn, and has answered what it wanted to answer.
        if (!hasMore)
        {
            _tcp.FlushAcknowledgments(nowNs);
        }

        _stack.FlushLinks();
        if (hasMore)
        {
            _executor.Post(this);
        }

        Arm(nowNs);
    }

    private void Arm(long nowNs)
    {
        long deadlineNs = _stack.NextDeadlineNs;
        if (deadlineNs <= nowNs)
        {
            _executor.Post(this);
        }
        else if (deadlineNs != long.MaxValue && (!_deadline.IsArmed || deadlineNs < _deadline.DeadlineNs))
        {
            _executor.Timers.Cancel(_deadline);
            _executor.Timers.Arm(_deadline, deadlineNs);
        }

        // A deadline that has moved away stays armed: it goes off once for nothing, which costs less than to move it each time.
    }

    private sealed class Deadline(NetworkTask task) : KernelTimer
    {
        protected override void OnExpired() => task.Post();
    }
}
