using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>The options of SOL_IP and SOL_IPV6 (ip(7), ipv6(7)).</summary>
internal static class IpOptions
{
    private const int UsualHopLimit = 64;
    private const int GroupRequestLength = 8;
    private const int LongGroupRequestLength = 12;
    private const int Ipv6GroupRequestLength = 20;

    public static readonly OptionTable Table = new(
        Number(IpOption.IP_TOS, s => s.TrafficClass, SetTrafficClass),
        Number(IpOption.IP_TTL, s => Usual(s.HopLimit), (s, v) => SetHopLimit(s, v, least: 1)),
        Number(IpOption.IP_MTU_DISCOVER, GetDiscovery, SetDiscovery),
        Number(IpOption.IP_RECVERR, s => Datagrams(s)?.Endpoint.QueuesErrors == true ? 1 : 0, SetRecvErr),
        Number(IpOption.IP_PKTINFO, s => Told(s, DatagramDetails.Destination), (s, v) => Tell(s, DatagramDetails.Destination, v)),
        Number(IpOption.IP_RECVTTL, s => Told(s, DatagramDetails.HopLimit), (s, v) => Tell(s, DatagramDetails.HopLimit, v)),
        Number(IpOption.IP_RECVTOS, s => Told(s, DatagramDetails.TrafficClass), (s, v) => Tell(s, DatagramDetails.TrafficClass, v)),
        new OptionEntry((int)IpOption.IP_MTU, 0, GetMtu, null),
        Number(IpOption.IP_MULTICAST_TTL, s => Datagrams(s)?.Endpoint.MulticastHopLimit ?? 1, SetMulticastHopLimit),
        Number(IpOption.IP_MULTICAST_LOOP, s => Datagrams(s)?.Endpoint.LoopsMulticast == false ? 0 : 1, SetMulticastLoop),
        Number(IpOption.IP_MULTICAST_ALL, s => Datagrams(s)?.Endpoint.ReceivesAllGroups == false ? 0 : 1, SetMulticastAll),
        new OptionEntry((int)IpOption.IP_MULTICAST_IF, sizeof(int), null, SetMulticastInterface),
        new OptionEntry((int)IpOption.IP_ADD_MEMBERSHIP, GroupRequestLength, null, (s, v, _) => ChangeGroup(s, v, joins: true)),
        new OptionEntry((int)IpOption.IP_DROP_MEMBERSHIP, GroupRequestLength, null, (s, v, _) => ChangeGroup(s, v, joins: false)));

    public static readonly OptionTable Ipv6Table = new(
        Number(Ipv6Option.IPV6_V6ONLY, s => s.IsIpv6Only ? 1 : 0, (s, v) => s.SetIpv6Only(v != 0)),
        Number(Ipv6Option.IPV6_UNICAST_HOPS, s => Usual(s.HopLimit), (s, v) => SetHopLimit(s, v, least: 0)),
        Number(Ipv6Option.IPV6_TCLASS, s => s.TrafficClass, SetIpv6TrafficClass),
        Number(Ipv6Option.IPV6_MTU_DISCOVER, GetDiscovery, SetDiscovery),
        Number(Ipv6Option.IPV6_RECVERR, s => Datagrams(s)?.Endpoint.QueuesErrors == true ? 1 : 0, SetRecvErr),
        Number(Ipv6Option.IPV6_RECVPKTINFO, s => Told(s, DatagramDetails.Destination), (s, v) => Tell(s, DatagramDetails.Destination, v)),
        Number(Ipv6Option.IPV6_RECVHOPLIMIT, s => Told(s, DatagramDetails.HopLimit), (s, v) => Tell(s, DatagramDetails.HopLimit, v)),
        Number(Ipv6Option.IPV6_RECVTCLASS, s => Told(s, DatagramDetails.TrafficClass), (s, v) => Tell(s, DatagramDetails.TrafficClass, v)),
        new OptionEntry((int)Ipv6Option.IPV6_MTU, 0, GetMtu, null),
        Number(Ipv6Option.IPV6_MULTICAST_HOPS, s => Datagrams(s)?.Endpoint.MulticastHopLimit ?? 1, SetMulticastHopLimit),
        Number(Ipv6Option.IPV6_MULTICAST_LOOP, s => Datagrams(s)?.Endpoint.LoopsMulticast == false ? 0 : 1, SetMulticastLoop),
        Number(Ipv6Option.IPV6_MULTICAST_IF, s => Datagrams(s)?.Endpoint.MulticastInterfaceIndex ?? 0, SetIpv6MulticastInterface),
        Group(Ipv6Option.IPV6_ADD_MEMBERSHIP, (s, v, _) => ChangeIpv6Group(s, v, joins: true)),
        Group(Ipv6Option.IPV6_DROP_MEMBERSHIP, (s, v, _) => ChangeIpv6Group(s, v, joins: false)));

