using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Udp;

/// <summary>Who may have a port beside whom, and who gets what. The table of conflicts is what Linux 6.18 answers.</summary>
public sealed class UdpBindTests
{
    private const long SecondNs = 1_000_000_000;

    [Theory]
    [InlineData("0.0.0.0", "", "0.0.0.0", "", false)]
    [InlineData("0.0.0.0", "", "10.0.0.1", "", false)]
    [InlineData("127.0.0.1", "", "10.0.0.1", "", true)]
    [InlineData("0.0.0.0", "a", "0.0.0.0", "a", true)]
    [InlineData("0.0.0.0", "a", "0.0.0.0", "", false)]
    [InlineData("0.0.0.0", "p", "0.0.0.0", "p", true)]
    [InlineData("0.0.0.0", "p", "0.0.0.0", "a", false)]
    [InlineData("0.0.0.0", "p", "0.0.0.0", "pu", false)]
    [InlineData("::", "", "0.0.0.0", "", false)]
    [InlineData("::", "", "10.0.0.1", "", false)]
    [InlineData("::", "6", "0.0.0.0", "", true)]
    [InlineData("::", "6", "::", "", false)]
    [InlineData("::1", "", "0.0.0.0", "", true)]
    [InlineData("::", "6", "fd00::1", "", false)]
    [InlineData("10.0.0.255", "", "10.0.0.1", "", true)]
    [InlineData("224.0.0.9", "a", "224.0.0.9", "a", true)]
    public void Bind_BesideAnother(string first, string firstOptions, string second, string secondOptions, bool isAllowed)
    {
        (_, SimulatedHost host, _) = SimulatedNetwork.Pair();
        foreach (bool isReversed in new[] { false, true })
        {
            UdpEndpoint one = Create(host, isReversed ? second : first, isReversed ? secondOptions : firstOptions);
            UdpEndpoint two = Create(host, isReversed ? first : second, isReversed ? firstOptions : secondOptions);
            Assert.Equal(NetworkError.None, one.Bind(SimulatedHost.Ip(isReversed ? second : first), 5000, 0));
            NetworkError error = two.Bind(SimulatedHost.Ip(isReversed ? first : second), 5000, 0);
            Assert.Equal(isAllowed ? NetworkError.None : NetworkError.AddressInUse, error);
            one.Close(0);
            two.Close(0);
        }

        Assert.Empty(host.Udp.Endpoints);
    }

    [Fact]
    public void Bind_ToWhatIsNotOurs_IsRefused()
    {
        (_, SimulatedHost host, _) = SimulatedNetwork.Pair();
        UdpEndpoint endpoint = host.Udp.Create(isIpv6: false, null);
        Assert.Equal(NetworkError.AddressNotAvailable, endpoint.Bind(SimulatedHost.Ip("10.0.0.9"), 1, 0));
        Assert.Equal(NetworkError.None, endpoint.Bind(SimulatedHost.Ip("127.44.0.1"), 1, 0));
        Assert.Equal(NetworkError.InvalidState, endpoint.Bind(SimulatedHost.Ip("127.44.0.1"), 2, 0));
    }

    [Fact]
    public void EphemeralPorts_AreOfTheRange_AllDifferent_AndEnd()
    {
        (SimulatedNetwork network, SimulatedHost host, _) = SimulatedNetwork.Pair();
        host.Udp.Ports.Range = (40000, 40099);
        HashSet<ushort> ports = [];
        for (int i = 0; i < 100; i++)
        {
            UdpEndpoint endpoint = host.Udp.Create(isIpv6: false, null);
            endpoint.ReuseAddress = true;
            Assert.Equal(NetworkError.None, endpoint.Bind(IpAddress.Ipv4Any, 0, 0));
            Assert.InRange(endpoint.LocalPort, 40000, 40099);
            Assert.True(ports.Add(endpoint.LocalPort));
        }

        UdpEndpoint late = host.Udp.Create(isIpv6: false, null);
        Assert.Equal(NetworkError.AddressInUse, late.Bind(IpAddress.Ipv4Any, 0, 0));
        Assert.Equal(NetworkError.NoBuffers, late.Connect(SimulatedHost.Ip("10.0.0.2"), 7, 0, network.NowNs));
        host.Udp.Endpoints.First().Close(0);
        Assert.Equal(NetworkError.None, late.Connect(SimulatedHost.Ip("10.0.0.2"), 7, 0, network.NowNs));
        late.Disconnect();
        Assert.Equal(0, late.LocalPort);
    }

    [Fact]
    public void Datagram_GoesToWhoFitsBest()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint any = Create(b, "0.0.0.0", "a");
        UdpEndpoint one = Create(b, "10.0.0.2", "a");
        UdpEndpoint connected = Create(b, "10.0.0.2", "a");
        any.Bind(IpAddress.Ipv4Any, 5000, 0);
        one.Bind(SimulatedHost.Ip("10.0.0.2"), 5000, 0);
        connected.Bind(SimulatedHost.Ip("10.0.0.2"), 5000, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.0.0.2"), 5000, 0, network.NowNs);
        connected.Connect(SimulatedHost.Ip("10.0.0.1"), client.LocalPort, 0, network.NowNs);
        UdpEndpoint other = a.Udp.Create(isIpv6: false, null);
        other.Connect(SimulatedHost.Ip("10.0.0.2"), 5000, 0, network.NowNs);
        client.Send(default, [1], default, network.NowNs);
        other.Send(default, [2], default, network.NowNs);
        network.Run(SecondNs);
        Assert.Equal((0, 1, 1), (any.QueuedCount, one.QueuedCount, connected.QueuedCount));
    }

