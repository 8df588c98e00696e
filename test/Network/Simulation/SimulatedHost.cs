using Semitone.Net;

namespace Semitone.Network.Simulation;

/// <summary>A host with a stack and UDP.</summary>
public sealed class SimulatedHost
{
    private readonly List<SimulatedLink> _links = [];
    private readonly int _number;

    internal SimulatedHost(SimulatedNetwork network, string name, IEgressFilter? filter)
    {
        Network = network;
        _number = network.Hosts.Count + 1;
        Name = name;
        Stack = new NetworkStack(new NetworkStackOptions { Random = new SeededRandom(network.Random.NextUInt64()), Filter = filter });
        Udp = new UdpLayer(Stack);
    }

    public SimulatedNetwork Network { get; }

    public string Name { get; }

    public NetworkStack Stack { get; }

    public UdpLayer Udp { get; }

    public IReadOnlyList<SimulatedLink> Links => _links;

    /// <summary>The first interface that is no loop back.</summary>
    public NetworkInterface Interface => Stack.Interfaces[1];

    public long NowNs => Network.NowNs;

    /// <summary>Buffers of the host's that somebody still has.</summary>
    public int UsedBuffers => Stack.Pools.UsedCount + _links.Sum(link => link.UsedBuffers);

    /// <summary>Hangs a new interface on a wire, and lets it be used. Addresses of IPv4 are in networks of 24 bits, of IPv6 in those of 64.</summary>
    public NetworkInterface Connect(SimulatedWire wire, params ReadOnlySpan<string> addresses)
    {
        ulong number = (ulong)(_number * 16 + _links.Count);
        SimulatedLink link = new(this, wire, new MacAddress(0x5254_0000_0000 | number), 1500);
        wire.Add(link);
        _links.Add(link);
        NetworkInterface networkInterface = Stack.AddInterface(link, $"eth{_links.Count - 1}");
        link.Interface = networkInterface;
        Stack.SetUp(networkInterface, isUp: true, NowNs);
        foreach (string text in addresses)
        {
            IpAddress address = Ip(text);
            NetworkError error = Stack.AddAddress(networkInterface, address, address.IsIpv4 ? 24 : 64, AddressOrigin.Manual, NowNs);
            if (error != NetworkError.None)
            {
                throw new InvalidOperationException($"{text}: {error}");
            }
        }

        return networkInterface;
    }

    public static IpAddress Ip(string text) =>
        IpAddress.TryParse(text, out IpAddress address) ? address : throw new ArgumentException(text);
}
