namespace Semitone.Net;

/// <summary>A neighbour: who has an address on a link. Changed by <see cref="NeighborCache"/> only.</summary>
public sealed class NeighborEntry
{
    internal NeighborEntry(NetworkInterface networkInterface, IpAddress address)
    {
        Interface = networkInterface;
        Address = address;
    }

    public NetworkInterface Interface { get; }

    public IpAddress Address { get; }

    public MacAddress Mac { get; internal set; }

    public NeighborState State { get; internal set; }

    public bool IsRouter { get; internal set; }

    /// <summary>When the state ends, or the next question is due.</summary>
    internal long DeadlineNs { get; set; } = long.MaxValue;

    /// <summary>Questions asked in this state.</summary>
    internal int Attempts { get; set; }

    /// <summary>When a packet was last sent to it; the one that is longest unused goes first.</summary>
    internal long LastUsedNs { get; set; } = long.MinValue;

    /// <summary>Frames that wait for the address, the oldest first.</summary>
    internal PacketBuffer? FirstPending { get; set; }

    internal int PendingCount { get; set; }
}
