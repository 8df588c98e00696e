using System.Diagnostics.CodeAnalysis;
using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Net;
using IpProtocol = Semitone.Abi.IpProtocol;

namespace Semitone.Sockets;

/// <summary>What all sockets of the machine share: where they are numbered, and which addresses are taken.</summary>
/// <param name="executor">Where the network's task runs, once there is one.</param>
/// <param name="currentCaller">Tells who makes the call that is served now.</param>
public sealed class SocketSystem(FileServices files, Executor executor, Func<ISocketCaller?> currentCaller)
{
    /// <summary>Connections that may wait to be accepted, whatever a program asks for (net.core.somaxconn).</summary>
    internal const int MaximumBacklog = 4096;

    private const uint DeviceMinor = 8;

    public FileServices Files { get; } = files;

    public SocketFileSystem FileSystem { get; } = new(files, DeviceMinor);

    /// <summary>Open files that lie in queues of sockets.</summary>
    public RightsInFlight Rights { get; } = new();

    /// <summary>Who makes the call that is served now; null while there are no processes.</summary>
    public ISocketCaller? Caller => currentCaller();

    internal UnixNames UnixNames { get; } = new(files.Random);

    internal NetlinkPorts NetlinkPorts { get; } = new();

    /// <summary>For transfers that have no message of their own: read(2) and write(2).</summary>
    internal SocketMessage Scratch { get; } = new();

    /// <summary>Who gives a network that has been made its interfaces; null where there is only <c>lo</c>.</summary>
    public INetworkSetup? NetworkSetup { get; set; }

    /// <summary>The network; null while nobody has asked for it.</summary>
    public Network? Network { get; private set; }

    /// <summary>Gets the network, and makes it where there is none yet.</summary>
    /// <param name="filter">What may leave the host; null for everything. It means something to who makes the network.</param>
    /// <param name="events">Who is told of changes; null for nobody.</param>
    /// <returns>False when the kernel's heap has no room for it (ENOBUFS).</returns>
    public bool TryGetNetwork([NotNullWhen(true)] out Network? network, IEgressFilter? filter = null, INetworkEvents? events = null)
    {
        network = Network;
        if (network is null && (network = Network = Network.TryCreate(executor, Files.Random, filter, events)) is not null)
        {
            NetworkSetup?.SetUp(network);
        }

        return network is not null;
    }

    /// <summary>Writes a file of /proc/net. Who asks about the network gets one.</summary>
    /// <returns>None; ENOENT for a file that there is not; ENOMEM.</returns>
    public Errno WriteInformation(string name, TextBuilder text) =>
        TryGetNetwork(out Network? network) ? NetworkText.Write(network, name, text) : Errno.ENOMEM;

    /// <summary>Writes a setting of the network.</summary>
    /// <param name="name">Its path in /proc/sys/net.</param>
    public static void WriteSetting(string name, TextBuilder text) => NetworkSettings.Write(name, text);

    /// <summary>Makes a socket (socket(2)).</summary>
    /// <returns>None; EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT; ENOBUFS.</returns>
    public Errno Create(AddressFamily family, SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        socket = null;
        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOBUFS;
        }

        return family switch
        {
            AddressFamily.AF_UNIX => CreateUnix(type, protocol, caller, out socket),
            AddressFamily.AF_INET or AddressFamily.AF_INET6 => CreateInet(family, type, protocol, caller, out socket),
            AddressFamily.AF_NETLINK => CreateNetlink(type, protocol, caller, out socket),
            _ => Errno.EAFNOSUPPORT,
        };
    }

    /// <summary>Makes two sockets that are connected to each other (socketpair(2)).</summary>
    public Errno CreatePair(
        AddressFamily family, SocketType type, int protocol, ISocketCaller caller, out Socket? first, out Socket? second)
    {
        second = null;
        Errno error = Create(family, type, protocol, caller, out first);
        if (error != Errno.None)
        {
            return error;
        }

        error = Create(family, type, protocol, caller, out second);
        if (error == Errno.None && (first is not UnixSocket || second is not UnixSocket))
        {
            second!.Release();
            error = Errno.EOPNOTSUPP;
        }

        if (error != Errno.None)
        {
            first!.Release();
            return error;
        }

        UnixSocket.Pair((UnixSocket)first!, (UnixSocket)second!, caller);
        return Errno.None;
    }

    private Errno CreateInet(AddressFamily family, SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        socket = null;
        IpProtocol echo = family == AddressFamily.AF_INET6 ? IpProtocol.IPPROTO_ICMPV6 : IpProtocol.IPPROTO_ICMP;
        IpProtocol wanted = (IpProtocol)protocol;
        if (protocol is < 0 or > byte.MaxValue)
        {
            return Errno.EINVAL;
        }

        if (type is not (SocketType.SOCK_STREAM or SocketType.SOCK_DGRAM))
        {
            return Errno.ESOCKTNOSUPPORT;
        }

        bool isStream = type == SocketType.SOCK_STREAM;
        bool isKnown = wanted == IpProtocol.IPPROTO_IP
            || wanted == (isStream ? IpProtocol.IPPROTO_TCP : IpProtocol.IPPROTO_UDP)
            || (!isStream && wanted == echo);
        if (!isKnown)
        {
            return Errno.EPROTONOSUPPORT;
        }

        if (!TryGetNetwork(out Network? network))
        {
            return Errno.ENOBUFS;
        }

        FileCredentials owner = caller.FileSystem.Credentials;
        socket = isStream ? new InetStreamSocket(this, network, owner, family)
            : wanted == echo ? InetDatagramSocket.CreateEcho(this, network, owner, family)
            : new InetDatagramSocket(this, network, owner, family);
        return Errno.None;
    }

    private Errno CreateNetlink(SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        const int RouteProtocol = 0;
        socket = null;
        if (type is not (SocketType.SOCK_RAW or SocketType.SOCK_DGRAM))
        {
            return Errno.ESOCKTNOSUPPORT;
        }

        if (protocol != RouteProtocol)
        {
            return Errno.EPROTONOSUPPORT;
        }

        if (!TryGetNetwork(out Network? network))
        {
            return Errno.ENOBUFS;
        }

        socket = new NetlinkRouteSocket(this, network, caller.FileSystem.Credentials, type);
        return Errno.None;
    }

    private Errno CreateUnix(SocketType type, int protocol, ISocketCaller caller, out Socket? socket)
    {
        socket = null;
        if (protocol is not (0 or (int)AddressFamily.AF_UNIX))
        {
            return Errno.EPROTONOSUPPORT;
        }

        FileCredentials owner = caller.FileSystem.Credentials;
        switch (type)
        {
            case SocketType.SOCK_STREAM or SocketType.SOCK_SEQPACKET:
                socket = new UnixConnectionSocket(this, owner, type);
                return Errno.None;
            case SocketType.SOCK_DGRAM or SocketType.SOCK_RAW:
                // As Linux has it, a raw one is the same.
                socket = new UnixDatagramSocket(this, owner);
                return Errno.None;
            default:
                return Errno.ESOCKTNOSUPPORT;
        }
    }
}
