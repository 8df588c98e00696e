using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class NeighborTests
{
    private const long SecondNs = 1_000_000_000;

    [Theory]
    [InlineData("10.0.0.2")]
    [InlineData("fd00::2")]
    public void Neighbour_IsProbedWhenItIsUsedAgain_AndForgottenWhenItIsGone(string to)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        IpAddress address = SimulatedHost.Ip(to);
        UdpEndpoint server = b.Udp.Create(!address.IsIpv4, null);
        server.Bind(address, 9, 0);
        UdpEndpoint client = Client(a, address, network);
        client.QueuesErrors = true;
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        Assert.Equal(NeighborState.Reachable, Find(a, address)!.State);
        network.Run(60 * SecondNs);
        client.Send(default, [1], default, network.NowNs);
        Assert.Equal(NeighborState.Delay, Find(a, address)!.State);
        network.Run(6 * SecondNs);
        Assert.Equal(NeighborState.Reachable, Find(a, address)!.State);

        network.Run(60 * SecondNs);
        b.Links[0].IsUp = false;
        client.TakeError();
        client.Send(default, [1], default, network.NowNs);
        network.Run(7 * SecondNs);
        Assert.Equal(NeighborState.Probe, Find(a, address)!.State);
        network.Run(2 * SecondNs);
        Assert.Null(Find(a, address));
        client.TakeError();
        Assert.Equal(NetworkError.None, client.Send(default, [1], default, network.NowNs));
        network.Run(4 * SecondNs);
        Assert.Equal(NetworkError.HostUnreachable, client.TakeError());
        Assert.Equal(0, a.UsedBuffers);
    }

    [Theory]
    [InlineData("10.0.0.2")]
    [InlineData("fd00::2")]
    public void Confirm_KeepsANeighbourWithoutAsking(string to)
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        IpAddress address = SimulatedHost.Ip(to);
        UdpEndpoint client = Client(a, address, network);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        Assert.Equal(NetworkError.None, a.Stack.FindRoute(default, address, 0, out IpRoute route));
        int asked = 0;
        network.OnFrame = (link, frame) =>
        {
            bool isArpRequest = frame[12] == 8 && frame[13] == 6 && frame[21] == 1;
            bool isSolicitation = frame.Length > 54 && frame[54] == 135;
            asked += link != a.Links[0] && (isArpRequest || isSolicitation) ? 1 : 0;
        };
        for (int i = 0; i < 20; i++)
        {
            network.Run(10 * SecondNs);
            a.Stack.ConfirmReachable(route, network.NowNs);
            client.Send(default, [1], default, network.NowNs);
        }

        Assert.Equal(0, asked);
    }

    [Fact]
    public void ArpFlood_StaysBounded_AndWhatIsUsedStays()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        a.Stack.AddAddress(a.Interface, SimulatedHost.Ip("10.8.0.1"), 8, AddressOrigin.Manual, network.NowNs);
        UdpEndpoint client = Client(a, SimulatedHost.Ip("10.0.0.2"), network);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        for (uint i = 0; i < 5000; i++)
        {
            MacAddress mac = new(0x0200_0000_0000UL | i);
            byte[] frame = FrameBuilder.ArpRequest(mac, IpAddress.FromIpv4(0x0A08_0100 + i), SimulatedHost.Ip("10.8.0.1"));
            a.Links[0].Receive(frame, isVerified: false);
        }

        Assert.Equal(NeighborCache.Limit, a.Stack.Neighbors.Entries.Count);
        Assert.NotNull(Find(a, SimulatedHost.Ip("10.0.0.2")));
        network.Run(SecondNs);
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void NdpFlood_StaysBounded()
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        IpAddress target = SimulatedHost.Ip("fd00::1");
        for (uint i = 0; i < 5000; i++)
        {
            IpAddress source = new(0xFD00_0000_0000_0000, 0x1_0000 + i);
            byte[] body = new byte[4 + 16 + 8];
            target.WriteIpv6(body.AsSpan(4));
            body[20] = 1;
            body[21] = 1;
            new MacAddress(0x0200_0000_0000UL | i).Write(body.AsSpan(22));
            byte[] packet = FrameBuilder.Ipv6(
                new Ipv6Header { Source = source, Destination = target, HopLimit = 255, NextHeader = IpProtocol.Icmpv6 },
                FrameBuilder.Icmpv6(source, target, Icmpv6Type.NeighborSolicitation, body));
            a.Links[0].Receive(FrameBuilder.Ethernet(a.Links[0].Address, FrameBuilder.Stranger, EtherType.Ipv6, packet), isVerified: false);
        }

        Assert.Equal(NeighborCache.Limit, a.Stack.Neighbors.Entries.Count);
        network.Run(SecondNs);
        Assert.Equal(0, a.UsedBuffers);
    }

    [Fact]
    public void Scan_OfManyNeighbours_StaysBounded()
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        a.Stack.AddAddress(a.Interface, SimulatedHost.Ip("10.8.0.1"), 8, AddressOrigin.Manual, network.NowNs);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        for (uint i = 0; i < 3000; i++)
        {
            client.Send(DatagramTarget.To(IpAddress.FromIpv4(0x0A08_0100 + i), 9), [1], default, network.NowNs);
        }

        Assert.Equal(NeighborCache.Limit, a.Stack.Neighbors.Entries.Count);
        Assert.True(a.UsedBuffers <= 256);
        network.Run(10 * SecondNs);
        Assert.Empty(a.Stack.Neighbors.Entries);
        Assert.Equal(0, a.UsedBuffers);
    }

    [Fact]
    public void ArpReply_ThatNobodyAskedFor_TeachesNothing()
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket
        {
            IsReply = true,
            SenderMac = FrameBuilder.Stranger,
            Sender = SimulatedHost.Ip("10.0.0.9"),
            TargetMac = a.Links[0].Address,
            Target = SimulatedHost.Ip("10.0.0.1"),
        }.Write(packet);
        a.Links[0].Receive(FrameBuilder.Ethernet(a.Links[0].Address, FrameBuilder.Stranger, EtherType.Arp, packet), isVerified: false);
        Assert.Null(Find(a, SimulatedHost.Ip("10.0.0.9")));
    }

    private static UdpEndpoint Client(SimulatedHost host, IpAddress address, SimulatedNetwork network)
    {
        UdpEndpoint client = host.Udp.Create(!address.IsIpv4, null);
        Assert.Equal(NetworkError.None, client.Connect(address, 9, 0, network.NowNs));
        return client;
    }

    private static NeighborEntry? Find(SimulatedHost host, IpAddress address) =>
        host.Stack.Neighbors.Entries.SingleOrDefault(entry => entry.Address == address);
}
