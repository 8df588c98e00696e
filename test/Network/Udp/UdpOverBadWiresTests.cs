using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Udp;

public sealed class UdpOverBadWiresTests
{
    private const long SecondNs = 1_000_000_000;

    /// <summary>What arrives is what was sent, whole, though much is lost, doubled, damaged and overtaken, in parts or not.</summary>
    [Theory]
    [InlineData(1, "10.0.0.2", 100)]
    [InlineData(2, "10.0.0.2", 4000)]
    [InlineData(3, "fd00::2", 100)]
    [InlineData(4, "fd00::2", 4000)]
    public void Datagrams_ArriveWholeOrNotAtAll(ulong seed, string to, int length)
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair(seed);
        IpAddress address = SimulatedHost.Ip(to);
        UdpEndpoint server = b.Udp.Create(!address.IsIpv4, null);
        server.Bind(address, 7, 0);
        UdpEndpoint client = a.Udp.Create(!address.IsIpv4, null);
        client.Connect(address, 7, 0, network.NowNs);
        client.Send(default, Payload(0, length), default, network.NowNs);
        network.Run(SecondNs);

        // Two parts of one datagram that are damaged alike can have the right sum: that is seen of a whole one only.
        double damage = length > 1400 ? 0 : 0.05;
        a.Wire.Impairments = new Impairments { Loss = 0.1, Duplication = 0.1, Damage = damage, JitterNs = 5_000_000 };
        int[] counts = new int[1000];
        for (int i = 0; i < counts.Length; i++)
        {
            client.Send(default, Payload(i, length), default, network.NowNs);
            network.Run(SecondNs / 1000);
            Count(server, counts, length);
        }

        network.Run(SecondNs);
        Count(server, counts, length);
        Assert.InRange(counts.Count(count => count != 0), length > 1500 ? 350 : 700, 950);
        Assert.All(counts, count => Assert.InRange(count, 0, 3));
        network.Run(40 * SecondNs);
        Assert.Equal(0, a.UsedBuffers + b.UsedBuffers);
    }

    [Fact]
    public void SameSeed_SameRun()
    {
        Assert.Equal(Trace(42), Trace(42));
        Assert.NotEqual(Trace(42), Trace(43));
    }

    [Fact]
    public void Link_WithoutRoom_SaysSo()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.0.0.2"), 7, 0, network.NowNs);
        b.Udp.Create(isIpv6: false, null).Bind(IpAddress.Ipv4Any, 7, 0);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        a.Links[0].QueueLimit = 3;
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(NetworkError.None, client.Send(default, [1], default, network.NowNs));
        }

        Assert.Equal(NetworkError.NoBuffers, client.Send(default, [1], default, network.NowNs));
        Assert.Equal(1, a.Interface.Counters.TxDropped);
        a.Stack.FlushLinks();
        Assert.Equal(NetworkError.None, client.Send(default, [1], default, network.NowNs));
    }

    [Fact]
    public void Interface_ThatIsDown_SendsAndTakesNothing()
    {
        (SimulatedNetwork network, SimulatedHost a, SimulatedHost b) = SimulatedNetwork.Pair();
        UdpEndpoint server = b.Udp.Create(isIpv6: false, null);
        server.Bind(IpAddress.Ipv4Any, 7, 0);
        UdpEndpoint client = a.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.0.0.2"), 7, 0, network.NowNs);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        b.Stack.SetUp(b.Interface, isUp: false, network.NowNs);
        client.Send(default, [1], default, network.NowNs);
        network.Run(SecondNs);
        Assert.Equal(1, server.QueuedCount);
        a.Stack.SetUp(a.Interface, isUp: false, network.NowNs);
        Assert.Equal(NetworkError.NetworkUnreachable, client.Send(default, [1], default, network.NowNs));
        a.Stack.SetUp(a.Interface, isUp: true, network.NowNs);
        b.Stack.SetUp(b.Interface, isUp: true, network.NowNs);
        Assert.Equal(NetworkError.None, client.Send(default, [1], default, network.NowNs));
        network.Run(SecondNs);
        Assert.Equal(2, server.QueuedCount);
    }

    private static byte[] Payload(int number, int length)
    {
        byte[] payload = new byte[length];
        new SeededRandom((ulong)number).Fill(payload);
        BinaryPrimitives.WriteInt32BigEndian(payload, number);
        return payload;
    }

    private static List<string> Differences(byte[] sent, ReadOnlySpan<byte> received)
    {
        List<string> differences = [];
        if (sent.Length != received.Length)
        {
            differences.Add($"{received.Length} bytes");
        }

        for (int i = 0; i < Math.Min(sent.Length, received.Length); i++)
        {
            if (sent[i] != received[i])
            {
                differences.Add($"{i}: {sent[i]:x2}, {received[i]:x2}");
            }
        }

        return differences;
    }

    private static void Count(UdpEndpoint server, int[] counts, int length)
    {
        while (server.TryReceive(out ReceivedDatagram datagram))
        {
            int number = BinaryPrimitives.ReadInt32BigEndian(datagram.Buffer.Bytes);
            Assert.Equal([], Differences(Payload(number, length), datagram.Buffer.Bytes));
            counts[number]++;
            datagram.Buffer.Release();
        }
    }

    private static string Trace(ulong seed)
    {
        (SimulatedNetwork network, SimulatedHost a, _) = SimulatedNetwork.Pair(seed, new Impairments { Loss = 0.2, JitterNs = 1_000_000 });
        System.Text.StringBuilder trace = new();
        network.OnFrame = (link, frame) => trace.Append(network.NowNs).Append(' ').AppendLine(Convert.ToHexString(frame));
        EchoEndpoint ping = a.Stack.Raw.CreateEcho(isIpv6: true, null);
        for (int i = 0; i < 20; i++)
        {
            ping.Send(DatagramTarget.To(SimulatedHost.Ip("fd00::2"), 0), [128, 0, 0, 0, 0, 0, 0, (byte)i], network.NowNs);
            network.Run(SecondNs / 4);
        }

        ping.Close(network.NowNs);
        return trace.ToString();
    }
}
