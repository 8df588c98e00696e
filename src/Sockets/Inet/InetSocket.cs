using Semitone.Abi;
using Semitone.Files;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>A socket of AF_INET or AF_INET6 (ip(7), ipv6(7)).</summary>
public abstract class InetSocket : Socket
{
    /// <summary>Ports below this one are for those with CAP_NET_BIND_SERVICE (net.ipv4.ip_unprivileged_port_start).</summary>
    internal const int FirstFreePort = 1024;

    protected InetSocket(SocketSystem system, Network network, FileCredentials owner, AddressFamily family, SocketType type, int protocol)
        : base(system, owner, family, type, protocol)
    {
        Network = network;
    }

    internal Network Network { get; }

    internal bool IsIpv6 => Family == AddressFamily.AF_INET6;

    /// <summary>IPV6_V6ONLY.</summary>
    internal bool IsIpv6Only { get; private protected set; }

    private protected long NowNs => Network.NowNs;

    /// <summary>The address of all of this host.</summary>
    private protected IpAddress Any => IsIpv6 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any;

    private protected static Errno CheckPort(ushort port, ISocketCaller caller) =>
        port is > 0 and < FirstFreePort && !caller.Has(Capability.CAP_NET_BIND_SERVICE) ? Errno.EACCES : Errno.None;

    /// <summary>Whether an address is of a version that the socket can have.</summary>
    private protected bool IsReachable(IpAddress address) => address.IsIpv4 ? !IsIpv6 || !IsIpv6Only : IsIpv6;

    /// <summary>Sets IPV6_V6ONLY.</summary>
    /// <returns>EINVAL for a socket that has a port.</returns>
    internal abstract Errno SetIpv6Only(bool isOn);

    /// <summary>Whether the socket has a port.</summary>
    internal abstract bool IsBound { get; }

    /// <summary>TTL or hop limit; 0 for the usual.</summary>
    internal abstract byte HopLimit { get; set; }

    /// <summary>TOS or traffic class.</summary>
    internal abstract byte TrafficClass { get; set; }

    /// <summary>The largest packet that the path to the peer takes (IP_MTU); 0 without a peer.</summary>
    internal abstract int PathMtu { get; }

    private protected override Errno FindOptions(SocketLevel level, out OptionTable? table)
    {
        table = level switch
        {
            SocketLevel.SOL_SOCKET => SocketLevelOptions.Table,
            SocketLevel.SOL_IP => IpOptions.Table,
            SocketLevel.SOL_IPV6 when IsIpv6 => IpOptions.Ipv6Table,
            _ => null,
        };
        return table is null ? Errno.ENOPROTOOPT : Errno.None;
    }
}
