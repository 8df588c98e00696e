namespace Semitone.Core;

/// <summary>Hears every wake of the queues that it has joined, until it leaves them; no thread waits.</summary>
/// <remarks>An epoll instance stands in the queues of the files it watches in this way.</remarks>
public abstract class WaitListener : IQueueMember
{
    private Node? _nodes;

    public void Enlist(WaitQueue queue)
    {
        Node node = new(this, queue) { NextOfListener = _nodes };
        _nodes = node;
        queue.Add(node);
    }

    /// <summary>Leaves all queues.</summary>
    public void LeaveQueues()
    {
        for (Node? node = _nodes; node is not null; node = node.NextOfListener)
        {
            node.Queue.Remove(node);
        }

        _nodes = null;
    }

    /// <summary>Something happened that may be what the listener wants to know.</summary>
    /// <remarks>
    /// Called in the middle of a write or an interrupt: take note, wake others, and do no more. Joins and leaves no queue.
    /// </remarks>
    [NonAllocating]
    protected internal abstract void OnWake();

    /// <summary>The place of a listener in one queue.</summary>
    internal sealed class Node(WaitListener listener, WaitQueue queue)
    {
        public WaitListener Listener { get; } = listener;

        public WaitQueue Queue { get; } = queue;

        public Node? NextOfListener { get; init; }

        public Node? Next { get; set; }

        public Node? Previous { get; set; }
    }
}
