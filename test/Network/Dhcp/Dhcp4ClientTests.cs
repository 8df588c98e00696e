using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Dhcp;

public sealed class Dhcp4ClientTests
{
    private const long SecondNs = 1_000_000_000;

    private readonly SimulatedNetwork _network = new(5);
    private readonly SimulatedHost _host;
    private readonly TestDhcpServer _server;
    private readonly Listener _listener = new();
    private readonly Dhcp4Client _client;

    public Dhcp4ClientTests()
    {
        SimulatedWire wire = _network.AddWire();
        _host = _network.AddHost("client");
        SimulatedHost server = _network.AddHost("server");
        server.Connect(wire, "10.0.0.2");
        _server = new TestDhcpServer(server);
        _host.Connect(wire);
        _client = _host.Stack.StartDhcp(_host.Interface, "semitone", _listener, _network.NowNs);
    }

    [Fact]
    public void Start_GetsAddressRouteAndNames()
    {
        _server.MoreOptions = [26, 2, 1400 >> 8, 1400 & 0xFF, 12, 4, .. "evil"u8];
        Run(SecondNs);
        Assert.Equal(Dhcp4State.Bound, _client.State);
        Dhcp4Lease lease = Assert.Single(_listener.Leases);
        Assert.Equal("10.0.0.77", lease.Address.ToString());
        Assert.Equal("example", lease.DomainName);
        Assert.Equal("evil", lease.HostName);
        Assert.Equal(["10.0.0.3", "8.8.8.8"], lease.NameServers.Select(server => server.ToString()));
        Assert.Equal(1400, _host.Interface.Mtu);
        Assert.Equal([(1, false), (3, false)], _server.Asked);
        Assert.Equal(NetworkError.None, _host.Stack.FindRoute(default, SimulatedHost.Ip("1.1.1.1"), 0, out IpRoute route));
        Assert.Equal(("10.0.0.77", "10.0.0.2"), (route.Source.ToString(), route.NextHop.ToString()));
        Assert.Equal(0, _host.UsedBuffers);
    }

    [Fact]
    public void Lease_IsRenewedByUnicastAndThenByAll_AndEnds()
    {
        Run(SecondNs);
        _server.Asked.Clear();
        Run(1801 * SecondNs);
        Assert.Equal([(3, true)], _server.Asked);
        Assert.Equal(2, _listener.Leases.Count);
        _server.IsSilent = true;
        _server.Asked.Clear();
        Run(3590 * SecondNs);
        Assert.Contains(_server.Asked, asked => asked == (3, true));
        Assert.Contains(_server.Asked, asked => asked == (3, false));
        Assert.True(_server.Asked.Count < 12);
        Assert.NotNull(_host.Interface.Find(_server.Address));
        Run(20 * SecondNs);
        Assert.Null(_host.Interface.Find(_server.Address));
        Assert.Equal(1, _listener.LostCount);
        Assert.Equal(Dhcp4State.Selecting, _client.State);
        Assert.Equal(NetworkError.NetworkUnreachable, _host.Stack.FindRoute(default, SimulatedHost.Ip("1.1.1.1"), 0, out _));
        _server.IsSilent = false;
        Run(70 * SecondNs);
        Assert.Equal(Dhcp4State.Bound, _client.State);
    }

    [Fact]
    public void Renewal_ThatIsRefused_BeginsAnew()
    {
        Run(SecondNs);
        _server.Refuses = true;
        Run(1801 * SecondNs);
        Assert.Null(_host.Interface.Find(_server.Address));
        Assert.Equal(1, _listener.LostCount);
        _server.Refuses = false;
        _server.Address = SimulatedHost.Ip("10.0.0.78");
        Run(30 * SecondNs);
        Assert.NotNull(_host.Interface.Find(_server.Address));
    }

    [Fact]
    public void Link_ThatComesBack_IsAskedWhetherTheAddressIsStillGood()
    {
        Run(SecondNs);
        _host.Links[0].IsUp = false;
        _host.Stack.Poll(_network.NowNs);
        _server.Asked.Clear();
        _server.Refuses = true;
        _host.Links[0].IsUp = true;
        _host.Stack.Poll(_network.NowNs);
        Run(SecondNs / 2);
        Assert.Equal((3, false), _server.Asked[0]);
        Assert.Null(_host.Interface.Find(_server.Address));
    }

    [Fact]
    public void Silence_IsAskedIntoEverMoreSeldom()
    {
        _server.IsSilent = true;
        Run(300 * SecondNs);
        Assert.InRange(_server.Asked.Count, 6, 9);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4, 1)]
    [InlineData(28, 1)]
    [InlineData(16, 127)]
    [InlineData(236, 1)]
    [InlineData(240, 0)]
    public void Answer_ThatIsNotForUs_IsNotTaken(int offset, byte change)
    {
        _server.Spoil = reply => reply[offset] = change == 127 ? change : change == 0 ? (byte)255 : (byte)(reply[offset] ^ change);
        Run(20 * SecondNs);
        Assert.Empty(_listener.Leases);
        Assert.Equal(0, _host.UsedBuffers);
    }

    [Fact]
    public void Answer_DamagedAnyhow_DoesNoHarm()
    {
        SeededRandom random = new(9);
        _server.LeaseSeconds = 60;
        _server.Spoil = reply =>
        {
            for (int i = random.Next(4); i > 0; i--)
            {
                reply[random.Next(reply.Length)] = (byte)random.NextUInt64();
            }
        };
        Run(40_000 * SecondNs);
        Assert.Equal(0, _host.UsedBuffers);
        Assert.True(_host.Interface.Addresses.Count <= 1);
    }

    private void Run(long durationNs) =>
        _network.RunUntil(
            () =>
            {
                _server.Serve();
                return false;
            },
            durationNs);

    private sealed class Listener : IDhcp4Listener
    {
        public List<Dhcp4Lease> Leases { get; } = [];

        public int LostCount { get; private set; }

        public void OnLease(NetworkInterface networkInterface, Dhcp4Lease lease) => Leases.Add(lease);

        public void OnLeaseLost(NetworkInterface networkInterface) => LostCount++;
    }
}
