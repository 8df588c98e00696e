namespace Semitone.Net;

/// <summary>Where packets to some addresses go.</summary>
public sealed record Route
{
    /// <summary>The addresses.</summary>
    public required IpPrefix Prefix { get; init; }

    /// <summary>The router, or any where the addresses are on the link itself.</summary>
    public IpAddress Gateway { get; init; }

    public required int InterfaceIndex { get; init; }

    /// <summary>Of several ways to the same addresses the one with the lowest is taken.</summary>
    public uint Metric { get; init; }

    /// <summary>The address to send from; any for the interface's best.</summary>
    public IpAddress PreferredSource { get; init; }

    public AddressOrigin Origin { get; init; }

    /// <summary>Until when it holds, on the stack's clock in nanoseconds.</summary>
    public long ValidUntilNs { get; init; } = long.MaxValue;

    public bool HasGateway => !Gateway.IsAny;
}
