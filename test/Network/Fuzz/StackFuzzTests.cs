using Semitone.Net;
using Semitone.Network.Ip;
using Semitone.Network.Simulation;

namespace Semitone.Network.Fuzz;

/// <summary>A stack that is configured and used, and everything that a stranger on its link can send.</summary>
/// <remarks>A failing round says its seed; SEMITONE_FUZZ_ROUNDS has more of them run.</remarks>
public sealed class StackFuzzTests
{
    private const long SecondNs = 1_000_000_000;
    private const int FramesPerRound = 5000;

    private static int Rounds =>
        int.TryParse(Environment.GetEnvironmentVariable("SEMITONE_FUZZ_ROUNDS"), out int rounds) ? rounds : 20;

    [Fact]
    public void Frames_OfAnyKind_DoNoHarm()
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong seed = (ulong)round + 1000;
            try
            {
                Run(seed);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"Seed {seed}.", exception);
            }
        }
    }

    private static void Run(ulong seed)
    {
        SeededRandom random = new(seed);
        (SimulatedNetwork network, SimulatedHost host, _) = SimulatedNetwork.Pair(seed);
        host.Stack.EnableIpv6Autoconfiguration(host.Interface, network.NowNs);
        if (seed % 2 == 0)
        {
            host.Stack.StartDhcp(host.Interface, "fuzz", null, network.NowNs);
        }

        List<DatagramEndpoint> endpoints = [];
        foreach (bool isIpv6 in new[] { false, true })
        {
            UdpEndpoint udp = host.Udp.Create(isIpv6, null);
            udp.ReuseAddress = true;
            udp.QueuesErrors = true;
            udp.Bind(isIpv6 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any, isIpv6 ? (ushort)8 : (ushort)7, 0);
            EchoEndpoint echo = host.Stack.Raw.CreateEcho(isIpv6, null);
            echo.Bind(isIpv6 ? IpAddress.Ipv6Any : IpAddress.Ipv4Any, 1, 0);
            endpoints.AddRange([udp, echo, host.Stack.Raw.Create(isIpv6, isIpv6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp, null)]);
        }

        ((UdpEndpoint)endpoints[0]).JoinGroup(SimulatedHost.Ip("224.1.1.1"), 2, network.NowNs);
        FrameGenerator generator = new(random, host.Links[0].Address);
        for (int i = 0; i < FramesPerRound; i++)
        {
            host.Links[0].Receive(generator.Next(), isVerified: random.Chance(0.5));
            if (random.Chance(0.1))
            {
                network.Run((long)(random.NextUInt64() % (ulong)SecondNs));
            }

            if (random.Chance(0.02))
            {
                Use(endpoints[random.Next(endpoints.Count)], random, network.NowNs);
            }
        }

        foreach (DatagramEndpoint endpoint in endpoints)
        {
            endpoint.Close(network.NowNs);
        }

        network.Run(40 * SecondNs);
        Assert.Equal(0, host.UsedBuffers);
        Assert.Equal(0, host.Stack.Reassembler.Count);
        Assert.True(host.Stack.Neighbors.Entries.Count <= NeighborCache.Limit);
        Assert.True(host.Interface.Addresses.Count <= NetworkStack.AddressLimit);
        Assert.True(host.Stack.Routes.Routes.Count <= 64);
    }

    private static void Use(DatagramEndpoint endpoint, SeededRandom random, long nowNs)
    {
        while (endpoint.TryReceive(out ReceivedDatagram datagram))
        {
            DatagramTarget target = DatagramTarget.To(datagram.Source, datagram.SourcePort);
            if (endpoint is UdpEndpoint udp && random.Chance(0.5))
            {
                udp.Send(target, datagram.Buffer.Bytes, default, nowNs);
            }

            datagram.Buffer.Release();
        }

        endpoint.TakeError();
        endpoint.TryTakeError(out _);
    }
}
