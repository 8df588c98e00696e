namespace Semitone.Net;

/// <summary>A complaint about a datagram that an endpoint has sent (IP_RECVERR: struct sock_extended_err).</summary>
public readonly record struct QueuedError
{
    public required NetworkError Error { get; init; }

    /// <summary>Whether a message of ICMP said so, and not this host itself.</summary>
    public bool IsFromIcmp { get; init; }

    public byte Type { get; init; }

    public byte Code { get; init; }

    /// <summary>The MTU, for <see cref="NetworkError.MessageTooLong"/>; else 0.</summary>
    public int Information { get; init; }

    /// <summary>Who complains.</summary>
    public IpAddress Offender { get; init; }

    /// <summary>Where the datagram went.</summary>
    public IpAddress Destination { get; init; }

    public ushort DestinationPort { get; init; }
}
