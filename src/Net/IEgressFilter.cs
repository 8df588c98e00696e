namespace Semitone.Net;

/// <summary>A rule for what may leave the host: asked below the transports, of every packet that is not to the host itself.</summary>
/// <remarks>What the stack says on its own account to its neighbours (ARP, NDP, DHCP, group reports) is not asked for.</remarks>
public interface IEgressFilter
{
    /// <summary>Whether a packet may be sent; else its sender is told <see cref="NetworkError.NotPermitted"/>.</summary>
    /// <param name="protocol">The transport.</param>
    /// <param name="destination">The peer.</param>
    /// <param name="port">The peer's port for TCP and UDP; 0 for others.</param>
    bool Allows(IpProtocol protocol, IpAddress destination, ushort port);
}
