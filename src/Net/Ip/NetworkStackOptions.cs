namespace Semitone.Net;

/// <summary>What a stack is made with.</summary>
public sealed record NetworkStackOptions
{
    public required INetworkRandom Random { get; init; }

    /// <summary>Who is asked before buffers are made; null for nobody.</summary>
    public IMemoryBudget? Memory { get; init; }

    /// <summary>What may leave the host; null for everything.</summary>
    public IEgressFilter? Filter { get; init; }

    /// <summary>Who is told of changes; null for nobody.</summary>
    public INetworkEvents? Events { get; init; }

    /// <summary>Bytes of buffers that the stack itself may make: for the loop back, copies, and packets that wait for a neighbour.</summary>
    public int BufferLimit { get; init; } = 16 << 20;
}
