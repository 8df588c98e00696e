namespace Semitone.Net;

/// <summary>Types of ICMPv6 messages (RFC 4443, RFC 4861, RFC 3810); errors are below 128.</summary>
public enum Icmpv6Type : byte
{
    DestinationUnreachable = 1,
    PacketTooBig = 2,
    TimeExceeded = 3,
    ParameterProblem = 4,
    FirstInformational = 128,
    EchoRequest = 128,
    EchoReply = 129,
    MulticastListenerQuery = 130,
    RouterSolicitation = 133,
    RouterAdvertisement = 134,
    NeighborSolicitation = 135,
    NeighborAdvertisement = 136,
    Redirect = 137,
    MulticastListenerReport = 143,
}
