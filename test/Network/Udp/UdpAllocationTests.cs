using Semitone.Net;
using Semitone.Network.Ip;
using Semitone.Network.Simulation;

namespace Semitone.Network.Udp;

/// <summary>Datagrams over a wire, in and out, take nothing from the heap once everything has been made.</summary>
public sealed class UdpAllocationTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.9")]
    [InlineData("fd00::1", "fd00::9")]
    public void ReceiveAndSend_OverAWire_AllocateNothing(string own, string peer)
    {
        IpAddress address = SimulatedHost.Ip(own);
        IpAddress stranger = SimulatedHost.Ip(peer);
        NetworkStack stack = new(new NetworkStackOptions { Random = new SeededRandom(3) });
        UdpLayer udp = new(stack);
        SilentLink link = new();
        NetworkInterface networkInterface = stack.AddInterface(link, "eth0");
        stack.SetUp(networkInterface, isUp: true, 0);
        stack.AddAddress(networkInterface, address, address.IsIpv4 ? 24 : 64, AddressOrigin.Manual, 0);
        stack.Neighbors.Learn(networkInterface, stranger, FrameBuilder.Stranger, 0);
        UdpEndpoint server = udp.Create(!address.IsIpv4, new RecordingListener());
        server.Bind(address, 7, 0);
        byte[] datagram = FrameBuilder.Udp(stranger, address, 1000, 7, new byte[500]);
        byte[] frame = address.IsIpv4
            ? FrameBuilder.Ethernet(link.Address, FrameBuilder.Stranger, EtherType.Ipv4, FrameBuilder.Ipv4(
                new Ipv4Header { Source = stranger, Destination = address, Ttl = 64, Protocol = IpProtocol.Udp }, datagram))
            : FrameBuilder.Ethernet(link.Address, FrameBuilder.Stranger, EtherType.Ipv6, FrameBuilder.Ipv6(
                new Ipv6Header { Source = stranger, Destination = address, HopLimit = 64, NextHeader = IpProtocol.Udp }, datagram));
        PacketPool pool = new(2048, 4);
        long before = 0;
        for (int i = 0; i < 2000; i++)
        {
            long nowNs = 10_000_000_000 + i * 1000;
            if (i == 1000)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            if (pool.TryTake(out PacketBuffer? buffer))
            {
                buffer.Reset(0, frame.Length);
                frame.CopyTo(buffer.Bytes);
                stack.Input(networkInterface, buffer, nowNs);
            }

            if (stack.NextDeadlineNs <= nowNs)
            {
                stack.Poll(nowNs);
            }

            if (server.TryReceive(out ReceivedDatagram received))
            {
                DatagramTarget back = DatagramTarget.To(received.Source, received.SourcePort);
                server.Send(back, received.Buffer.Bytes, default, nowNs);
                received.Buffer.Release();
            }

            stack.FlushLinks();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(link.Count >= 2000);
        Assert.Equal(0, pool.UsedCount);
    }

    private sealed class SilentLink : ILink
    {
        public long Count { get; private set; }

        public int Mtu => 1500;

        public MacAddress Address => new(0x5254_0000_0001);

        public bool IsEthernet => true;

        public bool IsUp => true;

        public LinkOffloads Offloads => LinkOffloads.None;

        public bool TrySend(in OutgoingFrame frame)
        {
            Count++;
            return true;
        }

        public void Flush()
        {
        }
    }
}
