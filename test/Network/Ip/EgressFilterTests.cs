using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class EgressFilterTests
{
    [Fact]
    public void Packet_ThatMayNotLeave_IsRefused_AndNeighboursAreStillAnswered()
    {
        SimulatedNetwork network = new(1);
        SimulatedWire wire = network.AddWire();
        Filter filter = new();
        SimulatedHost host = network.AddHost("host", filter);
        SimulatedHost other = network.AddHost("other");
        host.Connect(wire, "10.0.0.1");
        other.Connect(wire, "10.0.0.2");
        UdpEndpoint client = host.Udp.Create(isIpv6: false, null);
        DatagramTarget Target(string address, ushort port) => DatagramTarget.To(SimulatedHost.Ip(address), port);
        Assert.Equal(NetworkError.NotPermitted, client.Send(Target("10.0.0.2", 25), [1], default, network.NowNs));
        Assert.Equal(NetworkError.None, client.Send(Target("10.0.0.2", 53), [1], default, network.NowNs));
        Assert.Equal(NetworkError.None, client.Send(Target("10.0.0.1", 25), [1], default, network.NowNs));
        Assert.Equal([(IpProtocol.Udp, 25), (IpProtocol.Udp, 53)], filter.Asked.ToArray());
        UdpEndpoint back = other.Udp.Create(isIpv6: false, null);
        back.Connect(SimulatedHost.Ip("10.0.0.1"), 9, 0, network.NowNs);
        back.Send(default, [1], default, network.NowNs);
        network.Run(1_000_000_000);
        Assert.Equal(NetworkError.None, back.TakeError());
        Assert.NotEmpty(other.Stack.Neighbors.Entries);
    }

    private sealed class Filter : IEgressFilter
    {
        public List<(IpProtocol Protocol, int Port)> Asked { get; } = [];

        public bool Allows(IpProtocol protocol, IpAddress destination, ushort port)
        {
            Asked.Add((protocol, port));
            return port == 53;
        }
    }
}
