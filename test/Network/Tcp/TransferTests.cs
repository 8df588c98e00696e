using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>Each byte once and in order, or an end with an error, whatever the wire does.</summary>
public sealed class TransferTests
{
    private const string SeedsVariable = "SEMITONE_TCP_SEEDS";
    private const string FirstVariable = "SEMITONE_TCP_FIRST_SEED";

    private const ushort ClientPort = 40000;

    [Fact]
    public void Bytes_OverAnyWire_ArriveOnceAndInOrder()
    {
        int count = int.TryParse(Environment.GetEnvironmentVariable(SeedsVariable), out int seeds) ? seeds : 500;
        int first = int.TryParse(Environment.GetEnvironmentVariable(FirstVariable), out int start) ? start : 1;
        int whole = 0;
        for (int seed = first; seed < first + count; seed++)
        {
            try
            {
                whole += Exchange((ulong)seed) ? 1 : 0;
            }
            catch (Exception e)
            {
                Assert.Fail($"Seed {seed} ({FirstVariable}={seed} {SeedsVariable}=1): {e}");
            }
        }

        Assert.True(whole >= count * 98 / 100, $"only {whole} of {count} exchanges came to a good end");
    }

    [Fact]
    public void Bytes_OverAPerfectWire_TakeNoRetransmission()
    {
        SimulatedNetwork network = new(7, new WireConditions());
        (Application client, Application server) = Connect(network, 1_000_000, 2_000_000);
        RunApplications(network, client, server, 100);
        AssertWhole(client, server, 1_000_000, 2_000_000);
        Assert.Equal(0, network.Client.Tcp.Counters[TcpCounter.RetransSegs]);
        Assert.Equal(0, network.Server.Tcp.Counters[TcpCounter.RetransSegs]);
    }

    internal static (Application Client, Application Server) Connect(
        SimulatedNetwork network,
        int clientBytes,
        int serverBytes,
        TcpSettings? settings = null)
    {
        (Application client, Application? server) = TryConnect(network, clientBytes, serverBytes, settings);
        Assert.NotNull(server);
        return (client, server);
    }

    private static (Application Client, Application? Server) TryConnect(
        SimulatedNetwork network,
        int clientBytes,
        int serverBytes,
        TcpSettings? settings)
    {
        TcpSettings used = settings ?? TcpSettings.Default;
        Acceptor acceptor = new(network.Server, 16, used);
        Assert.True(network.Client.Tcp.TryCreate(used, out TcpConnection? connection));
        Application client = new(network, connection, clientBytes, 17, 23);
        Assert.Equal(
            NetworkError.None,
            connection.Connect(new TcpEndpoint(IpAddress.Ipv4Any, ClientPort), network.ServerEndpoint, 0, network.NowNs));
        TcpConnection? accepted = null;
        network.RunUntil(
            () => acceptor.Listener.TryAccept(network.NowNs, out accepted) || connection.State == TcpState.Closed, 200_000_000_000);
        acceptor.Listener.Close(network.NowNs);
        return (client, accepted is null ? null : new Application(network, accepted, serverBytes, 23, 17));
    }

    internal static void RunApplications(SimulatedNetwork network, Application client, Application server, long seconds)
    {
        // A program that does not read when it could has another look, though nothing comes.
        const long LookNs = 20_000_000;
        long endNs = network.NowNs + (seconds * 1_000_000_000);
        while (!network.RunUntil(Work, LookNs) && network.NowNs < endNs)
        {
        }

        bool Work()
        {
            client.Work();
            server.Work();
            return client.IsDone && server.IsDone;
        }
    }

    internal static void AssertWhole(Application client, Application server, int clientBytes, int serverBytes)
    {
        Assert.Equal(NetworkError.None, client.Error);
        Assert.Equal(NetworkError.None, server.Error);
        Assert.True(
            client.HasEnd && server.HasEnd,
            $"no end: {client.Connection.State} {server.Connection.State} {client.Read} {server.Read}");
        Assert.Equal(serverBytes, client.Read);
        Assert.Equal(clientBytes, server.Read);
    }

    /// <summary>Memory that is often not there.</summary>
    private sealed class ScarceMemory(SeededRandom random) : IMemoryBudget
    {
        public bool IsScarce { get; set; }

        public bool HasRoom(int bytes) => !IsScarce || random.Chance(0.5);
    }

