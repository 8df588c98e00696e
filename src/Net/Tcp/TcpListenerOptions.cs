namespace Semitone.Net;

/// <summary>How a listener is bound.</summary>
public readonly record struct TcpListenerOptions
{
    /// <summary>What listen(2) was called with.</summary>
    public required int Backlog { get; init; }

    /// <summary>The only interface that it takes from (SO_BINDTODEVICE); 0 for any.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>Whether :: does not mean IPv4 too (IPV6_V6ONLY).</summary>
    public bool IsIpv6Only { get; init; }

    /// <summary>Whether it shares its port with others of the kind (SO_REUSEPORT): a hash tells whose a peer is.</summary>
    public bool IsPortShared { get; init; }
}
