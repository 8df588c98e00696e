using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Udp;

public sealed class UdpTests
{
    private const long SecondNs = 1_000_000_000;

    [Theory]
    [InlineData("10.0.0.2", 1)]
    [InlineData("10.0.0.2", 1472)]
    [InlineData("10.0.0.2", 1473)]
    [InlineData("10.0.0.2", 65507)]
    [InlineData("fd00::2", 1453)]
    [InlineData("fd00::2", 65507)]
    [InlineData("127.0.0.1", 0)]
    [InlineData("127.9.8.7", 65507)]
    [InlineData("10.0.0.1", 1000)]
    [InlineData("::1", 65527)]
    public void Datagram_ArrivesWhole(string to, int length)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        IpAddress address = SimulatedHost.Ip(to);
        SimulatedHost receiver = a.Stack.IsLocalAddress(address, 0) ? a : b;
        UdpEndpoint server = receiver.Udp.Create(!address.IsIpv4, null);
        Assert.Equal(NetworkError.None, server.Bind(address.IsIpv4 ? IpAddress.Ipv4Any : IpAddress.Ipv6Any, 53, 0));
        UdpEndpoint client = a.Udp.Create(!address.IsIpv4, null);
        byte[] payload = new byte[length];
        network.Random.Fill(payload);
        int half = length / 3;
        DatagramTarget target = new() { HasAddress = true, Address = address, Port = 53 };
        Assert.Equal(NetworkError.None, client.Send(target, payload.AsSpan(0, half), payload.AsSpan(half), network.NowNs));
        Assert.True(network.RunUntil(() => server.QueuedCount != 0, SecondNs));
        Assert.True(server.TryReceive(out ReceivedDatagram datagram));
        Assert.True(payload.AsSpan().SequenceEqual(datagram.Buffer.Bytes));
        Assert.Equal(client.LocalPort, datagram.SourcePort);
        Assert.Equal(address, datagram.Destination);
        Assert.Equal(53, datagram.DestinationPort);
        datagram.Buffer.Release();

        DatagramTarget back = new() { HasAddress = true, Address = datagram.Source, Port = datagram.SourcePort };
        Assert.Equal(NetworkError.None, server.Send(back, [1, 2, 3], default, network.NowNs));
        Assert.True(network.RunUntil(() => client.QueuedCount != 0, SecondNs));
        Assert.True(client.TryReceive(out datagram));
        Assert.Equal([1, 2, 3], datagram.Buffer.Bytes.ToArray());
        datagram.Buffer.Release();
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void Send_LargerThanADatagram_IsTooLong()
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair();
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        DatagramTarget target = new() { HasAddress = true, Address = SimulatedHost.Ip("10.0.0.2"), Port = 1 };
        Assert.Equal(NetworkError.MessageTooLong, client.Send(target, new byte[65508], default, network.NowNs));
        client.PathMtuDiscovery = PathMtuDiscovery.Always;
        Assert.Equal(NetworkError.MessageTooLong, client.Send(target, new byte[1473], default, network.NowNs));
        Assert.Equal(NetworkError.None, client.Send(target, new byte[1472], default, network.NowNs));
    }

    [Theory]
    [InlineData("10.0.0.2")]
    [InlineData("fd00::2")]
    [InlineData("127.0.0.1")]
    public void Send_ToAPortThatNobodyHas_IsRefusedForWhoIsConnected(string to)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        IpAddress address = SimulatedHost.Ip(to);
        RecordingListener listener = new();
        UdpEndpoint connected = a.Udp.Create(!address.IsIpv4, listener);
        UdpEndpoint other = a.Udp.Create(!address.IsIpv4, null);
        Assert.Equal(NetworkError.None, connected.Connect(address, 9, 0, network.NowNs));
        Assert.Equal(NetworkError.None, connected.Send(default, [1], default, network.NowNs));
        DatagramTarget target = new() { HasAddress = true, Address = address, Port = 9 };
        Assert.Equal(NetworkError.None, other.Send(target, [1], default, network.NowNs));
        Assert.True(network.RunUntil(() => listener.All == EndpointReadiness.Error, SecondNs));
        network.Run(SecondNs / 10);
        Assert.Equal(NetworkError.ConnectionRefused, connected.Send(default, [1], default, network.NowNs));
        Assert.Equal(NetworkError.None, connected.Send(default, [1], default, network.NowNs));
        Assert.Equal(NetworkError.None, other.TakeError());
        network.Run(SecondNs);
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void Receive_QueueIsFull_DropsAndCounts()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint server = b.Udp.Create(isIpv6: false, null);
        server.ReceiveBufferLimit = 10 * 2048;
        server.Bind(IpAddress.Ipv4Any, 5000, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        DatagramTarget target = new() { HasAddress = true, Address = SimulatedHost.Ip("10.0.0.2"), Port = 5000 };
        for (int i = 0; i < 25; i++)
        {
            client.Send(target, [(byte)i], default, network.NowNs);
            network.Run(1_000_000);
        }

        Assert.Equal(10, server.QueuedCount);
        Assert.Equal(15, server.DroppedCount);
        Assert.Equal(15, b.Udp.Ipv4Counters.RcvbufErrors);
        Assert.Equal(10, b.UsedBuffers);
        server.Close(network.NowNs);
        Assert.Equal(0, b.UsedBuffers);
    }

    [Fact]
    public void Send_WhileTheNeighbourIsSought_KeepsTheLatestFew()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint server = b.Udp.Create(isIpv6: false, null);
        server.Bind(IpAddress.Ipv4Any, 5000, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.0.0.2"), 5000, 0, network.NowNs);
        for (byte i = 0; i < 60; i++)
        {
            Assert.Equal(NetworkError.None, client.Send(default, [i], default, network.NowNs));
        }

        network.Run(SecondNs);
        Assert.Equal(48, server.QueuedCount);
        for (byte i = 12; i < 60; i++)
        {
            Assert.True(server.TryReceive(out ReceivedDatagram datagram));
            Assert.Equal(i, datagram.Buffer.Bytes[0]);
            datagram.Buffer.Release();
        }

        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void SendAndReceive_InSteadyState_AllocatesNothing()
    {
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3) });
        UdpLayer udp = new(stack);
        UdpEndpoint server = udp.Create(isIpv6: false, new RecordingListener());
        server.Bind(IpAddress.Ipv4Any, 7, 0);
        UdpEndpoint client = udp.Create(isIpv6: false, new RecordingListener());
        client.Connect(NetworkStack.Ipv4Loopback, 7, 0, 0);
        byte[] payload = new byte[1000];
        long before = 0;
        for (int i = 0; i < 2000; i++)
        {
            if (i == 1000)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            client.Send(default, payload, default, i);
            stack.Poll(i);
            if (!server.TryReceive(out ReceivedDatagram datagram))
            {
                Assert.Fail("Nothing has come.");
            }

            server.Send(new DatagramTarget { HasAddress = true, Address = datagram.Source, Port = datagram.SourcePort }, datagram.Buffer.Bytes, default, i);
            datagram.Buffer.Release();
            stack.Poll(i);
            if (client.TryReceive(out datagram))
            {
                datagram.Buffer.Release();
            }
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