    [Fact]
    public void ReusePort_SpreadsSenders_EachToTheSame()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint[] servers = new UdpEndpoint[4];
        for (int i = 0; i < servers.Length; i++)
        {
            servers[i] = Create(b, "0.0.0.0", "p");
            Assert.Equal(NetworkError.None, servers[i].Bind(IpAddress.Ipv4Any, 5000, 0));
        }

        for (int i = 0; i < 50; i++)
        {
            UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
            client.Connect(SimulatedHost.Ip("10.0.0.2"), 5000, 0, network.NowNs);
            client.Send(default, [1], default, network.NowNs);
            network.Run(SecondNs / 100);
            int[] before = [.. servers.Select(server => server.QueuedCount)];
            client.Send(default, [1], default, network.NowNs);
            network.Run(SecondNs / 100);
            int chosen = Enumerable.Range(0, 4).Single(server => servers[server].QueuedCount != before[server]);
            Assert.Equal(0, servers[chosen].QueuedCount % 2);
        }

        Assert.All(servers, server => Assert.InRange(server.QueuedCount, 6, 60));
    }

    [Theory]
    [InlineData("224.1.2.3")]
    [InlineData("ff02::1234")]
    public void Group_IsHeardByItsMembers_AndByTheSenderHimself(string text)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        IpAddress group = SimulatedHost.Ip(text);
        UdpEndpoint near = Create(a, text, "a");
        UdpEndpoint far = Create(b, text, "a");
        UdpEndpoint far2 = Create(b, text, "a");
        far2.ReceivesAllGroups = false;
        IpAddress any = group.IsIpv4 ? IpAddress.Ipv4Any : IpAddress.Ipv6Any;
        foreach (UdpEndpoint endpoint in new[] { near, far, far2 })
        {
            endpoint.Bind(any, 5000, 0);
        }

        Assert.Equal(NetworkError.None, near.JoinGroup(group, 2, network.NowNs));
        Assert.Equal(NetworkError.AddressInUse, near.JoinGroup(group, 2, network.NowNs));
        DatagramTarget target = new() { HasAddress = true, Address = group, Port = 5000, InterfaceIndex = 2 };
        Assert.Equal(NetworkError.None, near.Send(target, [1], default, network.NowNs));
        network.Run(SecondNs / 10);
        Assert.Equal((1, 0, 0), (near.QueuedCount, far.QueuedCount, far2.QueuedCount));
        Assert.Equal(NetworkError.None, far.JoinGroup(group, 2, network.NowNs));
        near.Send(target, [2], default, network.NowNs);
        network.Run(SecondNs / 10);
        Assert.Equal((2, 1, 0), (near.QueuedCount, far.QueuedCount, far2.QueuedCount));
        Assert.True(far.TryPeek(out ReceivedDatagram datagram));
        Assert.Equal((group, 1), (datagram.Destination, datagram.HopLimit));
        near.LoopsMulticast = false;
        far.Close(network.NowNs);
        near.Send(target, [3], default, network.NowNs);
        network.Run(SecondNs / 10);
        Assert.Equal((2, 0), (near.QueuedCount, far2.QueuedCount));
        near.Close(network.NowNs);
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void Broadcast_NeedsItsOption_AndIsHeardByAll()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint first = Create(b, "0.0.0.0", "a");
        UdpEndpoint second = Create(b, "0.0.0.0", "a");
        first.Bind(IpAddress.Ipv4Any, 5000, 0);
        second.Bind(IpAddress.Ipv4Any, 5000, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        DatagramTarget target = DatagramTarget.To(SimulatedHost.Ip("10.0.0.255"), 5000);
        Assert.Equal(NetworkError.NotPermitted, client.Send(target, [1], default, network.NowNs));
        client.AllowsBroadcast = true;
        Assert.Equal(NetworkError.None, client.Send(target, [1], default, network.NowNs));
        network.Run(SecondNs / 10);
        Assert.Equal((1, 1), (first.QueuedCount, second.QueuedCount));
    }

    [Fact]
    public void DualStack_HearsBoth_AndV6OnlyDoesNot()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint both = b.Udp.Create(isIpv6: true, null);
        both.Bind(IpAddress.Ipv6Any, 5000, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.0.0.2"), 5000, 0, network.NowNs);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs / 10);
        Assert.True(both.TryReceive(out ReceivedDatagram datagram));
        datagram.Buffer.Release();
        Assert.Equal(NetworkError.None, both.Send(DatagramTarget.To(datagram.Source, datagram.SourcePort), [1], default, network.NowNs));
        network.Run(SecondNs / 10);
        Assert.Equal(1, client.QueuedCount);
        UdpEndpoint only = b.Udp.Create(isIpv6: true, null);
        only.IsIpv6Only = true;
        only.Bind(IpAddress.Ipv6Any, 5001, 0);
        Assert.Equal(NetworkError.NetworkUnreachable, only.Send(DatagramTarget.To(datagram.Source, 1), [1], default, network.NowNs));
        client.Send(DatagramTarget.To(SimulatedHost.Ip("10.0.0.2"), 5001), [1], default, network.NowNs);
        network.Run(SecondNs / 10);
        Assert.Equal(0, only.QueuedCount);
    }

    private static UdpEndpoint Create(SimulatedHost host, string address, string options)
    {
        UdpEndpoint endpoint = host.Udp.Create(address.Contains(':', StringComparison.Ordinal), null);
        endpoint.ReuseAddress = options.Contains('a', StringComparison.Ordinal);
        endpoint.ReusePort = options.Contains('p', StringComparison.Ordinal);
        endpoint.IsIpv6Only = options.Contains('6', StringComparison.Ordinal);
        endpoint.Owner = options.Contains('u', StringComparison.Ordinal) ? 1000u : 0;
        return endpoint;
    }
}