    /// <summary>An option whose value is an int, or, as these levels allow, one byte.</summary>
    private static OptionEntry Number(IpOption name, Func<InetSocket, int> get, Func<InetSocket, int, Errno> set) =>
        new(
            (int)name,
            1,
            (Socket socket, Span<byte> value, out int length) => OptionEntry.PutInt(get((InetSocket)socket), value, out length),
            (socket, value, _) =>
                set((InetSocket)socket, value.Length < sizeof(int) ? value[0] : BinaryPrimitives.ReadInt32LittleEndian(value)));

    private static OptionEntry Number(Ipv6Option name, Func<InetSocket, int> get, Func<InetSocket, int, Errno> set) =>
        OptionEntry.Int((int)name, socket => get((InetSocket)socket), (socket, value, _) => set((InetSocket)socket, value));

    private static OptionEntry Group(Ipv6Option name, OptionSetter set) => new((int)name, Ipv6GroupRequestLength, null, set);

    private static InetDatagramSocket? Datagrams(InetSocket socket) => socket as InetDatagramSocket;

    private static int Usual(byte hopLimit) => hopLimit == 0 ? UsualHopLimit : hopLimit;

    private static Errno SetTrafficClass(InetSocket socket, int value)
    {
        socket.TrafficClass = (byte)value;
        return Errno.None;
    }

    private static Errno SetIpv6TrafficClass(InetSocket socket, int value) =>
        value is < -1 or > byte.MaxValue ? Errno.EINVAL : SetTrafficClass(socket, Math.Max(0, value));

    private static Errno SetHopLimit(InetSocket socket, int value, int least)
    {
        if (value != -1 && (value < least || value > byte.MaxValue))
        {
            return Errno.EINVAL;
        }

        socket.HopLimit = (byte)Math.Max(0, value);
        return Errno.None;
    }

    private static int GetDiscovery(InetSocket socket) =>
        (int)(Datagrams(socket)?.Endpoint.PathMtuDiscovery ?? PathMtuDiscovery.Wanted);

    private static Errno SetDiscovery(InetSocket socket, int value)
    {
        if (value is < 0 or > (int)PathMtuDiscovery.Probe || Datagrams(socket) is not { } datagrams)
        {
            return value == (int)PathMtuDiscovery.Wanted ? Errno.None : Errno.EINVAL;
        }

        datagrams.Endpoint.PathMtuDiscovery = (PathMtuDiscovery)value;
        return Errno.None;
    }

    private static Errno SetRecvErr(InetSocket socket, int value)
    {
        if (Datagrams(socket) is not { } datagrams)
        {
            return Errno.ENOPROTOOPT;
        }

        datagrams.Endpoint.QueuesErrors = value != 0;
        return Errno.None;
    }

    private static int Told(InetSocket socket, DatagramDetails detail) => (Datagrams(socket)?.Details & detail) == detail ? 1 : 0;

    private static Errno Tell(InetSocket socket, DatagramDetails detail, int value)
    {
        if (Datagrams(socket) is not { } datagrams)
        {
            return Errno.ENOPROTOOPT;
        }

        datagrams.Details = value != 0 ? datagrams.Details | detail : datagrams.Details & ~detail;
        return Errno.None;
    }

    private static Errno GetMtu(Socket socket, Span<byte> value, out int length)
    {
        int mtu = ((InetSocket)socket).PathMtu;
        OptionEntry.PutInt(mtu, value, out length);
        return mtu == 0 ? Errno.ENOTCONN : Errno.None;
    }

    private static Errno SetMulticastHopLimit(InetSocket socket, int value)
    {
        if (value is < -1 or > byte.MaxValue || Datagrams(socket) is not { } datagrams)
        {
            return Errno.EINVAL;
        }

        datagrams.Endpoint.MulticastHopLimit = value == -1 ? (byte)1 : (byte)value;
        return Errno.None;
    }

