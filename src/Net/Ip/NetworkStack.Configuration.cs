namespace Semitone.Net;

/// <content>What is set: interfaces, addresses, routes, groups.</content>
public sealed partial class NetworkStack
{
    /// <summary>Addresses that one interface may have.</summary>
    public const int AddressLimit = 64;

    /// <summary>Adds an interface, which is down but for the loop back.</summary>
    /// <param name="link">What it sends by.</param>
    /// <param name="name">Its name.</param>
    public NetworkInterface AddInterface(ILink link, string name)
    {
        NetworkInterface networkInterface = new(link, _interfaces.Count + 1, name);
        _interfaces.Add(networkInterface);
        networkInterface.Groups.TryJoin(Ipv4AllHosts, out _);
        networkInterface.Groups.TryJoin(Ipv6AllNodes, out _);
        networkInterface.Groups.TryJoin(Ipv6AllNodesOfInterface, out _);
        if (networkInterface.IsLoopback)
        {
            networkInterface.IsUp = true;
            networkInterface.WasRunning = true;
            AddAddress(networkInterface, Ipv4Loopback, 8, AddressOrigin.Kernel, 0);
            AddAddress(networkInterface, Ipv6Loopback, 128, AddressOrigin.Kernel, 0);
        }

        return networkInterface;
    }

    /// <summary>Lets an interface be used, or not (IFF_UP). One that goes down forgets its neighbours.</summary>
    public void SetUp(NetworkInterface networkInterface, bool isUp, long nowNs)
    {
        if (networkInterface.IsUp == isUp)
        {
            return;
        }

        networkInterface.IsUp = isUp;
        RouteGeneration++;
        CheckLinks(nowNs);
        Events?.OnInterfaceChanged(networkInterface);
    }

    /// <summary>Sets the largest packet.</summary>
    /// <param name="networkInterface">The interface.</param>
    /// <param name="mtu">68 bytes (RFC 791) to what the link takes.</param>
    public NetworkError SetMtu(NetworkInterface networkInterface, int mtu)
    {
        if (mtu < 68 || mtu > networkInterface.Link.Mtu)
        {
            return NetworkError.InvalidState;
        }

        networkInterface.Mtu = mtu;
        RouteGeneration++;
        Events?.OnInterfaceChanged(networkInterface);
        return NetworkError.None;
    }

    /// <summary>Gives an interface an address, with the route to its network. One of IPv6 is good from the start (RFC 4429) and is asked about meanwhile.</summary>
    /// <returns><see cref="NetworkError.AddressInUse"/> when it has it; <see cref="NetworkError.NoBuffers"/> when it has too many.</returns>
    public NetworkError AddAddress(NetworkInterface networkInterface, IpAddress address, int prefixLength, AddressOrigin origin, long nowNs)
    {
        if (networkInterface.Find(address) is not null)
        {
            return NetworkError.AddressInUse;
        }

        if (address.IsMulticast || address.IsLimitedBroadcast || address.IsAny)
        {
            return NetworkError.AddressNotAvailable;
        }

        if (networkInterface.Addresses.Count >= AddressLimit)
        {
            return NetworkError.NoBuffers;
        }

        InterfaceAddress added = new(address, prefixLength, origin);
        networkInterface.Add(added);
        if (prefixLength < (address.IsIpv4 ? 32 : 128))
        {
            AddRoute(new Route
            {
                Prefix = added.Prefix,
                InterfaceIndex = networkInterface.Index,
                PreferredSource = address.IsIpv4 ? address : default,
                Metric = address.IsIpv4 ? 0 : 256u,
                Origin = AddressOrigin.Kernel,
            });
        }

        if (!address.IsIpv4 && !networkInterface.IsLoopback)
        {
            JoinGroup(networkInterface, SolicitedNodeGroup(address), nowNs);
            added.State = AddressState.Optimistic;
            added.DetectionsLeft = 1;
            added.DetectionDeadlineNs = nowNs;
            (networkInterface.Autoconfiguration ??= new Ipv6Autoconfiguration(this, networkInterface)).Schedule(nowNs);
        }

        RouteGeneration++;
        Events?.OnAddressChanged(networkInterface, added, isRemoved: false);
        return NetworkError.None;
    }

