namespace Semitone.Core;

/// <summary>The place of a <see cref="Core.Waiter"/> in one <see cref="WaitQueue"/>.</summary>
internal sealed class WaitNode
{
    public WaitNode(Waiter waiter)
    {
        Waiter = waiter;
    }

    public Waiter Waiter { get; }

    /// <summary>The queue that it is in; null when in none. Written under that queue's lock.</summary>
    public WaitQueue? Queue { get; set; }

    public WaitNode? Next { get; set; }

    public WaitNode? Previous { get; set; }
}
