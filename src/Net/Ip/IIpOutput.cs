namespace Semitone.Net;

/// <summary>What the transports ask of IP.</summary>
public interface IIpOutput
{
    /// <summary>Changes whenever a route that was found may lead elsewhere, or its MTU has changed.</summary>
    int RouteGeneration { get; }

    /// <summary>Finds how a peer is reached.</summary>
    /// <param name="source">The address to send from; any for the one that suits best (RFC 6724).</param>
    /// <param name="destination">The peer.</param>
    /// <param name="interfaceIndex">The only interface that may be used; 0 for any.</param>
    /// <param name="route">The way.</param>
    NetworkError FindRoute(IpAddress source, IpAddress destination, int interfaceIndex, out IpRoute route);

    /// <summary>Sends a packet. One that must wait for its neighbour's address has been sent.</summary>
    NetworkError Send(in IpRoute route, in TransportPacket packet, long nowNs);

    /// <summary>Whether an address is this host's own, for <c>bind</c>: all of 127.0.0.0/8 are.</summary>
    /// <param name="address">Not any.</param>
    /// <param name="interfaceIndex">The only interface that may have it (a link-local address's scope); 0 for any.</param>
    bool IsLocalAddress(IpAddress address, int interfaceIndex);

    /// <summary>
    /// Takes note that packets to a peer are too large, after the transport has made sure that the complaint quotes a packet of its own
    /// (RFC 5927, 7). Routes to the peer say so from now on, never less than 552 bytes for IPv4 and 1280 for IPv6.
    /// </summary>
    void LowerPathMtu(IpAddress destination, int mtu, long nowNs);

    /// <summary>Tells that a peer has answered something recent, so that its neighbour is known to be there (RFC 4861, 7.3.1).</summary>
    void ConfirmReachable(in IpRoute route, long nowNs);
}
