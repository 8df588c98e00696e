namespace Semitone.Net;

/// <summary>Who is told of what changes in the stack (rtnetlink(7)). Called from within the stack: it only takes note.</summary>
public interface INetworkEvents
{
    /// <summary>An interface has come, gone up or down, or has another MTU.</summary>
    void OnInterfaceChanged(NetworkInterface networkInterface);

    /// <summary>An address has come, has another state, or has gone.</summary>
    void OnAddressChanged(NetworkInterface networkInterface, InterfaceAddress address, bool isRemoved);

    /// <summary>A route has come or gone.</summary>
    void OnRouteChanged(Route route, bool isRemoved);

    /// <summary>A router tells of name servers (RFC 8106).</summary>
    /// <param name="networkInterface">Where.</param>
    /// <param name="servers">The servers; valid during the call.</param>
    /// <param name="validUntilNs">Until when, on the stack's clock.</param>
    void OnNameServers(NetworkInterface networkInterface, ReadOnlySpan<IpAddress> servers, long validUntilNs);
}
