using System.Net;
using System.Net.Sockets;
using Semitone.Cli;
using Semitone.Cli.Qemu;
using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

/// <summary>The flags of the network, and what QEMU is told.</summary>
public sealed class MachineNetworkTests
{
    [Theory]
    [InlineData("8080:80", "hostfwd=tcp:0.0.0.0:8080-:80", "8080:80/tcp")]
    [InlineData("127.0.0.1:8080:80/tcp", "hostfwd=tcp:127.0.0.1:8080-:80", "127.0.0.1:8080:80/tcp")]
    [InlineData("53:5353/udp", "hostfwd=udp:0.0.0.0:53-:5353", "53:5353/udp")]
    public void Port_GoodValue_IsForwarded(string text, string forward, string shown)
    {
        PublishedPort port = PublishedPort.Parse(text);
        Assert.Equal(forward, port.ToForward());
        Assert.Equal(shown, port.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("80:")]
    [InlineData(":80")]
    [InlineData("0:80")]
    [InlineData("80:65536")]
    [InlineData("80:-1")]
    [InlineData("80: 80")]
    [InlineData("80:80/sctp")]
    [InlineData("80:80/")]
    [InlineData("host:80:80")]
    [InlineData("1:80:80")]
    [InlineData("::1:80:80")]
    [InlineData("1.2.3.4,x=y:80:80")]
    [InlineData("80:80,hostfwd=tcp::1-:2")]
    public void Port_BadValue_IsRefused(string text) => Assert.Throws<CommandFailedException>(() => PublishedPort.Parse(text));

    [Fact]
    public void Network_Nothing_IsUserWithItsAddress() => Assert.Equal(
        "-netdev user,id=net0 -device virtio-net-device,netdev=net0,mac=52:54:00:22:23:25 netdev.ip=10.0.2.15/24:10.0.2.2:10.0.2.3",
        Print(Parse(null)));

    [Fact]
    public void Network_PortsAndAddresses_AreSaid() => Assert.Equal(
        "-netdev user,id=net0,hostfwd=tcp:0.0.0.0:80-:8080,hostfwd=udp:0.0.0.0:53-:53 "
        + "-device virtio-net-device,netdev=net0,mac=52:54:00:aa:bb:cc netdev.ip=10.0.2.9/24",
        Print(MachineNetwork.Parse(null, "10.0.2.9/24", "52:54:00:aa:bb:cc", ["80:8080", "53:53/udp"], _ => null)));

    [Theory]
    [InlineData("br0", NetworkKind.Bridge, "bridge,id=net0,br=br0")]
    [InlineData("tap7", NetworkKind.Tap, "tap,id=net0,ifname=tap7,script=no,downscript=no")]
    public void Network_DeviceOfTheHost_AsksByDhcpUnlessAnAddressIsGiven(string name, NetworkKind kind, string backend)
    {
        MachineNetwork network = MachineNetwork.Parse(name, null, null, [], _ => kind);
        Assert.Null(network.Address);
        Assert.StartsWith($"-netdev {backend} -device ", Print(network), StringComparison.Ordinal);
        Assert.Equal("10.1.2.3/16:10.1.0.1", MachineNetwork.Parse(name + ":10.1.2.3/16:10.1.0.1", null, null, [], _ => kind).Address);
    }

    [Theory]
    [InlineData("nowhere", null, null, "")]
    [InlineData("none", "10.0.0.1/8", null, "")]
    [InlineData("none", null, null, "80:80")]
    [InlineData("user:10.0.0.1/8", "10.0.0.1/8", null, "")]
    [InlineData("user", "10.0.0/8", null, "")]
    [InlineData("user", "10.0.0.1/33", null, "")]
    [InlineData("user", "10.0.0.01/8", null, "")]
    [InlineData("user", "0.0.0.0/8", null, "")]
    [InlineData("user", null, "52:54:00:aa:bb", "")]
    [InlineData("user", null, "53:54:00:aa:bb:cc", "")]
    [InlineData("user", null, "00:00:00:00:00:00", "")]
    [InlineData("user", null, "52:54:00:aa:bb:cc,x=y", "")]
    [InlineData("br0", null, null, "80:80")]
    public void Network_WhatCannotBe_IsRefused(string network, string? address, string? mac, string port) =>
        Assert.Throws<CommandFailedException>(() => MachineNetwork.Parse(
            network, address, mac, port.Length == 0 ? [] : [port], name => name == "br0" ? NetworkKind.Bridge : null));

    [Theory]
    [InlineData("..")]
    [InlineData("../net/lo")]
    [InlineData("lo")]
    [InlineData("a,b")]
    [InlineData("")]
    public void DetectKind_WhatIsNoBridgeOrTap_IsNothing(string name) => Assert.Null(MachineNetwork.DetectKind(name));

    [Fact]
    public void CheckFree_PortThatIsTaken_SaysSo()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen(1);
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        PublishedPort published = new("127.0.0.1", (ushort)port, 80, IsUdp: false);
        CommandFailedException failure = Assert.Throws<CommandFailedException>(published.CheckFree);
        Assert.Contains($"port {port} of this machine is taken", failure.Message, StringComparison.Ordinal);
        taken.Close();
        published.CheckFree();
    }

    private static MachineNetwork Parse(string? network) => MachineNetwork.Parse(network, null, null, [], _ => null);

    private static string Print(MachineNetwork network) =>
        string.Join(' ', network.Describe("virtio-net-device", null)) + (network.Address is { } address ? " netdev.ip=" + address : "");
}
