using Semitone.Core;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>The machine's network: the stack with its transports, the task that drives it, and the ports of TCP.</summary>
/// <remarks>
/// Made when the first program asks for a socket of AF_INET, AF_INET6 or AF_NETLINK, or by the kernel at boot when there is a device: a
/// program without a network pays nothing. It has <c>lo</c>, which is up.
/// </remarks>
public sealed class Network
{
    private byte[]? _datagram;

    private Network(NetworkStack stack, TcpLayer tcp, UdpLayer udp, NetworkTask task, PortAllocator ports)
    {
        Stack = stack;
        Tcp = tcp;
        Udp = udp;
        Task = task;
        Ports = ports;
        TcpPorts = new TcpPorts(tcp, task);
    }

    public NetworkStack Stack { get; }

    public TcpLayer Tcp { get; }

    public UdpLayer Udp { get; }

    public NetworkTask Task { get; }

    public long NowNs => Task.NowNs;

    internal PortAllocator Ports { get; }

    internal TcpPorts TcpPorts { get; }

    /// <summary>Gets the address of all hosts.</summary>
    internal static IpAddress Any(bool isIpv6) => isIpv6 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any;

    /// <summary>Makes the network.</summary>
    /// <returns>Null when the kernel's heap has no room for it.</returns>
    public static Network? TryCreate(Executor executor, RandomGenerator random, IEgressFilter? filter = null, INetworkEvents? events = null)
    {
        const int RoughSize = 512 << 10;
        if (!KernelHeap.HasRoom(RoughSize))
        {
            return null;
        }

        Randomness source = new(random);
        NetworkStack stack = new(new NetworkStackOptions { Random = source, Memory = new Budget(), Filter = filter, Events = events });
        TcpLayer tcp = new(stack, source, new TcpLimits { Memory = new Budget() });
        stack.Register(IpProtocol.Tcp, tcp);
        UdpLayer udp = new(stack);
        NetworkTask? task = NetworkTask.TryCreate(executor, stack, tcp);
        return task is null ? null : new Network(stack, tcp, udp, task, new PortAllocator(source));
    }

    /// <summary>Gets room for one datagram on its way between a program and the stack.</summary>
    /// <returns>False when the kernel's heap has none (ENOBUFS).</returns>
    internal bool TryGetDatagramBuffer(out byte[] buffer)
    {
        if (_datagram is null && !KernelHeap.TryAllocate(1 << 16, sizeof(byte), out _datagram))
        {
            buffer = [];
            return false;
        }

        buffer = _datagram!;
        return true;
    }

    private sealed class Randomness(RandomGenerator random) : INetworkRandom
    {
        public ulong NextUInt64() => random.NextUInt64();
    }

    private sealed class Budget : IMemoryBudget
    {
        public bool HasRoom(int bytes) => KernelHeap.HasRoom(bytes);
    }
}
