namespace Semitone.Net;

/// <summary>What an endpoint has bound besides its port, as far as it decides whether another may have the port too (socket(7), ip(7)).</summary>
public readonly record struct PortBinding
{
    /// <summary>The local address; any for all of them.</summary>
    public IpAddress Address { get; init; }

    /// <summary>Whether <see cref="Address"/> is IPv6's any and does not stand for those of IPv4 (IPV6_V6ONLY).</summary>
    public bool IsIpv6Only { get; init; }

    /// <summary>The only interface (SO_BINDTODEVICE); 0 for all.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>SO_REUSEADDR.</summary>
    public bool ReuseAddress { get; init; }

    /// <summary>SO_REUSEPORT.</summary>
    public bool ReusePort { get; init; }

    /// <summary>Whose it is (the effective user): those who share by SO_REUSEPORT are one user's.</summary>
    public uint Owner { get; init; }

    /// <summary>Whether it listens (TCP): SO_REUSEADDR shares no port with a listener.</summary>
    public bool IsListening { get; init; }

    /// <summary>Whether two endpoints of one protocol cannot both have a port.</summary>
    public bool ConflictsWith(in PortBinding other)
    {
        if (InterfaceIndex != 0 && other.InterfaceIndex != 0 && InterfaceIndex != other.InterfaceIndex)
        {
            return false;
        }

        if (!Overlaps(other))
        {
            return false;
        }

        bool isShared = (ReuseAddress && other.ReuseAddress && !IsListening && !other.IsListening)
            || (ReusePort && other.ReusePort && Owner == other.Owner);
        return !isShared;
    }

    /// <summary>Whether some address is meant by both.</summary>
    private bool Overlaps(in PortBinding other)
    {
        if (Address.IsAny && other.Address.IsAny)
        {
            return Address.IsIpv4 == other.Address.IsIpv4 || Covers(other.Address) || other.Covers(Address);
        }

        return Address == other.Address || Covers(other.Address) || other.Covers(Address);
    }

    /// <summary>Whether this is the any of an address.</summary>
    private bool Covers(IpAddress address) =>
        Address.IsAny && (Address.IsIpv4 ? address.IsIpv4 : !address.IsIpv4 || !IsIpv6Only);
}
