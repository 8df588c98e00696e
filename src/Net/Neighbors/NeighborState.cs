namespace Semitone.Net;

/// <summary>What is known of a neighbour (RFC 4861, 7.3.2); for ARP the same is done.</summary>
public enum NeighborState : byte
{
    /// <summary>It is asked for.</summary>
    Incomplete,

    /// <summary>It has answered lately.</summary>
    Reachable,

    /// <summary>It has been there; the next packet begins to find out.</summary>
    Stale,

    /// <summary>A packet was sent, and an answer to that would do.</summary>
    Delay,

    /// <summary>It is asked itself.</summary>
    Probe,
}