    private static bool Exchange(ulong seed)
    {
        SeededRandom random = new(seed * 7919);
        double trouble = random.Next(4) switch { 0 => 0, 1 => 0.01, 2 => 0.05, _ => 0.15 };
        WireConditions conditions = new()
        {
            DelayNs = 10_000L << random.Next(14),
            JitterNs = random.Next(2) == 0 ? 0 : 10_000L << random.Next(13),
            Loss = random.Chance(0.7) ? trouble : 0,
            Duplication = random.Chance(0.5) ? trouble : 0,
            Damage = random.Chance(0.3) ? trouble / 2 : 0,
            Rate = random.Chance(0.3) ? 100_000L << random.Next(12) : 0,
            QueueBytes = 20_000 << random.Next(6),
            Refusal = random.Chance(0.2) ? 0.05 : 0,
            Mtu = random.Next(6) switch { 0 => 576, 1 => 296, _ => 1500 },
            SegmentedPayload = random.Chance(0.3) ? 65536 : 0,
        };
        TcpSettings settings = TcpSettings.Default;
        settings.IsNoDelay = random.Chance(0.3);
        settings.Congestion = random.Chance(0.3) ? TcpCongestion.Reno : TcpCongestion.Cubic;
        settings.ReceiveBuffer = random.Chance(0.3) ? 2304 << random.Next(6) : 0;
        settings.SendBuffer = random.Chance(0.3) ? 4608 << random.Next(6) : 0;

        ScarceMemory memory = new(random);
        TcpLimits limits = new() { Memory = random.Chance(0.1) ? memory : null };
        SimulatedNetwork network = new(seed, conditions, limits) { FlushesWhenIdle = random.Chance(0.5) };
        if (random.Chance(0.5))
        {
            // Near where the numbers wrap, or their sign.
            ConnectionKey key = new(new TcpEndpoint(network.Client.Address, ClientPort), network.ServerEndpoint);
            uint edge = random.Chance(0.5) ? 0 : 0x8000_0000;
            bool isServer = random.Chance(0.5);
            network.StartAtSequence(
                isServer ? network.Server : network.Client,
                isServer ? new ConnectionKey(key.Remote, key.Local) : key,
                edge - (uint)random.Next(100_000));
        }

        int clientBytes = random.Next(random.Chance(0.5) ? 5000 : 300_000);
        int serverBytes = random.Next(random.Chance(0.5) ? 5000 : 300_000);
        (Application client, Application? server) = TryConnect(network, clientBytes, serverBytes, settings);
        if (server is null)
        {
            // A bad wire may lose each SYN.
            client.Connection.Close(network.NowNs);
            network.Run(2_000_000_000_000);
            AssertEmpty(network.Client);
            AssertEmpty(network.Server);
            return false;
        }

        memory.IsScarce = true;
        int total = Math.Max(clientBytes, serverBytes);
        client.Piece = Math.Max(1 << (1 + random.Next(17)), total / 1000);
        server.Piece = Math.Max(1 << (1 + random.Next(17)), total / 1000);
        client.Laziness = random.Chance(0.3) ? 0.7 : 0;
        server.Laziness = random.Chance(0.3) ? 0.7 : 0;
        RunApplications(network, client, server, 3600);
        bool isWhole = client.Error == NetworkError.None && server.Error == NetworkError.None;
        if (isWhole)
        {
            AssertWhole(client, server, clientBytes, serverBytes);
        }
        else
        {
            Assert.True(client.IsDone || server.IsDone);
        }

        client.Connection.Close(network.NowNs);
        server.Connection.Close(network.NowNs);
        network.Run(2_000_000_000_000);
        AssertEmpty(network.Client);
        AssertEmpty(network.Server);
        return isWhole;
    }

    private static void AssertEmpty(SimulatedHost host)
    {
        Assert.Equal(0, host.Tcp.ConnectionCount);
        Assert.Equal(0, host.Tcp.TimeWaitCount);
        Assert.Equal(0, host.Tcp.HalfOpenCount);
        Assert.Equal(0, host.Tcp.OrphanCount);
        Assert.Equal(0, host.Tcp.SendBytes);
        Assert.Equal(0, host.Tcp.ReceiveBytes);
        Assert.Equal(0, host.Pool.UsedCount);
        Assert.Equal(long.MaxValue, host.Tcp.NextDeadlineNs);
    }
}
