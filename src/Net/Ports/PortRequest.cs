namespace Semitone.Net;

/// <summary>What a port is wanted for.</summary>
public readonly record struct PortRequest
{
    /// <summary>What will be bound.</summary>
    public PortBinding Binding { get; init; }

    /// <summary>
    /// The peer, where it is known already: then the port need be free for this peer only, so that there are as many ports as peers
    /// times the range. Port 0 for none.
    /// </summary>
    public IpAddress RemoteAddress { get; init; }

    /// <inheritdoc cref="RemoteAddress"/>
    public ushort RemotePort { get; init; }
}
