namespace Semitone.Net;

/// <summary>Where one datagram goes, and how, where it is not as the endpoint's others (sendmsg(2) with its control data).</summary>
public readonly record struct DatagramTarget
{
    /// <summary>The peer; <see cref="HasAddress"/> says whether it is given.</summary>
    public IpAddress Address { get; init; }

    public ushort Port { get; init; }

    /// <summary>Whether <see cref="Address"/> and <see cref="Port"/> stand for the connected peer.</summary>
    public bool HasAddress { get; init; }

    /// <summary>The address to send from (IP_PKTINFO); any for the endpoint's.</summary>
    public IpAddress Source { get; init; }

    /// <summary>The interface (IP_PKTINFO, a link-local address's scope); 0 for any.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>TTL or hop limit; 0 for the endpoint's.</summary>
    public byte HopLimit { get; init; }

    /// <summary>TOS or traffic class; null for the endpoint's.</summary>
    public byte? TrafficClass { get; init; }
}
