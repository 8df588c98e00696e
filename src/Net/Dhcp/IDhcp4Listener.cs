namespace Semitone.Net;

/// <summary>Who is told what a server gives beyond an address and a route: names and name servers.</summary>
/// <remarks>Called from within the stack: it only takes note.</remarks>
public interface IDhcp4Listener
{
    /// <summary>An address was given, or given for longer. Interface and routes have it already.</summary>
    void OnLease(NetworkInterface networkInterface, Dhcp4Lease lease);

    /// <summary>The address is no longer this host's.</summary>
    void OnLeaseLost(NetworkInterface networkInterface);
}
