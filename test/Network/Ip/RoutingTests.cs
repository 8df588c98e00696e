using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Ip;

public sealed class RoutingTests
{
    private readonly SimulatedNetwork _network = new(1);
    private readonly SimulatedHost _host;
    private readonly NetworkStack _stack;

    public RoutingTests()
    {
        _host = _network.AddHost("host");
        _host.Connect(_network.AddWire(), "10.0.0.1", "192.168.7.1", "fd00::1");
        _host.Connect(_network.AddWire(), "10.1.0.1");
        _stack = _host.Stack;
        _network.Run(2_000_000_000);
    }

    [Theory]
    [InlineData("10.0.0.9", 2, "10.0.0.1", "10.0.0.9")]
    [InlineData("192.168.7.9", 2, "192.168.7.1", "192.168.7.9")]
    [InlineData("10.1.0.9", 3, "10.1.0.1", "10.1.0.9")]
    [InlineData("8.8.8.8", 2, "10.0.0.1", "10.0.0.254")]
    [InlineData("9.9.9.9", 3, "10.1.0.1", "10.1.0.254")]
    [InlineData("127.3.3.3", 1, "127.0.0.1", "127.3.3.3")]
    [InlineData("10.1.0.1", 1, "10.1.0.1", "10.1.0.1")]
    [InlineData("0.0.0.0", 1, "127.0.0.1", "127.0.0.1")]
    [InlineData("::", 1, "::1", "::1")]
    [InlineData("fd00::7", 2, "fd00::1", "fd00::7")]
    [InlineData("224.0.0.5", 2, "10.0.0.1", "224.0.0.5")]
    [InlineData("ff0e::5", 2, "fd00::1", "ff0e::5")]
    public void FindRoute_TakesTheMostSpecificAndTheCheapest(string to, int index, string source, string nextHop)
    {
        Add("0.0.0.0", 0, "10.0.0.254", 2, 100);
        Add("0.0.0.0", 0, "10.1.0.254", 3, 200);
        Add("9.0.0.0", 8, "10.1.0.254", 3, 900);
        Assert.Equal(NetworkError.None, _stack.FindRoute(default, SimulatedHost.Ip(to), 0, out IpRoute route));
        Assert.Equal((index, source, nextHop), (route.InterfaceIndex, route.Source.ToString(), route.NextHop.ToString()));
    }

