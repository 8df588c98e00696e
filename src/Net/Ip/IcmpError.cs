namespace Semitone.Net;

/// <summary>A complaint about a packet of this host's (RFC 792, RFC 4443), with the packet's beginning.</summary>
public readonly ref struct IcmpError
{
    /// <summary>What it means for who sent the packet (RFC 1122, 4.2.3.9).</summary>
    public required NetworkError Error { get; init; }

    /// <summary>Whether it may pass: a route that flaps ends no connection.</summary>
    public bool IsSoft { get; init; }

    /// <summary>The MTU of the next hop, where the packet was too large; else 0.</summary>
    public int Mtu { get; init; }

    /// <summary>Type and code as they came (IP_RECVERR).</summary>
    public byte Type { get; init; }

    public byte Code { get; init; }

    /// <summary>Who complains.</summary>
    public IpAddress Offender { get; init; }

    /// <summary>From and to whom the packet went.</summary>
    public required IpAddress Source { get; init; }

    public required IpAddress Destination { get; init; }

    /// <summary>The transport's header, as much as was quoted: 8 bytes at least.</summary>
    public required ReadOnlySpan<byte> Quoted { get; init; }
}
