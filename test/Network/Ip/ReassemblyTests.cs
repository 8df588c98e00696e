using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class ReassemblyTests
{
    private const long SecondNs = 1_000_000_000;
    private static readonly IpAddress s_from4 = SimulatedHost.Ip("10.0.0.9");
    private static readonly IpAddress s_from6 = SimulatedHost.Ip("fd00::9");

    private readonly SimulatedNetwork _network;
    private readonly SimulatedHost _host;
    private readonly UdpEndpoint _server;
    private readonly byte[] _payload = new byte[1000];

    public ReassemblyTests()
    {
        (_network, _host, _) = SimulatedNetwork.Pair(3);
        _server = _host.Udp.Create(isIpv6: true, null);
        _server.Bind(IpAddress.Ipv6Any, 7, 0);
        _network.Random.Fill(_payload);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Parts_InAnyOrderAndTwice_MakeTheDatagram(bool isIpv6)
    {
        for (ushort round = 0; round < 50; round++)
        {
            byte[] whole = Datagram(isIpv6);
            List<(int Start, int End)> parts = [];
            for (int start = 0; start < whole.Length;)
            {
                int end = Math.Min(whole.Length, start + 8 * (1 + _network.Random.Next(30)));
                parts.Add((start, end));
                start = end;
            }

            for (int i = parts.Count - 1; i > 0; i--)
            {
                int other = _network.Random.Next(i + 1);
                (parts[i], parts[other]) = (parts[other], parts[i]);
            }

            // The last of all comes once: after it there is nothing to be a duplicate of.
            foreach ((int start, int end) in parts.SkipLast(1).SelectMany(part => new[] { part, part }).Append(parts[^1]))
            {
                Assert.Equal(0, _server.QueuedCount);
                Send(isIpv6, round, whole, start, end);
            }

            Assert.True(_server.TryReceive(out ReceivedDatagram datagram));
            Assert.True(_payload.AsSpan().SequenceEqual(datagram.Buffer.Bytes));
            datagram.Buffer.Release();
            Assert.Equal(0, _host.UsedBuffers);
            Assert.Equal(0, _host.Stack.Reassembler.Count);
        }
    }

    [Theory]
    [InlineData(false, 8, 24)]
    [InlineData(true, 8, 24)]
    [InlineData(false, 0, 8)]
    [InlineData(false, 16, 40)]
    public void Parts_ThatOverlap_EndTheDatagram(bool isIpv6, int start, int end)
    {
        byte[] whole = Datagram(isIpv6);
        Send(isIpv6, 1, whole, 0, 32);
        byte[] evil = (byte[])whole.Clone();
        evil[start] ^= 1;
        Send(isIpv6, 1, evil, start, end);
        Send(isIpv6, 1, whole, 0, 32);
        Send(isIpv6, 1, whole, 32, whole.Length);
        Assert.Equal(0, _server.QueuedCount);
        Assert.Equal(1, _host.Stack.Reassembler.Count);
        _network.Run(31 * SecondNs);
        Assert.Equal(0, _host.Stack.Reassembler.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Parts_ThatDoNotCome_AreGivenUpAndTheSenderIsTold(bool isIpv6)
    {
        byte[] whole = Datagram(isIpv6);
        List<byte[]> told = [];
        _network.OnFrame = (link, frame) => told.Add(frame);
        Send(isIpv6, 1, whole, 0, 512);
        _network.Run(29 * SecondNs);
        told.Clear();
        Learn();
        _network.Run(2 * SecondNs);
        Assert.Contains(told, frame => isIpv6
            ? frame[12] == 0x86 && frame[54] == 3 && frame[55] == 1
            : frame[12] == 8 && frame[34] == 11 && frame[35] == 1);
        Assert.Equal(1, (isIpv6 ? _host.Stack.Ipv6Counters : _host.Stack.Ipv4Counters).ReasmTimeout);
        Assert.Equal(0, _host.Stack.Reassembler.Count);
    }

    [Fact]
    public void Parts_OfManyDatagrams_StayBounded()
    {
        byte[] whole = Datagram(isIpv6: false);
        for (int i = 0; i < 2000; i++)
        {
            Send(isIpv6: false, (ushort)i, whole, 8, 16);
        }

        Assert.Equal(8, _host.Stack.Reassembler.Count);
        for (uint i = 0; i < 2000; i++)
        {
            SendFrom(IpAddress.FromIpv4(0x0A00_0000 + 3 + i % 200), (ushort)i, whole, 8, 16, isMore: true);
        }

        Assert.Equal(Reassembler.Limit, _host.Stack.Reassembler.Count);
        _network.Run(31 * SecondNs);
        Assert.Equal(0, _host.Stack.Reassembler.Count);
        Assert.Equal(0, _host.UsedBuffers);
    }

    /// <summary>The ping of death: a last part that ends beyond what a packet can have.</summary>
    [Fact]
    public void Part_BeyondTheLargestPacket_IsDropped()
    {
        SendFrom(s_from4, 1, new byte[65600], 65528, 65600, isMore: false);
        SendFrom(s_from4, 1, new byte[65600], 0, 1480, isMore: true);
        Assert.Equal(1, _host.Stack.Ipv4Counters.ReasmFails);
        _network.Run(31 * SecondNs);
        Assert.Equal(0, _host.Stack.Reassembler.Count);
    }

    /// <summary>
    /// A beginning with options, and an end that leaves no room for them: the sum of both was more than a length can say.
    /// </summary>
    [Fact]
    public void Parts_WithHeadersOfDifferentLengths_AreNotMoreThanAPacket()
    {
        byte[] whole = new byte[65512];
        byte[] first = new byte[24 + 8];
        new Ipv4Header
        {
            HeaderLength = 24,
            TotalLength = first.Length,
            Source = s_from4,
            Destination = SimulatedHost.Ip("10.0.0.1"),
            Ttl = 64,
            Protocol = IpProtocol.Udp,
            Identification = 1,
            MoreFragments = true,
        }.Write(first);
        byte[] frame = FrameBuilder.Ethernet(_host.Links[0].Address, FrameBuilder.Stranger, EtherType.Ipv4, first);
        _host.Links[0].Receive(frame, isVerified: false);
        for (int start = 8; start < whole.Length; start += 1480)
        {
            int end = Math.Min(start + 1480, whole.Length);
            SendFrom(s_from4, 1, whole, start, end, isMore: end < whole.Length);
        }

        Assert.Equal(1, _host.Stack.Ipv4Counters.InDiscards);
        Assert.Equal(0, _host.Stack.Reassembler.Count);
        Assert.Equal(0, _host.UsedBuffers);
    }

    [Fact]
    public void AtomicFragment_IsTakenAtOnce()
    {
        byte[] whole = Datagram(isIpv6: true);
        Send(isIpv6: true, 5, whole, 8, 16);
        Send(isIpv6: true, 5, whole, 0, whole.Length);
        Assert.Equal(1, _server.QueuedCount);
        _server.Close(_network.NowNs);
    }

    private byte[] Datagram(bool isIpv6)
    {
        IpAddress to = SimulatedHost.Ip(isIpv6 ? "fd00::1" : "10.0.0.1");
        return FrameBuilder.Udp(isIpv6 ? s_from6 : s_from4, to, 1000, 7, _payload);
    }

    private void Learn()
    {
        // The stranger says who he is, so that he can be told.
        _host.Stack.Neighbors.Learn(_host.Interface, s_from4, FrameBuilder.Stranger, _network.NowNs);
        _host.Stack.Neighbors.Learn(_host.Interface, s_from6, FrameBuilder.Stranger, _network.NowNs);
    }

    private void Send(bool isIpv6, ushort identification, byte[] whole, int start, int end)
    {
        bool isMore = end < whole.Length;
        if (!isIpv6)
        {
            SendFrom(s_from4, identification, whole, start, end, isMore);
            return;
        }

        byte[] fragment = new byte[8 + end - start];
        new Ipv6FragmentHeader
        {
            NextHeader = IpProtocol.Udp,
            FragmentOffset = start,
            MoreFragments = isMore,
            Identification = identification,
        }.Write(fragment);
        whole.AsSpan(start..end).CopyTo(fragment.AsSpan(8));
        byte[] packet = FrameBuilder.Ipv6(
            new Ipv6Header
            {
                Source = s_from6,
                Destination = SimulatedHost.Ip("fd00::1"),
                HopLimit = 64,
                NextHeader = IpProtocol.Ipv6Fragment,
            },
            fragment);
        byte[] frame = FrameBuilder.Ethernet(_host.Links[0].Address, FrameBuilder.Stranger, EtherType.Ipv6, packet);
        _host.Links[0].Receive(frame, isVerified: false);
    }

    private void SendFrom(IpAddress from, ushort identification, byte[] whole, int start, int end, bool isMore)
    {
        byte[] packet = FrameBuilder.Ipv4(
            new Ipv4Header
            {
                Source = from,
                Destination = SimulatedHost.Ip("10.0.0.1"),
                Ttl = 64,
                Protocol = IpProtocol.Udp,
                Identification = identification,
                FragmentOffset = start,
                MoreFragments = isMore,
            },
            whole.AsSpan(start..end));
        byte[] frame = FrameBuilder.Ethernet(_host.Links[0].Address, FrameBuilder.Stranger, EtherType.Ipv4, packet);
        _host.Links[0].Receive(frame, isVerified: false);
    }
}
