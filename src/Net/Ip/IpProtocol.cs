namespace Semitone.Net;

/// <summary>What an IP packet carries (IANA, Assigned Internet Protocol Numbers).</summary>
public enum IpProtocol : byte
{
    HopByHop = 0,
    Icmp = 1,
    Igmp = 2,
    Tcp = 6,
    Udp = 17,
    Ipv6Routing = 43,
    Ipv6Fragment = 44,
    Icmpv6 = 58,
    NoNextHeader = 59,
    DestinationOptions = 60,
}
