namespace Semitone.Net;

/// <summary>Options of DHCP that are read or written (RFC 2132).</summary>
internal enum Dhcp4Option : byte
{
    Pad = 0,
    SubnetMask = 1,
    Router = 3,
    NameServers = 6,
    HostName = 12,
    DomainName = 15,
    InterfaceMtu = 26,
    BroadcastAddress = 28,
    RequestedAddress = 50,
    LeaseTime = 51,
    MessageType = 53,
    ServerIdentifier = 54,
    ParameterList = 55,
    LargestMessage = 57,
    RenewalTime = 58,
    RebindingTime = 59,
    ClientIdentifier = 61,
    End = 255,
}
