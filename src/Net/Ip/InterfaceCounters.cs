namespace Semitone.Net;

/// <summary>What an interface has seen, by Linux's names (struct rtnl_link_stats64).</summary>
public sealed class InterfaceCounters
{
    public long RxPackets { get; internal set; }

    public long RxBytes { get; internal set; }

    public long RxErrors { get; internal set; }

    /// <summary>Received and thrown away for want of room.</summary>
    public long RxDropped { get; internal set; }

    /// <summary>Received for a protocol that there is not.</summary>
    public long RxNoHandler { get; internal set; }

    public long Multicast { get; internal set; }

    public long TxPackets { get; internal set; }

    public long TxBytes { get; internal set; }

    public long TxErrors { get; internal set; }

    /// <summary>Not sent because the link had no room.</summary>
    public long TxDropped { get; internal set; }
}