    /// <summary>Takes an address from an interface, and its network's route unless another address is in the network too.</summary>
    public NetworkError RemoveAddress(NetworkInterface networkInterface, IpAddress address, long nowNs)
    {
        if (networkInterface.Find(address) is not { } removed)
        {
            return NetworkError.AddressNotAvailable;
        }

        networkInterface.Remove(removed);
        bool isNetworkKept = false;
        foreach (InterfaceAddress other in networkInterface.AddressList)
        {
            isNetworkKept |= other.Prefix == removed.Prefix;
        }

        for (int i = Routes.Routes.Count - 1; i >= 0; i--)
        {
            Route route = Routes.Routes[i];
            if (route.InterfaceIndex == networkInterface.Index
                && ((route.Origin == AddressOrigin.Kernel && route.Prefix == removed.Prefix && !isNetworkKept)
                    || route.PreferredSource == address))
            {
                RemoveRoute(route);
                if (isNetworkKept && route.Prefix == removed.Prefix && route.Origin == AddressOrigin.Kernel)
                {
                    AddRoute(route with { PreferredSource = FirstOf(networkInterface, removed.Prefix) });
                }
            }
        }

        if (!address.IsIpv4 && !networkInterface.IsLoopback)
        {
            LeaveGroup(networkInterface, SolicitedNodeGroup(address), nowNs);
        }

        RouteGeneration++;
        Events?.OnAddressChanged(networkInterface, removed, isRemoved: true);
        return NetworkError.None;
    }

    /// <summary>Adds a route.</summary>
    /// <returns>
    /// <see cref="NetworkError.AddressInUse"/> when it is there (EEXIST) or there are too many, <see cref="NetworkError.NetworkUnreachable"/> for a router
    /// that is on no link.
    /// </returns>
    public NetworkError AddRoute(Route route)
    {
        if (route.InterfaceIndex < 1 || route.InterfaceIndex > _interfaces.Count)
        {
            return NetworkError.NetworkDown;
        }

        if (route.HasGateway)
        {
            NetworkInterface networkInterface = _interfaces[route.InterfaceIndex - 1];
            if (route.Gateway.IsIpv4 != route.Prefix.IsIpv4
                || route.Gateway.IsMulticast
                || (!networkInterface.IsOnLink(route.Gateway) && !route.Gateway.IsLinkLocal))
            {
                return NetworkError.NetworkUnreachable;
            }
        }

        if (!Routes.TryAdd(route))
        {
            return NetworkError.AddressInUse;
        }

        RouteGeneration++;
        Events?.OnRouteChanged(route, isRemoved: false);
        return NetworkError.None;
    }

    /// <summary>Removes a route.</summary>
    /// <returns>Whether it was there.</returns>
    public bool RemoveRoute(Route route)
    {
        if (!Routes.Remove(route))
        {
            return false;
        }

        RouteGeneration++;
        Events?.OnRouteChanged(route, isRemoved: true);
        return true;
    }

    /// <summary>Lets an interface configure IPv6 by itself: a link-local address, and what routers say (RFC 4862).</summary>
    public void EnableIpv6Autoconfiguration(NetworkInterface networkInterface, long nowNs)
    {
        networkInterface.Autoconfiguration ??= new Ipv6Autoconfiguration(this, networkInterface);
        networkInterface.Autoconfiguration.Enable(nowNs);
    }

    /// <summary>Lets an interface get its IPv4 address from a server, over and over until it is stopped.</summary>
    /// <param name="networkInterface">An interface of Ethernet.</param>
    /// <param name="hostName">What the server is told as this host's name; empty for nothing.</param>
    /// <param name="listener">Who is told of what it gives; null for nobody.</param>
    /// <param name="nowNs">The time.</param>
    public Dhcp4Client StartDhcp(NetworkInterface networkInterface, string hostName, IDhcp4Listener? listener, long nowNs)
    {
        networkInterface.Dhcp?.Stop(nowNs);
        networkInterface.Dhcp = new Dhcp4Client(this, networkInterface, hostName, listener);
        networkInterface.Dhcp.Start(nowNs);
        return networkInterface.Dhcp;
    }

