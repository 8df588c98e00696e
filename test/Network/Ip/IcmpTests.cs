using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

/// <summary>When complaints are sent, and which are believed.</summary>
public sealed class IcmpTests
{
    private const long SecondNs = 1_000_000_000;
    private static readonly IpAddress s_stranger = SimulatedHost.Ip("10.0.0.9");
    private static readonly IpAddress s_own = SimulatedHost.Ip("10.0.0.1");

    private readonly SimulatedNetwork _network;
    private readonly SimulatedHost _host;
    private readonly List<byte[]> _sent = [];

    public IcmpTests()
    {
        (_network, _host, _) = SimulatedNetwork.Pair(3);
        _host.Stack.Neighbors.Learn(_host.Interface, s_stranger, FrameBuilder.Stranger, _network.NowNs);
        _network.OnFrame = (link, frame) => _sent.Add(frame);
    }

    [Fact]
    public void PortUnreachable_QuotesThePacket()
    {
        byte[] packet = Udp(s_stranger, s_own, 7);
        Receive(packet);
        byte[] answer = Complaint()!;
        Assert.Equal((3, 3), (answer[34], answer[35]));
        Assert.Equal(packet.AsSpan(0, 28 + 4), answer.AsSpan(42, 28 + 4));
        Assert.Equal(0, InternetChecksum.Of(answer.AsSpan(34)));
        Assert.Equal(0, _host.UsedBuffers);
    }

    [Fact]
    public void ProtocolUnreachable_IsSent()
    {
        Ipv4Header header = new() { Source = s_stranger, Destination = s_own, Ttl = 9, Protocol = (IpProtocol)200 };
        Receive(FrameBuilder.Ipv4(header, new byte[8]));
        byte[] answer = Complaint()!;
        Assert.Equal((3, 2), (answer[34], answer[35]));
    }

    /// <summary>RFC 1122, 3.2.2: none for what went to many, came from none, or is itself a complaint.</summary>
    [Fact]
    public void Complaints_AreNotSentForThese()
    {
        Receive(Udp(s_stranger, SimulatedHost.Ip("255.255.255.255"), 7), MacAddress.Broadcast);
        Receive(Udp(s_stranger, SimulatedHost.Ip("10.0.0.255"), 7), MacAddress.Broadcast);
        Receive(Udp(s_stranger, s_own, 7), MacAddress.Broadcast);
        Receive(Udp(s_stranger, SimulatedHost.Ip("224.0.0.1"), 7), new MacAddress(0x0100_5E00_0001));
        Receive(Udp(SimulatedHost.Ip("0.0.0.0"), s_own, 7));
        Receive(Udp(SimulatedHost.Ip("10.0.0.255"), s_own, 7));
        Receive(Udp(SimulatedHost.Ip("224.0.0.7"), s_own, 7));
        Receive(Udp(SimulatedHost.Ip("127.0.0.1"), s_own, 7));
        Receive(Udp(s_own, s_own, 7));
        Receive(Udp(s_stranger, SimulatedHost.Ip("127.0.0.1"), 7));
        Receive(Udp(s_stranger, SimulatedHost.Ip("10.0.0.77"), 7));
        byte[] quoted = Udp(s_own, s_stranger, 7);
        Receive(Icmp(FrameBuilder.Icmp(Icmpv4Type.DestinationUnreachable, 3, 0, quoted)));
        Receive(Icmp(FrameBuilder.Icmp(Icmpv4Type.EchoRequest, 0, 1, []), SimulatedHost.Ip("10.0.0.255")), MacAddress.Broadcast);
        _network.Run(SecondNs / 10);
        Assert.Empty(_sent);
        Assert.Equal(0, _host.UsedBuffers);
    }

    [Fact]
    public void Complaints_AreLimitedForEachPeer()
    {
        for (int i = 0; i < 100; i++)
        {
            Receive(Udp(s_stranger, s_own, 7));
        }

        _network.Run(SecondNs / 10);
        Assert.Equal(6, _sent.Count(frame => frame[34] == 3));
        Assert.Equal(94, _host.Stack.Icmpv4Counters.OutRateLimited);
    }

