namespace Semitone.Net;

/// <summary>What an endpoint has received, with what recvmsg(2) tells of it (ip(7), ipv6(7)).</summary>
public readonly record struct ReceivedDatagram
{
    /// <summary>The payload. Whoever takes the datagram owns it.</summary>
    public required PacketBuffer Buffer { get; init; }

    public IpAddress Source { get; init; }

    /// <summary>0 where the protocol has none.</summary>
    public ushort SourcePort { get; init; }

    /// <summary>The address that it was sent to (IP_PKTINFO).</summary>
    public IpAddress Destination { get; init; }

    /// <summary>The port that it was sent to (IP_RECVORIGDSTADDR).</summary>
    public ushort DestinationPort { get; init; }

    public int InterfaceIndex { get; init; }

    public byte HopLimit { get; init; }

    public byte TrafficClass { get; init; }

    /// <summary>When it came, on the stack's clock.</summary>
    public long ReceivedNs { get; init; }
}