    /// <summary>Lets an interface listen to a group, and tells the routers.</summary>
    /// <returns>False when it listens to too many.</returns>
    public bool JoinGroup(NetworkInterface networkInterface, IpAddress group, long nowNs)
    {
        if (!networkInterface.Groups.TryJoin(group, out bool isNew))
        {
            return false;
        }

        if (isNew)
        {
            Multicast.ReportChange(networkInterface, group, isJoined: true, nowNs);
        }

        return true;
    }

    /// <summary>Undoes one <see cref="JoinGroup"/>.</summary>
    public void LeaveGroup(NetworkInterface networkInterface, IpAddress group, long nowNs)
    {
        if (networkInterface.Groups.Leave(group))
        {
            Multicast.ReportChange(networkInterface, group, isJoined: false, nowNs);
        }
    }

    /// <inheritdoc/>
    public bool IsLocalAddress(IpAddress address, int interfaceIndex) => FindLocal(address, interfaceIndex) is not null;

    /// <summary>Finds the interface that has an address; null when none has.</summary>
    internal NetworkInterface? FindLocal(IpAddress address, int interfaceIndex)
    {
        if (address.IsIpv4 && address.IsLoopback)
        {
            return interfaceIndex == 0 || interfaceIndex == Loopback.Index ? Loopback : null;
        }

        foreach (NetworkInterface networkInterface in _interfaces)
        {
            if ((interfaceIndex == 0 || interfaceIndex == networkInterface.Index) && networkInterface.Find(address) is { IsUsable: true })
            {
                return networkInterface;
            }
        }

        return null;
    }

    /// <summary>224.0.0.1.</summary>
    internal static IpAddress Ipv4AllHosts => IpAddress.FromIpv4(0xE000_0001);

    /// <summary>ff02::1.</summary>
    internal static IpAddress Ipv6AllNodes => new(0xFF02_0000_0000_0000, 1);

    /// <summary>ff01::1.</summary>
    internal static IpAddress Ipv6AllNodesOfInterface => new(0xFF01_0000_0000_0000, 1);

    /// <summary>ff02::2.</summary>
    internal static IpAddress Ipv6AllRouters => new(0xFF02_0000_0000_0000, 2);

    /// <summary>Gets the group that an address's owner listens to for questions about it (RFC 4291, 2.7.1).</summary>
    internal static IpAddress SolicitedNodeGroup(IpAddress address) => new(0xFF02_0000_0000_0000, 0x1_FF00_0000 | (address.Low & 0xFF_FFFF));

    internal void TouchRoutes() => RouteGeneration++;

    private static IpAddress FirstOf(NetworkInterface networkInterface, IpPrefix prefix)
    {
        foreach (InterfaceAddress address in networkInterface.AddressList)
        {
            if (address.Prefix == prefix)
            {
                return prefix.IsIpv4 ? address.Address : default;
            }
        }

        return default;
    }

    /// <summary>Notices carriers that have come or gone.</summary>
    private void CheckLinks(long nowNs)
    {
        foreach (NetworkInterface networkInterface in _interfaces)
        {
            if (networkInterface.WasRunning == networkInterface.IsRunning)
            {
                continue;
            }

            networkInterface.WasRunning = networkInterface.IsRunning;
            RouteGeneration++;
            if (networkInterface.IsRunning)
            {
                Multicast.ReportAll(networkInterface, nowNs);
                networkInterface.Autoconfiguration?.OnLinkUp(nowNs);
                networkInterface.Dhcp?.OnLinkUp(nowNs);
            }
            else
            {
                Neighbors.Clear(networkInterface);
            }

            Events?.OnInterfaceChanged(networkInterface);
        }
    }
}
