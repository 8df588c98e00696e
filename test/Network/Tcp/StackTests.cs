using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Tcp;

/// <summary>TCP over the IP of this stack: its loop back, both versions, and a wire.</summary>
public sealed class StackTests : ITcpListenerObserver
{
    private const ushort Port = 8080;

    [Theory]
    [InlineData("127.0.0.1", 65483)]
    [InlineData("::1", 65464)]
    public void Loopback_CarriesLargeSegments(string address, int segmentSize)
    {
        Simulation.SimulatedNetwork network = new(1);
        Simulation.SimulatedHost host = network.AddHost("a");
        TcpLayer tcp = AddTcp(host, 1);
        IpAddress ip = Simulation.SimulatedHost.Ip(address);
        (TcpConnection client, TcpConnection server) = Connect(network, tcp, tcp, ip);
        Assert.Equal(segmentSize, client.SegmentSize);
        Transfer(network, client, server, 5_000_000);
        Assert.Equal(0, tcp.Counters[TcpCounter.RetransSegs]);
        Assert.True(tcp.Counters[TcpCounter.OutSegs] < 600, $"{tcp.Counters[TcpCounter.OutSegs]} segments");
        Finish(network, client, server, tcp, tcp);
        Assert.Equal(0, host.UsedBuffers);
    }

    [Theory]
    [InlineData("10.0.0.2", 1448)]
    [InlineData("fd00::2", 1428)]
    public void Wire_CarriesBothVersions(string address, int segmentSize)
    {
        (Simulation.SimulatedNetwork network, Simulation.SimulatedHost a, Simulation.SimulatedHost b) =
            Simulation.SimulatedNetwork.Pair(3, new Impairments { Loss = 0.01, JitterNs = 50_000 });
        TcpLayer first = AddTcp(a, 1);
        TcpLayer second = AddTcp(b, 2);
        (TcpConnection client, TcpConnection server) = Connect(network, first, second, Simulation.SimulatedHost.Ip(address));
        Assert.Equal(segmentSize, client.SegmentSize);
        Transfer(network, client, server, 1_000_000);
        Transfer(network, server, client, 1_000_000);
        Finish(network, client, server, first, second);
    }

    [Fact]
    public void Readers_ThatNeverRead_DoNotStopTheOthers()
    {
        Simulation.SimulatedNetwork network = new(1);
        Simulation.SimulatedHost host = network.AddHost("a");
        TcpLayer tcp = AddTcp(host, 1);
        TcpListener listener = tcp.Listen(
            this, new TcpEndpoint(IpAddress.Ipv6Any, Port), new TcpListenerOptions { Backlog = 1000 }, TcpSettings.Default);
        List<TcpConnection> all = [];
        for (ushort i = 0; i < 200; i++)
        {
            (TcpConnection client, TcpConnection server) = Connect(network, tcp, listener, NetworkStack.Ipv4Loopback, (ushort)(30000 + i));
            all.Add(client);
            all.Add(server);
            Span<byte> span;
            while (!(span = client.GetSendSpan(100_000)).IsEmpty)
            {
                client.CommitSend(span.Length);
            }

            client.Push(false, false, network.NowNs);
            network.Run(10_000_000);
        }

        Assert.True(tcp.ReceiveBytes <= tcp.Limits.ReceiveBytes);
        (TcpConnection one, TcpConnection other) = Connect(network, tcp, listener, NetworkStack.Ipv4Loopback, 50000);
        Transfer(network, one, other, 200_000);
        foreach (TcpConnection connection in all)
        {
            connection.Abort(network.NowNs);
        }

        network.Run(1_000_000_000);
        Assert.Equal(0, tcp.ReceiveBytes);
        Assert.Equal(0, tcp.SendBytes);
    }

