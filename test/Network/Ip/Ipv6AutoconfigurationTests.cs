using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class Ipv6AutoconfigurationTests
{
    private const long SecondNs = 1_000_000_000;
    private static readonly IpAddress s_router = SimulatedHost.Ip("fe80::99");
    private static readonly IpAddress s_allNodes = SimulatedHost.Ip("ff02::1");

    private readonly SimulatedNetwork _network = new(11);
    private readonly SimulatedWire _wire;
    private readonly SimulatedHost _host;
    private readonly List<byte[]> _sent = [];

    public Ipv6AutoconfigurationTests()
    {
        _wire = _network.AddWire();
        _wire.Filter = frame =>
        {
            _sent.Add(frame);
            return true;
        };
        _host = _network.AddHost("host");
        _host.Connect(_wire);
        _host.Stack.EnableIpv6Autoconfiguration(_host.Interface, _network.NowNs);
    }

    private InterfaceAddress LinkLocal => _host.Interface.Addresses.Single(address => address.Address.IsLinkLocal);

    [Fact]
    public void LinkLocalAddress_IsUsableAtOnce_AndSureAfterASecond()
    {
        Assert.Equal("fe80::5054:ff:fe00:10", LinkLocal.Address.ToString());
        Assert.Equal(AddressState.Optimistic, LinkLocal.State);
        _network.Run(SecondNs / 2);
        byte[] question = _sent.Single(frame => Type(frame) == 135);
        Assert.Equal(IpAddress.Ipv6Any, IpAddress.ReadIpv6(question.AsSpan(22)));
        Assert.Equal("ff02::1:ff00:10", IpAddress.ReadIpv6(question.AsSpan(38)).ToString());
        Assert.Equal(14 + 40 + 24, question.Length);
        _network.Run(SecondNs);
        Assert.Equal(AddressState.Preferred, LinkLocal.State);
    }

    [Fact]
    public void Routers_AreAskedThreeTimes()
    {
        _network.Run(60 * SecondNs);
        Assert.Equal(3, _sent.Count(frame => Type(frame) == 133));
    }

    [Fact]
    public void Groups_AreReported()
    {
        _network.Run(3 * SecondNs);
        byte[] report = _sent.First(frame => frame.Length > 62 && frame[20] == 0 && frame[62] == 143);
        Assert.Equal("ff02::16", IpAddress.ReadIpv6(report.AsSpan(38)).ToString());
        Assert.Equal(1, report[21]);
    }

    [Fact]
    public void Address_ThatSomebodyHas_IsNotUsed()
    {
        SimulatedHost other = _network.AddHost("other");
        _network.Run(2 * SecondNs);
        other.Connect(_wire);
        other.Links[0].IsUp = true;
        other.Stack.AddAddress(other.Interface, LinkLocal.Address, 64, AddressOrigin.Manual, _network.NowNs);
        _network.Run(2 * SecondNs);
        Assert.Equal(AddressState.Duplicate, other.Interface.Addresses[0].State);
        Assert.Equal(AddressState.Preferred, LinkLocal.State);
        Assert.False(other.Stack.IsLocalAddress(LinkLocal.Address, 0));
    }

    [Fact]
    public void Advertisement_GivesAddressAndRoute_ForTheirTime()
    {
        _network.Run(2 * SecondNs);
        Advertise(1800, 64, Prefix("2001:db8:1::", 64, 0xC0, 9000, 600), [5, 1, 0, 0, 0, 0, 1400 >> 8, 1400 & 0xFF]);
        _network.Run(2 * SecondNs);
        InterfaceAddress address = _host.Interface.Addresses.Single(candidate => !candidate.Address.IsLinkLocal);
        Assert.Equal("2001:db8:1:0:5054:ff:fe00:10", address.Address.ToString());
        Assert.Equal(AddressState.Preferred, address.State);
        Assert.Equal(NetworkError.None, _host.Stack.FindRoute(default, SimulatedHost.Ip("2001:4860::1"), 0, out IpRoute route));
        Assert.Equal((s_router, address.Address, 1400), (route.NextHop, route.Source, route.Mtu));
        Assert.Equal(NetworkError.None, _host.Stack.FindRoute(default, SimulatedHost.Ip("2001:db8:1::7"), 0, out route));
        Assert.Equal(route.Destination, route.NextHop);

        // Nobody may take an address away at once (RFC 4862, 5.5.3 e), but a router may say that it is one no more.
        Advertise(0, 64, Prefix("2001:db8:1::", 64, 0xC0, 1, 1));
        _network.Run(600 * SecondNs);
        Assert.Equal(AddressState.Deprecated, address.State);
        Assert.Equal(NetworkError.NetworkUnreachable, _host.Stack.FindRoute(default, SimulatedHost.Ip("2001:4860::1"), 0, out _));
        _network.Run(7300 * SecondNs);
        Assert.Single(_host.Interface.Addresses);
    }

    [Fact]
    public void Advertisement_ThatIsNotFromTheLink_IsNotTaken()
    {
        _network.Run(2 * SecondNs);
        Advertise(1800, 64, Prefix("2001:db8:1::", 64, 0xC0, 9000, 600), hopLimit: 254);
        Advertise(1800, 64, [3, 0, 0, 0, 0, 0, 0, 0]);
        _network.Run(SecondNs);
        Assert.Single(_host.Interface.Addresses);
        Assert.Equal(NetworkError.NetworkUnreachable, _host.Stack.FindRoute(default, SimulatedHost.Ip("2001:4860::1"), 0, out _));
    }

    [Fact]
    public void Advertisements_OfManyPrefixesAndRouters_StayBounded()
    {
        _network.Run(2 * SecondNs);
        for (uint i = 0; i < 1000; i++)
        {
            byte[] prefix = Prefix("2001:db8::", 64, 0xC0, 9000, 600);
            BinaryPrimitives.WriteUInt32BigEndian(prefix.AsSpan(20), i);
            Advertise(1800, 64, prefix, from: new IpAddress(0xFE80_0000_0000_0000, 0x1000 + i));
        }

        Assert.True(_host.Interface.Addresses.Count <= 17);
        Assert.True(_host.Stack.Routes.Routes.Count <= 40);
        _network.Run(20 * SecondNs);
        Assert.Equal(0, _host.UsedBuffers);
    }

    private static int Type(byte[] frame) => frame.Length > 54 && frame[12] == 0x86 && frame[20] == 58 ? frame[54] : -1;

    private static byte[] Prefix(string prefix, byte length, byte flags, uint valid, uint preferred)
    {
        byte[] option = new byte[32];
        option[0] = 3;
        option[1] = 4;
        option[2] = length;
        option[3] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), valid);
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(8), preferred);
        SimulatedHost.Ip(prefix).WriteIpv6(option.AsSpan(16));
        return option;
    }

    private void Advertise(ushort lifetime, byte hops, byte[] option, byte[]? more = null, byte hopLimit = 255, IpAddress? from = null)
    {
        byte[] body = new byte[12 + option.Length + (more?.Length ?? 0)];
        body[0] = hops;
        BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2), lifetime);
        option.CopyTo(body.AsSpan(12));
        more?.CopyTo(body.AsSpan(12 + option.Length));
        IpAddress source = from ?? s_router;
        byte[] packet = FrameBuilder.Ipv6(
            new Ipv6Header { Source = source, Destination = s_allNodes, HopLimit = hopLimit, NextHeader = IpProtocol.Icmpv6 },
            FrameBuilder.Icmpv6(source, s_allNodes, Icmpv6Type.RouterAdvertisement, body));
        byte[] frame = FrameBuilder.Ethernet(new MacAddress(0x3333_0000_0001), FrameBuilder.Stranger, EtherType.Ipv6, packet);
        _host.Links[0].Receive(frame, isVerified: false);
    }
}
