namespace Semitone.Net;

/// <summary>What the cache of neighbours asks to have done.</summary>
internal interface INeighborSolicitor
{
    /// <summary>Asks on the link who has an address, or the neighbour whether it still has it.</summary>
    void Solicit(NeighborEntry entry, bool isUnicast, long nowNs);

    /// <summary>Sends a frame whose Ethernet header has been left open.</summary>
    void SendResolved(NeighborEntry entry, Span<byte> frame, long nowNs);

    /// <summary>Tells the sender of a frame that nobody has answered.</summary>
    void ReportFailure(NeighborEntry entry, Span<byte> frame, long nowNs);
}