    [Fact]
    public void FindRoute_OverANamedInterface_UsesNoOther()
    {
        Add("0.0.0.0", 0, "10.0.0.254", 2, 100);
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.FindRoute(default, SimulatedHost.Ip("8.8.8.8"), 3, out _));
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.FindRoute(default, SimulatedHost.Ip("8.8.8.8"), 99, out _));
        Assert.Equal(NetworkError.None, _stack.FindRoute(default, SimulatedHost.Ip("255.255.255.255"), 3, out IpRoute route));
        Assert.True(route.IsBroadcast);
    }

    [Fact]
    public void FindRoute_FromAnAddressThatIsNotOurs_IsRefused()
    {
        NetworkError Find(string from, string to) => _stack.FindRoute(SimulatedHost.Ip(from), SimulatedHost.Ip(to), 0, out _);
        Assert.Equal(NetworkError.AddressNotAvailable, Find("10.0.0.3", "10.0.0.9"));
        Assert.Equal(NetworkError.NetworkUnreachable, Find("10.0.0.1", "fd00::9"));
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.FindRoute(default, SimulatedHost.Ip("8.8.8.8"), 0, out _));
    }

    [Fact]
    public void RouteGeneration_ChangesWithAddressesRoutesAndCarriers()
    {
        int generation = _stack.RouteGeneration;
        void Expect(Action change)
        {
            change();
            Assert.NotEqual(generation, _stack.RouteGeneration);
            generation = _stack.RouteGeneration;
        }

        Expect(() => Add("0.0.0.0", 0, "10.0.0.254", 2, 100));
        Expect(() => _stack.AddAddress(_host.Interface, SimulatedHost.Ip("10.0.0.5"), 24, AddressOrigin.Manual, 0));
        Expect(() => _stack.RemoveAddress(_host.Interface, SimulatedHost.Ip("10.0.0.5"), 0));
        Expect(() => _stack.LowerPathMtu(SimulatedHost.Ip("8.8.8.8"), 1000, 0));
        Expect(() =>
        {
            _host.Links[0].IsUp = false;
            _stack.Poll(_network.NowNs);
        });
        Expect(() => _stack.SetUp(_host.Interface, isUp: false, _network.NowNs));
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.FindRoute(default, SimulatedHost.Ip("10.0.0.9"), 0, out _));
    }

    [Fact]
    public void RemoveAddress_KeepsTheNetworkOfAnother()
    {
        _stack.AddAddress(_host.Interface, SimulatedHost.Ip("10.0.0.5"), 24, AddressOrigin.Manual, 0);
        _stack.RemoveAddress(_host.Interface, SimulatedHost.Ip("10.0.0.1"), 0);
        Assert.Equal(NetworkError.None, _stack.FindRoute(default, SimulatedHost.Ip("10.0.0.9"), 0, out IpRoute route));
        Assert.Equal("10.0.0.5", route.Source.ToString());
        _stack.RemoveAddress(_host.Interface, SimulatedHost.Ip("10.0.0.5"), 0);
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.FindRoute(default, SimulatedHost.Ip("10.0.0.9"), 0, out _));
    }

    [Fact]
    public void AddRoute_OverARouterThatIsNotOnTheLink_IsRefused()
    {
        Route route = new() { Prefix = IpPrefix.Ipv4Default, Gateway = SimulatedHost.Ip("172.16.0.1"), InterfaceIndex = 2 };
        Assert.Equal(NetworkError.NetworkUnreachable, _stack.AddRoute(route));
        Assert.Equal(NetworkError.None, _stack.AddRoute(route with { Gateway = SimulatedHost.Ip("10.0.0.254") }));
        Assert.Equal(NetworkError.AddressInUse, _stack.AddRoute(route with { Gateway = SimulatedHost.Ip("10.0.0.254") }));
    }

    /// <summary>What is known of a path: never less than what every path must have, and forgotten after ten minutes.</summary>
    [Theory]
    [InlineData("8.8.8.8", 100, 552)]
    [InlineData("8.8.8.8", 1400, 1400)]
    [InlineData("8.8.8.8", 9000, 1500)]
    [InlineData("fd00::9", 100, 1280)]
    public void LowerPathMtu_IsWithinBounds(string to, int mtu, int expected)
    {
        Add("0.0.0.0", 0, "10.0.0.254", 2, 100);
        IpAddress address = SimulatedHost.Ip(to);
        _stack.LowerPathMtu(address, mtu, _network.NowNs);
        _stack.FindRoute(default, address, 0, out IpRoute route);
        Assert.Equal(expected, route.Mtu);
        _network.Run(601_000_000_000);
        _stack.FindRoute(default, address, 0, out route);
        Assert.Equal(1500, route.Mtu);
    }

    [Theory]
    [InlineData("fd00::9", "fd00::1")]
    [InlineData("2001:db8::9", "2001:db8::1")]
    [InlineData("fe80::9", "fe80::1")]
    [InlineData("ff02::9", "fe80::1")]
    [InlineData("ff0e::9", "2001:db8::1")]
    public void Source_IsChosenByScopeAndPrefix(string to, string expected)
    {
        _stack.AddAddress(_host.Interface, SimulatedHost.Ip("fe80::1"), 64, AddressOrigin.Manual, 0);
        _stack.AddAddress(_host.Interface, SimulatedHost.Ip("2001:db8::1"), 64, AddressOrigin.Manual, 0);
        _network.Run(2_000_000_000);
        Assert.True(SourceAddressSelection.TryChoose(_host.Interface, SimulatedHost.Ip(to), out IpAddress source));
        Assert.Equal(expected == "2001:db8::1" && to[0] == 'f' ? "fd00::1" : expected, source.ToString());
    }

    private void Add(string prefix, int length, string gateway, int index, uint metric) =>
        Assert.Equal(NetworkError.None, _stack.AddRoute(new Route
        {
            Prefix = new IpPrefix(SimulatedHost.Ip(prefix), length),
            Gateway = SimulatedHost.Ip(gateway),
            InterfaceIndex = index,
            Metric = metric,
        }));
}
