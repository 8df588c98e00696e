namespace Semitone.Net;

/// <summary>How a peer is reached now. A value: whoever keeps one asks again when <see cref="IIpOutput.RouteGeneration"/> has changed.</summary>
public readonly record struct IpRoute
{
    public required IpAddress Source { get; init; }

    public required IpAddress Destination { get; init; }

    /// <summary>Who is next on the link: the destination, or a router.</summary>
    public required IpAddress NextHop { get; init; }

    /// <summary>The interface's number (if_nametoindex(3)).</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Bytes of the largest packet that arrives whole: of the link, or of what is known of the path (RFC 1191, RFC 8201).</summary>
    public required int Mtu { get; init; }

    /// <summary>Bytes of payload that one call of <see cref="IIpOutput.Send"/> takes for the link to cut; 0 where it cannot.</summary>
    public int LargestSegmentedPayload { get; init; }

    /// <summary>Whether the destination is this host.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Whether the destination is all of a network, by this or by the interface's own broadcast address.</summary>
    public bool IsBroadcast { get; init; }
}
