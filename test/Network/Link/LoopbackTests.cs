using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Link;

public sealed class LoopbackTests
{
    /// <summary>Two who answer each other for ever leave turns to others.</summary>
    [Fact]
    public void Poll_OfEndpointsThatNeverRest_Returns()
    {
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3) });
        EchoTransport transport = new(stack);
        stack.Register(IpProtocol.Tcp, transport);
        stack.FindRoute(default, NetworkStack.Ipv4Loopback, 0, out IpRoute route);
        stack.Send(route, new TransportPacket { Protocol = IpProtocol.Tcp, Header = new byte[20], ChecksumOffset = 16 }, 0);
        Assert.Equal(0, transport.Count);
        Assert.True(stack.NextDeadlineNs < 0);
        stack.Poll(0);
        Assert.InRange(transport.Count, 1, 1024);
        Assert.True(stack.NextDeadlineNs < 0);
    }

    [Fact]
    public void Queue_ThatIsFull_SaysSo()
    {
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3) });
        UdpLayer udp = new(stack);
        UdpEndpoint client = udp.Create(isIpv6: false, null);
        client.Connect(NetworkStack.Ipv4Loopback, 7, 0, 0);
        int sent = 0;
        while (client.Send(default, new byte[60000], default, 0) == NetworkError.None)
        {
            sent++;
            Assert.True(sent < 10000);
        }

        Assert.InRange(sent, 32, 128);
        Assert.Equal(1, stack.Loopback.Counters.TxDropped);
        stack.Poll(0);
        client.Close(0);
        while (stack.NextDeadlineNs < 0)
        {
            stack.Poll(0);
        }

        Assert.Equal(0, stack.Pools.UsedCount);
    }

    /// <summary>Endpoints that nobody reads leave buffers for others.</summary>
    [Fact]
    public void Datagrams_ThatNobodyReads_DoNotTakeAllBuffers()
    {
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3) });
        UdpLayer udp = new(stack);
        UdpEndpoint client = udp.Create(isIpv6: false, null);
        List<UdpEndpoint> servers = [];
        for (ushort port = 1; port <= 100; port++)
        {
            UdpEndpoint server = udp.Create(isIpv6: false, null);
            server.Bind(IpAddress.Ipv4Any, port, 0);
            servers.Add(server);
            for (int i = 0; i < 200; i++)
            {
                client.Send(DatagramTarget.To(NetworkStack.Ipv4Loopback, port), [1], default, 0);
                stack.Poll(0);
            }
        }

        Assert.InRange(stack.Pools.UsedCount * PacketPools.SmallCapacity, 7 << 20, 8 << 20);
        servers.ForEach(server => server.Close(0));
        Assert.Equal(0, stack.Pools.UsedCount);
        Assert.Equal(0, stack.DatagramBytes);
    }

    [Fact]
    public void Memory_ThatIsRefused_IsNoRoom()
    {
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3), Memory = new NoMemory() });
        UdpLayer udp = new(stack);
        UdpEndpoint client = udp.Create(isIpv6: false, null);
        client.Connect(NetworkStack.Ipv4Loopback, 7, 0, 0);
        Assert.Equal(NetworkError.NoBuffers, client.Send(default, [1], default, 0));
    }

    private sealed class NoMemory : IMemoryBudget
    {
        public bool HasRoom(int bytes) => false;
    }

    private sealed class EchoTransport(NetworkStack stack) : ITransport
    {
        public int Count { get; private set; }

        public long NextDeadlineNs => long.MaxValue;

        public void Receive(in ReceivedPacket packet, long nowNs)
        {
            Count++;
            stack.FindRoute(packet.Destination, packet.Source, 0, out IpRoute route);
            byte[] header = packet.Buffer.Bytes.ToArray();
            packet.Buffer.Release();
            stack.Send(route, new TransportPacket { Protocol = IpProtocol.Tcp, Header = header, ChecksumOffset = 16 }, nowNs);
        }

        public void ReceiveError(in IcmpError error, long nowNs)
        {
        }

        public void Poll(long nowNs)
        {
        }
    }
}
