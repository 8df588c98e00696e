namespace Semitone.Net;

/// <summary>An address that an interface has.</summary>
public sealed class InterfaceAddress
{
    internal InterfaceAddress(IpAddress address, int prefixLength, AddressOrigin origin)
    {
        Address = address;
        Prefix = new IpPrefix(address, prefixLength);
        Origin = origin;

        // A network of one or two addresses has none to spare (RFC 3021).
        Broadcast = address.IsIpv4 && prefixLength <= 30 ? Prefix.Last : default;
    }

    public IpAddress Address { get; }

    /// <summary>The network that is reached over the interface without a router.</summary>
    public IpPrefix Prefix { get; }

    /// <summary>All of the network, for IPv4; else <see cref="IpAddress.Ipv6Any"/>.</summary>
    public IpAddress Broadcast { get; }

    public AddressOrigin Origin { get; }

    public AddressState State { get; internal set; } = AddressState.Preferred;

    /// <summary>Until when new connections may use it, on the stack's clock in nanoseconds; <see cref="long.MaxValue"/> for ever.</summary>
    public long PreferredUntilNs { get; internal set; } = long.MaxValue;

    /// <summary>Until when it exists.</summary>
    public long ValidUntilNs { get; internal set; } = long.MaxValue;

    /// <summary>When it is known that nobody else has it, or is asked next; <see cref="long.MaxValue"/> when it is known.</summary>
    internal long DetectionDeadlineNs { get; set; } = long.MaxValue;

    /// <summary>How often that is still asked.</summary>
    internal int DetectionsLeft { get; set; }

    public bool IsUsable => State != AddressState.Duplicate;
}
