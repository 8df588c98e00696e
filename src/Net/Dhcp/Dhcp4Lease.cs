namespace Semitone.Net;

/// <summary>What a server has given (RFC 2131, RFC 2132).</summary>
public sealed record Dhcp4Lease
{
    public required IpAddress Address { get; init; }

    public required int PrefixLength { get; init; }

    /// <summary>Who has given it.</summary>
    public required IpAddress Server { get; init; }

    /// <summary>The router; any for none.</summary>
    public IpAddress Router { get; init; } = IpAddress.Ipv4Any;

    public IReadOnlyList<IpAddress> NameServers { get; init; } = [];

    /// <summary>The host's name that the server has for it; empty for none. Letters, digits, hyphens and dots only.</summary>
    public string HostName { get; init; } = "";

    /// <inheritdoc cref="HostName"/>
    public string DomainName { get; init; } = "";

    /// <summary>The link's MTU as the server tells it; 0 when it does not.</summary>
    public int Mtu { get; init; }

    /// <summary>Until when it holds, on the stack's clock; <see cref="long.MaxValue"/> for ever.</summary>
    public required long ExpiresNs { get; init; }

    /// <summary>When the server is asked for more time, and when any server is.</summary>
    public required long RenewNs { get; init; }

    /// <inheritdoc cref="RenewNs"/>
    public required long RebindNs { get; init; }
}
