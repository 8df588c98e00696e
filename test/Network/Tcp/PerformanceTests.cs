using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>How fast, and at what cost.</summary>
public sealed class PerformanceTests
{
    // 100 Mbit/s.
    private const long Rate = 12_500_000;

    [Fact]
    public void Bulk_OverACleanPath_FillsIt()
    {
        SimulatedNetwork network = new(3, new WireConditions { DelayNs = 5_000_000, Rate = Rate, QueueBytes = 200_000 });
        double rate = Measure(network, 20_000_000);
        Assert.True(rate > 0.85 * Rate, $"{rate / 1e6} MB/s");
    }

    [Theory]
    [InlineData(TcpCongestion.Cubic)]
    [InlineData(TcpCongestion.Reno)]
    public void Bulk_WithLosses_IsNearWhatTheoryGives(TcpCongestion congestion)
    {
        // 10 ms and 1 % loss. RFC 9438, 5.1 with RFC 8312's model: 1.054 segments x (RTT / p)^... is below Reno's here, so that both are
        // at the
        // mean window of AIMD, sqrt(3/2 / p) = 12 segments a round trip (Mathis et al., 1997): 1.75 MB/s.
        TcpSettings settings = TcpSettings.Default;
        settings.Congestion = congestion;
        SimulatedNetwork network = new(5, new WireConditions { DelayNs = 5_000_000, Loss = 0.01, Rate = Rate });
        double rate = Measure(network, 10_000_000, settings);
        Assert.True(rate > 1_000_000, $"{rate / 1e6} MB/s");
        Assert.Equal(0, network.Client.Tcp.Counters[TcpCounter.TCPSACKReneging]);
        Assert.True(
            network.Client.Tcp.Counters[TcpCounter.TCPTimeouts] < 20, $"{network.Client.Tcp.Counters[TcpCounter.TCPTimeouts]} timeouts");
    }

    [Fact]
    public void Reordering_IsNotHeldForLoss()
    {
        SimulatedNetwork network = new(9, new WireConditions { DelayNs = 10_000_000, JitterNs = 2_000_000, Rate = Rate });
        double rate = Measure(network, 20_000_000);
        long again = network.Client.Tcp.Counters[TcpCounter.RetransSegs];
        Assert.True(again < 400, $"{again} sent again without need");
        Assert.True(rate > 0.5 * Rate, $"{rate / 1e6} MB/s");
    }

    [Fact]
    public void Steady_AllocatesNothing()
    {
        SimulatedNetwork network = new(11, new WireConditions { DelayNs = 1_000_000, Rate = Rate });
        (Application client, Application server) = TransferTests.Connect(network, int.MaxValue, 0);
        server.Connection.Observer = null;
        Pump(network, client.Connection, server.Connection, 5_000_000_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long received = server.Connection.GetInfo(network.NowNs).BytesReceived;
        Pump(network, client.Connection, server.Connection, 5_000_000_000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        received = server.Connection.GetInfo(network.NowNs).BytesReceived - received;
        Assert.True(received > 20_000_000, $"{received} bytes");
        Assert.True(allocated < 1000, $"{allocated} bytes allocated for {received}");
    }

    [Fact]
    public void Idle_ConnectionsAreSmallAndSilent()
    {
        const int Count = 2000;
        SimulatedNetwork network = new(13, new WireConditions());
        Acceptor acceptor = new(network.Server, 4096);
        List<TcpConnection> connections = new(Count * 2);
        long before = GC.GetTotalMemory(true);
        for (int i = 0; i < Count; i++)
        {
            Assert.True(network.Client.Tcp.TryCreate(TcpSettings.Default, out TcpConnection? connection));
            connection.Connect(new TcpEndpoint(IpAddress.Ipv4Any, (ushort)(1000 + i)), network.ServerEndpoint, 0, network.NowNs);
            network.Run(10_000_000);
            Assert.True(acceptor.Listener.TryAccept(network.NowNs, out TcpConnection? accepted));
            Exchange(network, connection, accepted);
            connections.Add(connection);
            connections.Add(accepted);
        }

        network.Run(10_000_000_000);
        long each = (GC.GetTotalMemory(true) - before) / (Count * 2);
        Assert.True(each < 1700, $"{each} bytes a connection");
        int sent = network.Client.SentCount + network.Server.SentCount;
        network.Run(7_000_000_000_000);
        Assert.Equal(sent, network.Client.SentCount + network.Server.SentCount);
        Assert.Equal(long.MaxValue, network.Client.Tcp.NextDeadlineNs);
        Assert.Equal(0, network.Client.Tcp.SendBytes + network.Server.Tcp.ReceiveBytes);
        GC.KeepAlive(connections);
    }

    [Fact]
    public void Requests_OnOneConnection_CostOneSegmentEachWay()
    {
        SimulatedNetwork network = new(15, new WireConditions());
        (Application client, Application server) = TransferTests.Connect(network, 1, 1);
        network.Run(100_000_000);
        int before = network.Client.SentCount + network.Server.SentCount;
        for (int i = 0; i < 100; i++)
        {
            Exchange(network, client.Connection, server.Connection);
        }

        // The last answer is acknowledged alone.
        Assert.InRange(network.Client.SentCount + network.Server.SentCount - before, 200, 201);
    }

    private static void Exchange(SimulatedNetwork network, TcpConnection client, TcpConnection server)
    {
        network.FlushesWhenIdle = false;
        Write(client, 100, network.NowNs);
        Assert.True(network.RunUntil(() => server.ReceivedCount == 100, 1_000_000_000));
        server.Consume(100, network.NowNs);
        Write(server, 300, network.NowNs);
        Assert.True(network.RunUntil(() => client.ReceivedCount == 300, 1_000_000_000));
        client.Consume(300, network.NowNs);
        network.FlushesWhenIdle = true;
    }

    private static void Write(TcpConnection connection, int count, long nowNs)
    {
        Span<byte> span = connection.GetSendSpan(count);
        Assert.Equal(count, span.Length);
        connection.CommitSend(count);
        connection.Push(false, false, nowNs);
    }

    private static double Measure(SimulatedNetwork network, int total, TcpSettings? settings = null)
    {
        (Application client, Application server) = TransferTests.Connect(network, total, 0, settings);
        client.Piece = 1 << 20;
        server.Piece = 1 << 20;
        long start = network.NowNs;
        TransferTests.RunApplications(network, client, server, 1000);
        TransferTests.AssertWhole(client, server, total, 0);
        return total / ((network.NowNs - start) / 1e9);
    }

    private static void Pump(SimulatedNetwork network, TcpConnection from, TcpConnection to, long durationNs)
    {
        long endNs = network.NowNs + durationNs;
        Func<bool> work = () =>
        {
            Span<byte> span;
            while (!(span = from.GetSendSpan(100_000)).IsEmpty)
            {
                from.CommitSend(span.Length);
            }

            from.Push(false, false, network.NowNs);
            ReadOnlySpan<byte> received;
            while (!(received = to.PeekReceived()).IsEmpty)
            {
                to.Consume(received.Length, network.NowNs);
            }

            return network.NowNs >= endNs;
        };
        network.RunUntil(work, durationNs);
    }
}
