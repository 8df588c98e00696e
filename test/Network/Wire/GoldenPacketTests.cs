using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Wire;

/// <summary>Headers against bytes that Linux and Wireshark's samples have on the wire.</summary>
public sealed class GoldenPacketTests
{
    /// <summary>A ping of 56 bytes from Linux, cut after its header: 10.0.2.15 to 10.0.2.2, number 0x9b25, DF.</summary>
    private const string Ipv4 = "450000549b25400040018772 0a00020f 0a000202";

    [Fact]
    public void Ipv4Header_RoundTrip()
    {
        byte[] header = Convert.FromHexString(Ipv4.Replace(" ", "", StringComparison.Ordinal));
        Assert.True(Ipv4Header.TryParseQuoted(header, out Ipv4Header parsed));
        Assert.Equal(84, parsed.TotalLength);
        Assert.Equal(0x9b25, parsed.Identification);
        Assert.True(parsed.DontFragment);
        Assert.Equal(IpProtocol.Icmp, parsed.Protocol);
        Assert.Equal("10.0.2.15", parsed.Source.ToString());
        Assert.Equal("10.0.2.2", parsed.Destination.ToString());
        byte[] written = new byte[20];
        parsed.Write(written);
        Assert.Equal(0, InternetChecksum.Of(written));
        Assert.Equal(header.AsSpan(0, 10), written.AsSpan(0, 10));
        Assert.Equal(header.AsSpan(12), written.AsSpan(12));
        Assert.False(Ipv4Header.TryParse(header, out _));
        byte[] packet = [.. written, .. new byte[64]];
        Assert.True(Ipv4Header.TryParse(packet, out _));
        packet[15] ^= 1;
        Assert.False(Ipv4Header.TryParse(packet, out _));
    }

    [Fact]
    public void ArpPacket_RoundTrip()
    {
        byte[] request = Convert.FromHexString("0001080006040001525400123456" + "0a00020f" + "000000000000" + "0a000202");
        Assert.True(ArpPacket.TryParse(request, out ArpPacket parsed));
        Assert.False(parsed.IsReply);
        Assert.Equal("52:54:00:12:34:56", parsed.SenderMac.ToString());
        Assert.Equal("10.0.2.2", parsed.Target.ToString());
        byte[] written = new byte[ArpPacket.Size];
        parsed.Write(written);
        Assert.Equal(request, written);
    }

    [Fact]
    public void Ipv6Header_RoundTrip()
    {
        byte[] header = Convert.FromHexString("6b812345002011ff" + "fe800000000000005054 00fffe123456".Replace(" ", "", StringComparison.Ordinal)
            + "ff0200000000000000000001ff000002");
        Assert.True(Ipv6Header.TryParseQuoted(header, out Ipv6Header parsed));
        Assert.Equal(0xB8, parsed.TrafficClass);
        Assert.Equal(0x12345u, parsed.FlowLabel);
        Assert.Equal(32, parsed.PayloadLength);
        Assert.Equal(IpProtocol.Udp, parsed.NextHeader);
        Assert.Equal("fe80::5054:ff:fe12:3456", parsed.Source.ToString());
        byte[] written = new byte[40];
        parsed.Write(written);
        Assert.Equal(header, written);
    }

    /// <summary>A header of 15 bytes, one of more than there is, one of another version, and one with a route in it.</summary>
    [Fact]
    public void Ipv4Header_Malformed_IsRefused()
    {
        byte[] packet = new byte[60];
        new Ipv4Header { HeaderLength = 24, TotalLength = 60, Source = SimulatedHost.Ip("1.2.3.4"), Destination = SimulatedHost.Ip("1.2.3.5") }.Write(packet);
        Assert.True(Ipv4Header.TryParse(packet, out Ipv4Header header));
        Assert.False(Ipv4Header.HasSourceRoute(packet.AsSpan(20, 4)));
        Assert.Equal(24, header.HeaderLength);
        Assert.False(Ipv4Header.TryParse(packet.AsSpan(0, 59), out _));
        packet[0] = 0x44;
        Assert.False(Ipv4Header.TryParse(packet, out _));
        packet[0] = 0x65;
        Assert.False(Ipv4Header.TryParse(packet, out _));
        Assert.True(Ipv4Header.HasSourceRoute([1, 131, 7, 4, 1, 1, 1, 1]));
        Assert.True(Ipv4Header.HasSourceRoute([7, 200, 4, 0]));
        Assert.False(Ipv4Header.HasSourceRoute([0, 131, 7, 4]));
    }

    [Fact]
    public void MulticastMac_IsAsTheRfcsSay()
    {
        Assert.Equal("01:00:5e:00:00:fb", IpOutput.MulticastMac(SimulatedHost.Ip("224.128.0.251")).ToString());
        Assert.Equal("33:33:ff:12:34:56", IpOutput.MulticastMac(SimulatedHost.Ip("ff02::1:ff12:3456")).ToString());
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("0.0.0.0/0", "255.255.255.255", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "10.0.0.1", false)]
    [InlineData("fe80::/10", "febf::1", true)]
    [InlineData("fe80::/10", "fec0::1", false)]
    [InlineData("1.2.3.4/32", "1.2.3.4", true)]
    [InlineData("fd00::1/128", "fd00::2", false)]
    [InlineData("fd00::/65", "fd00::8000:0:0:0", false)]
    public void IpPrefix_Contains(string prefix, string address, bool isIn)
    {
        string[] parts = prefix.Split('/');
        IpPrefix parsed = new(SimulatedHost.Ip(parts[0]), int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(isIn, parsed.Contains(SimulatedHost.Ip(address)));
    }

    [Fact]
    public void Ipv6ExtensionHeaders_AreWalkedWithinLimits()
    {
        byte[] packet = new byte[40 + 8 * 20];
        void Chain(int count, byte type, byte last)
        {
            packet.AsSpan(40).Clear();
            for (int i = 0; i < count; i++)
            {
                packet[40 + i * 8] = i == count - 1 ? last : type;
                packet[40 + i * 8 + 2] = 1;
                packet[40 + i * 8 + 3] = 4;
            }
        }

        Chain(3, 60, 17);
        Ipv6ExtensionHeaders walk = Ipv6ExtensionHeaders.Walk(packet, IpProtocol.DestinationOptions, 40);
        Assert.Equal((Ipv6WalkResult.Payload, IpProtocol.Udp, 64), (walk.Result, walk.Protocol, walk.Offset));
        Chain(9, 60, 17);
        Assert.Equal(Ipv6WalkResult.Malformed, Ipv6ExtensionHeaders.Walk(packet, IpProtocol.DestinationOptions, 40).Result);
        Chain(2, 0, 17);
        Assert.Equal(Ipv6WalkResult.ParameterProblem, Ipv6ExtensionHeaders.Walk(packet, IpProtocol.HopByHop, 40).Result);
        Chain(1, 0, 59);
        Assert.Equal(Ipv6WalkResult.Empty, Ipv6ExtensionHeaders.Walk(packet, IpProtocol.DestinationOptions, 40).Result);
        packet[42] = 0xC0;
        Assert.Equal(Ipv6WalkResult.ParameterProblem, Ipv6ExtensionHeaders.Walk(packet, IpProtocol.DestinationOptions, 40).Result);
        packet[41] = 255;
        Assert.Equal(Ipv6WalkResult.Malformed, Ipv6ExtensionHeaders.Walk(packet, IpProtocol.DestinationOptions, 40).Result);
    }
}