    [Fact]
    public void Port_NobodyListens_Refuses()
    {
        (Simulation.SimulatedNetwork network, Simulation.SimulatedHost a, Simulation.SimulatedHost b) = Simulation.SimulatedNetwork.Pair();
        TcpLayer first = AddTcp(a, 1);
        AddTcp(b, 2);
        Assert.True(first.TryCreate(TcpSettings.Default, out TcpConnection? connection));
        connection.Connect(
            new TcpEndpoint(IpAddress.Ipv4Any, 40000), new TcpEndpoint(Simulation.SimulatedHost.Ip("10.0.0.2"), 9), 0, network.NowNs);
        network.Run(1_000_000_000);
        Assert.Equal(NetworkError.ConnectionRefused, connection.TakeError());
    }

    void ITcpListenerObserver.OnAcceptReady(TcpListener listener)
    {
    }

    private static TcpLayer AddTcp(Simulation.SimulatedHost host, ulong seed)
    {
        TcpLayer tcp = new(host.Stack, new SeededRandom(seed), new TcpLimits());
        host.Stack.Register(IpProtocol.Tcp, tcp);
        return tcp;
    }

    private (TcpConnection Client, TcpConnection Server) Connect(
        Simulation.SimulatedNetwork network,
        TcpLayer first,
        TcpLayer second,
        IpAddress address)
    {
        TcpListener listener = second.Listen(
            this, new TcpEndpoint(IpAddress.Ipv6Any, Port), new TcpListenerOptions { Backlog = 5 }, TcpSettings.Default);
        (TcpConnection client, TcpConnection server) = Connect(network, first, listener, address, 40000);
        listener.Close(network.NowNs);
        return (client, server);
    }

    private static (TcpConnection Client, TcpConnection Server) Connect(
        Simulation.SimulatedNetwork network,
        TcpLayer first,
        TcpListener listener,
        IpAddress address,
        ushort port)
    {
        Assert.True(first.TryCreate(TcpSettings.Default, out TcpConnection? client));
        IpAddress any = address.IsIpv4 ? IpAddress.Ipv4Any : IpAddress.Ipv6Any;
        Assert.Equal(NetworkError.None, client.Connect(new TcpEndpoint(any, port), new TcpEndpoint(address, Port), 0, network.NowNs));
        TcpConnection? server = null;
        Assert.True(network.RunUntil(() => listener.TryAccept(network.NowNs, out server), 10_000_000_000));
        return (client, server!);
    }

    private static void Transfer(Simulation.SimulatedNetwork network, TcpConnection from, TcpConnection to, int total)
    {
        int written = 0;
        int read = 0;
        Assert.True(network.RunUntil(Work, 100_000_000_000));

        bool Work()
        {
            Span<byte> span;
            while (written < total && !(span = from.GetSendSpan(Math.Min(total - written, 100_000))).IsEmpty)
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = Application.GetByte(5, written + i);
                }

                from.CommitSend(span.Length);
                written += span.Length;
            }

            from.Push(false, false, network.NowNs);
            ReadOnlySpan<byte> received;
            while (!(received = to.PeekReceived()).IsEmpty)
            {
                for (int i = 0; i < received.Length; i++)
                {
                    Assert.True(received[i] == Application.GetByte(5, read + i), $"byte {read + i}");
                }

                read += received.Length;
                to.Consume(received.Length, network.NowNs);
            }

            return read == total;
        }
    }

    private static void Finish(
        Simulation.SimulatedNetwork network,
        TcpConnection client,
        TcpConnection server,
        TcpLayer first,
        TcpLayer second)
    {
        client.Close(network.NowNs);
        network.Run(1_000_000_000);
        server.Close(network.NowNs);
        network.Run(1_000_000_000);
        Assert.Equal(1, first.TimeWaitCount);
        network.Run(100_000_000_000);
        Assert.Equal(0, first.Table.Count + second.Table.Count);
        Assert.Equal(0, first.ReceiveBytes + first.SendBytes + second.ReceiveBytes + second.SendBytes);
    }
}