    [Fact]
    public void FragmentationNeeded_IsBelievedForADatagramThatWasSent()
    {
        UdpEndpoint client = _host.Udp.Create(isIpv6: false, null);
        client.Connect(s_stranger, 7, 0, _network.NowNs);
        client.Send(default, new byte[1400], default, _network.NowNs);
        _network.Run(SecondNs / 10);
        byte[] quoted = FrameBuilder.Ipv4(
            new Ipv4Header { Source = s_own, Destination = s_stranger, Ttl = 9, Protocol = IpProtocol.Udp },
            FrameBuilder.Udp(s_own, s_stranger, client.LocalPort, 7, new byte[1400]));
        byte[] other = (byte[])quoted.Clone();
        BinaryPrimitives.WriteUInt16BigEndian(other.AsSpan(20), (ushort)(client.LocalPort + 1));
        Receive(Icmp(FrameBuilder.Icmp(Icmpv4Type.DestinationUnreachable, 4, 1000, other.AsSpan(0, 28))));
        _host.Stack.FindRoute(default, s_stranger, 0, out IpRoute route);
        Assert.Equal(1500, route.Mtu);
        Receive(Icmp(FrameBuilder.Icmp(Icmpv4Type.DestinationUnreachable, 4, 1000, quoted.AsSpan(0, 28))));
        _host.Stack.FindRoute(default, s_stranger, 0, out route);
        Assert.Equal(1000, route.Mtu);
        Assert.Equal(NetworkError.MessageTooLong, client.TakeError());
        _sent.Clear();
        Assert.Equal(NetworkError.None, client.Send(default, new byte[1400], default, _network.NowNs));
        _network.Run(SecondNs / 10);
        Assert.Equal(2, _sent.Count);
        Assert.All(_sent, frame => Assert.True(frame.Length <= 1014));
    }

    [Theory]
    [InlineData(Icmpv4Type.DestinationUnreachable, 0, NetworkError.None)]
    [InlineData(Icmpv4Type.DestinationUnreachable, 1, NetworkError.None)]
    [InlineData(Icmpv4Type.DestinationUnreachable, 2, NetworkError.ProtocolUnreachable)]
    [InlineData(Icmpv4Type.DestinationUnreachable, 3, NetworkError.ConnectionRefused)]
    [InlineData(Icmpv4Type.DestinationUnreachable, 13, NetworkError.HostUnreachable)]
    [InlineData(Icmpv4Type.TimeExceeded, 0, NetworkError.None)]
    [InlineData(Icmpv4Type.ParameterProblem, 0, NetworkError.ProtocolError)]
    [InlineData(Icmpv4Type.SourceQuench, 0, NetworkError.None)]
    [InlineData(Icmpv4Type.Redirect, 1, NetworkError.None)]
    public void Complaint_IsGivenToWhoIsConnected(Icmpv4Type type, byte code, NetworkError expected)
    {
        UdpEndpoint client = _host.Udp.Create(isIpv6: false, null);
        client.Connect(s_stranger, 7, 0, _network.NowNs);
        byte[] quoted = FrameBuilder.Ipv4(
            new Ipv4Header { Source = s_own, Destination = s_stranger, Ttl = 9, Protocol = IpProtocol.Udp },
            FrameBuilder.Udp(s_own, s_stranger, client.LocalPort, 7, []));
        Receive(Icmp(FrameBuilder.Icmp(type, code, 0, quoted)));
        Assert.Equal(expected, client.TakeError());
        quoted[19] ^= 1;
        Receive(Icmp(FrameBuilder.Icmp(type, code, 0, quoted)));
        Assert.Equal(NetworkError.None, client.TakeError());
    }

    private static byte[] Udp(IpAddress source, IpAddress destination, ushort port) => FrameBuilder.Ipv4(
        new Ipv4Header { Source = source, Destination = destination, Ttl = 9, Protocol = IpProtocol.Udp },
        FrameBuilder.Udp(source, destination, 99, port, [1, 2, 3, 4]));

    private static byte[] Icmp(byte[] message, IpAddress? destination = null) => FrameBuilder.Ipv4(
        new Ipv4Header { Source = s_stranger, Destination = destination ?? s_own, Ttl = 9, Protocol = IpProtocol.Icmp },
        message);

    private void Receive(byte[] packet, MacAddress? destination = null) =>
        _host.Links[0].Receive(
            FrameBuilder.Ethernet(destination ?? _host.Links[0].Address, FrameBuilder.Stranger, EtherType.Ipv4, packet),
            isVerified: false);

    private byte[]? Complaint()
    {
        _sent.Clear();
        _network.Run(SecondNs / 10);
        return _sent.SingleOrDefault(frame => frame[12] == 8 && frame[13] == 0);
    }
}
