namespace Semitone.Net;

/// <summary>Who gave an address or a route.</summary>
public enum AddressOrigin : byte
{
    /// <summary>Somebody who administers.</summary>
    Manual,

    /// <summary>The stack itself: the loop back, a link-local address, the network of an address.</summary>
    Kernel,

    Dhcp,

    /// <summary>A router's advertisement.</summary>
    RouterAdvertisement,
}