    private static Errno SetMulticastLoop(InetSocket socket, int value)
    {
        if (Datagrams(socket) is not { } datagrams)
        {
            return Errno.EINVAL;
        }

        datagrams.Endpoint.LoopsMulticast = value != 0;
        return Errno.None;
    }

    private static Errno SetMulticastAll(InetSocket socket, int value)
    {
        if (value is not (0 or 1) || Datagrams(socket) is not { } datagrams)
        {
            return Errno.EINVAL;
        }

        datagrams.Endpoint.ReceivesAllGroups = value != 0;
        return Errno.None;
    }

    private static Errno SetMulticastInterface(Socket socket, ReadOnlySpan<byte> value, ISocketCaller caller)
    {
        if (Datagrams((InetSocket)socket) is not { } datagrams)
        {
            return Errno.EINVAL;
        }

        IpAddress address = value.Length >= GroupRequestLength ? IpAddress.ReadIpv4(value[4..]) : IpAddress.ReadIpv4(value);
        int index = value.Length >= LongGroupRequestLength ? BinaryPrimitives.ReadInt32LittleEndian(value[8..]) : 0;
        if (!TryFindInterface(datagrams, address, ref index))
        {
            return Errno.EADDRNOTAVAIL;
        }

        datagrams.Endpoint.MulticastInterfaceIndex = index;
        return Errno.None;
    }

    private static Errno SetIpv6MulticastInterface(InetSocket socket, int value)
    {
        if (Datagrams(socket) is not { } datagrams)
        {
            return Errno.ENOPROTOOPT;
        }

        if (value < 0 || value > socket.Network.Stack.Interfaces.Count)
        {
            return Errno.ENODEV;
        }

        datagrams.Endpoint.MulticastInterfaceIndex = value;
        return Errno.None;
    }

    private static Errno ChangeGroup(Socket socket, ReadOnlySpan<byte> value, bool joins)
    {
        if (Datagrams((InetSocket)socket) is not { } datagrams)
        {
            return Errno.EINVAL;
        }

        IpAddress group = IpAddress.ReadIpv4(value);
        int index = value.Length >= LongGroupRequestLength ? BinaryPrimitives.ReadInt32LittleEndian(value[8..]) : 0;
        if (!TryFindInterface(datagrams, IpAddress.ReadIpv4(value[4..]), ref index))
        {
            return Errno.ENODEV;
        }

        return ChangeGroup(datagrams, group, index, joins);
    }

    private static Errno ChangeIpv6Group(Socket socket, ReadOnlySpan<byte> value, bool joins)
    {
        if (Datagrams((InetSocket)socket) is not { } datagrams)
        {
            return Errno.ENOPROTOOPT;
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(value[16..]);
        if (index < 0 || index > datagrams.Network.Stack.Interfaces.Count)
        {
            return Errno.ENODEV;
        }

        return ChangeGroup(datagrams, IpAddress.ReadIpv6(value), index, joins);
    }

    private static Errno ChangeGroup(InetDatagramSocket socket, IpAddress group, int index, bool joins)
    {
        if (!group.IsMulticast)
        {
            return Errno.EINVAL;
        }

        long nowNs = socket.Network.NowNs;
        NetworkError error = joins
            ? socket.Endpoint.JoinGroup(group, index, nowNs)
            : socket.Endpoint.LeaveGroup(group, index, nowNs);
        socket.Network.Task.Settle();
        return error switch
        {
            NetworkError.NetworkUnreachable or NetworkError.NetworkDown => Errno.ENODEV,
            _ => error.ToErrno(),
        };
    }

    /// <summary>Finds an interface by its number, or by an address that it has; 0 for none in particular.</summary>
    private static bool TryFindInterface(InetSocket socket, IpAddress address, ref int index)
    {
        IReadOnlyList<NetworkInterface> interfaces = socket.Network.Stack.Interfaces;
        if (index != 0 || address.IsAny)
        {
            return index >= 0 && index <= interfaces.Count;
        }

        foreach (NetworkInterface candidate in interfaces)
        {
            if (candidate.Find(address) is not null)
            {
                index = candidate.Index;
                return true;
            }
        }

        return false;
    }
}
