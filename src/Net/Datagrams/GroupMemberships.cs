namespace Semitone.Net;

/// <summary>The groups that an endpoint listens to.</summary>
internal sealed class GroupMemberships(NetworkStack stack)
{
    /// <summary>Linux's net.ipv4.igmp_max_memberships.</summary>
    private const int Limit = 20;

    private readonly List<GroupMembership> _memberships = [];

    public bool Contains(IpAddress group, int interfaceIndex)
    {
        foreach (GroupMembership membership in _memberships)
        {
            if (membership.Group == group && membership.Interface.Index == interfaceIndex)
            {
                return true;
            }
        }

        return false;
    }

    public NetworkError Join(IpAddress group, int interfaceIndex, long nowNs)
    {
        if (!group.IsMulticast)
        {
            return NetworkError.InvalidState;
        }

        if (Find(group, interfaceIndex) is not { } networkInterface)
        {
            return NetworkError.NetworkDown;
        }

        if (Contains(group, networkInterface.Index))
        {
            return NetworkError.AddressInUse;
        }

        if (_memberships.Count >= Limit || !stack.JoinGroup(networkInterface, group, nowNs))
        {
            return NetworkError.NoBuffers;
        }

        _memberships.Add(new GroupMembership(networkInterface, group));
        return NetworkError.None;
    }

    public NetworkError Leave(IpAddress group, int interfaceIndex, long nowNs)
    {
        for (int i = 0; i < _memberships.Count; i++)
        {
            GroupMembership membership = _memberships[i];
            if (membership.Group == group && (interfaceIndex == 0 || membership.Interface.Index == interfaceIndex))
            {
                _memberships.RemoveAt(i);
                stack.LeaveGroup(membership.Interface, group, nowNs);
                return NetworkError.None;
            }
        }

        return NetworkError.AddressNotAvailable;
    }

    public void LeaveAll(long nowNs)
    {
        foreach (GroupMembership membership in _memberships)
        {
            stack.LeaveGroup(membership.Interface, membership.Group, nowNs);
        }

        _memberships.Clear();
    }

    /// <summary>The interface by its number, or the one over which a route leads there, or the first that is up and no loop.</summary>
    private NetworkInterface? Find(IpAddress group, int interfaceIndex)
    {
        if (interfaceIndex != 0)
        {
            return interfaceIndex > 0 && interfaceIndex <= stack.Interfaces.Count ? stack.Interfaces[interfaceIndex - 1] : null;
        }

        if (stack.FindRoute(default, group, 0, out IpRoute route) == NetworkError.None)
        {
            return stack.Interfaces[route.InterfaceIndex - 1];
        }

        foreach (NetworkInterface networkInterface in stack.InterfaceList)
        {
            if (!group.IsIpv4 && networkInterface.IsUp && !networkInterface.IsLoopback)
            {
                return networkInterface;
            }
        }

        return null;
    }
}
