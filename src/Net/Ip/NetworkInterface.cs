namespace Semitone.Net;

/// <summary>A link with what IP knows of it. Changed by <see cref="NetworkStack"/> only.</summary>
public sealed class NetworkInterface
{
    private readonly List<InterfaceAddress> _addresses = [];
    private int _mtu;

    internal NetworkInterface(ILink link, int index, string name)
    {
        Link = link;
        Index = index;
        Name = name;
        _mtu = link.Mtu;
    }

    public ILink Link { get; }

    /// <summary>Its number, from 1 on (if_nametoindex(3)).</summary>
    public int Index { get; }

    public string Name { get; }

    public bool IsLoopback => !Link.IsEthernet;

    /// <summary>Whether it is to be used (IFF_UP).</summary>
    public bool IsUp { get; internal set; }

    /// <summary>Whether it can be used (IFF_RUNNING).</summary>
    public bool IsRunning => IsUp && Link.IsUp;

    /// <summary>Bytes of the largest packet: the link's, or less.</summary>
    public int Mtu
    {
        get => _mtu;
        internal set => _mtu = Math.Min(value, Link.Mtu);
    }

    /// <summary>What a router says of IPv6's packets; 0 for nothing.</summary>
    internal int Ipv6Mtu { get; set; }

    /// <summary>When the groups are told to the routers (again); <see cref="long.MaxValue"/> for never.</summary>
    internal long GroupReportDueNs { get; set; } = long.MaxValue;

    /// <summary>The IPv6 hop limit that a router has told; 0 for the usual one.</summary>
    public byte HopLimit { get; internal set; }

    public IReadOnlyList<InterfaceAddress> Addresses => _addresses;

    public InterfaceCounters Counters { get; } = new();

    /// <summary><see cref="Addresses"/>, to be gone through without an enumerator on the heap.</summary>
    internal List<InterfaceAddress> AddressList => _addresses;

    internal MulticastGroups Groups { get; } = new();

    /// <summary>Whether the carrier was there when last looked.</summary>
    internal bool WasRunning { get; set; }

    /// <summary>IPv6's configuration by routers; null where there is none.</summary>
    internal Ipv6Autoconfiguration? Autoconfiguration { get; set; }

    /// <summary>Who asks a server for an address; null for nobody.</summary>
    internal Dhcp4Client? Dhcp { get; set; }

    /// <summary>Finds an address; null when the interface does not have it.</summary>
    public InterfaceAddress? Find(IpAddress address)
    {
        foreach (InterfaceAddress candidate in _addresses)
        {
            if (candidate.Address == address)
            {
                return candidate;
            }
        }

        return null;
    }

    /// <summary>Whether an address means all of one of the interface's networks (RFC 1122, 3.3.6): the last of it, or the old form, the first.</summary>
    public bool IsBroadcast(IpAddress address)
    {
        if (!address.IsIpv4)
        {
            return false;
        }

        if (address.IsLimitedBroadcast)
        {
            return true;
        }

        foreach (InterfaceAddress candidate in _addresses)
        {
            if (candidate.Broadcast == address || (candidate.Broadcast.IsIpv4 && candidate.Prefix.Address == address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an address is in one of the interface's networks.</summary>
    public bool IsOnLink(IpAddress address)
    {
        foreach (InterfaceAddress candidate in _addresses)
        {
            if (candidate.Prefix.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Bytes of the largest packet of a version.</summary>
    internal int MtuOf(bool isIpv4) => isIpv4 || Ipv6Mtu == 0 ? _mtu : Math.Min(_mtu, Ipv6Mtu);

    internal void Add(InterfaceAddress address) => _addresses.Add(address);

    internal void Remove(InterfaceAddress address) => _addresses.Remove(address);
}
