using System.Diagnostics;
using Semitone.Net;
using Semitone.Network.Simulation;

namespace Semitone.Network.Interop;

/// <summary>
/// The stack against Linux's, over a TAP device in a network namespace of its own. Without the right to make one, or without its tools
/// (<c>ip</c>, <c>unshare</c>, <c>busybox</c>), these are skipped.
/// </summary>
/// <remarks>The test runs itself again in the namespace: <see cref="InsideVariable"/> says that it is there.</remarks>
public sealed class LinuxPeerTests
{
    private const string InsideVariable = "SEMITONE_NETWORK_NAMESPACE";
    private const string SetUp =
        "ip tuntap add tap0 mode tap && ip link set lo up && ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up"
        + " && ip -6 addr add fd09::1/64 dev tap0 nodad && exec \"$0\" \"$@\"";

    private readonly ITestOutputHelper _output;

    public LinuxPeerTests(ITestOutputHelper output) => _output = output;

    [Fact]
    public void Everything_AgainstLinux_OverTap()
    {
        if (Environment.GetEnvironmentVariable(InsideVariable) is not null)
        {
            Assert.Skip("That is what runs inside.");
        }

        (int code, string text) = Run("unshare", ["-rn", "sh", "-c", SetUp, "true"]);
        if (code != 0)
        {
            Assert.Skip($"There can be no network namespace with a TAP device here: {text}");
        }

        string self = Environment.ProcessPath!;
        string[] program = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [self, typeof(LinuxPeerTests).Assembly.Location] : [self];
        string method = $"{typeof(LinuxPeerTests).FullName}.{nameof(Inside)}";
        (code, text) = Run("unshare", ["-rn", "sh", "-c", SetUp, .. program, "-method", method], isInside: true);
        _output.WriteLine(text);
        Assert.True(code == 0, text);
    }

    [Fact]
    public void Inside()
    {
        if (Environment.GetEnvironmentVariable(InsideVariable) is null)
        {
            Assert.Skip("Runs in the namespace that the other test makes.");
        }

        using TapLink link = new("tap0");
        using TapHost host = new(link);
        host.Stack.AddAddress(host.Interface, SimulatedHost.Ip("10.9.0.2"), 24, AddressOrigin.Manual, host.NowNs);
        host.Stack.AddAddress(host.Interface, SimulatedHost.Ip("fd09::2"), 64, AddressOrigin.Manual, host.NowNs);
        host.Stack.EnableIpv6Autoconfiguration(host.Interface, host.NowNs);
        UdpEndpoint echo = host.Udp.Create(isIpv6: true, null);
        echo.ReceiveBufferLimit = 4 << 20;
        echo.Bind(IpAddress.Ipv6Any, 7, 0);
        host.OnTurn = () => Echo(echo, host.NowNs);

        // Linux asks: ARP, NDP, echoes in one piece and in many.
        Command(host, "busybox", "ping", "-c", "3", "-i", "0.1", "10.9.0.2");
        Command(host, "busybox", "ping", "-c", "2", "-i", "0.1", "-s", "20000", "10.9.0.2");
        Command(host, "busybox", "ping", "-c", "2", "-i", "0.1", "-s", "65507", "10.9.0.2");
        Command(host, "busybox", "ping6", "-c", "3", "-i", "0.1", "fd09::2");
        Command(host, "busybox", "ping6", "-c", "2", "-i", "0.1", "-s", "20000", "fd09::2");
        Command(host, "busybox", "ping6", "-c", "2", "-i", "0.1", "fe80::5054:ff:fe12:3456%tap0");

        // Datagrams of Linux's sockets come back the same.
        foreach (string address in new[] { "10.9.0.2", "fd09::2" })
        {
            foreach (int size in new[] { 0, 1, 1000, 1473, 9000, 65000 })
            {
                host.Until(RoundTripAsync(address, 7, size));
            }

            host.Until(RefusedAsync(address));
        }

        // We ask Linux.
        Ask(host, "10.9.0.1", 56);
        Ask(host, "10.9.0.1", 30000);
        Ask(host, "fd09::1", 30000);

        // A port of Linux's that nobody has.
        UdpEndpoint client = host.Udp.Create(isIpv6: false, null);
        client.Connect(SimulatedHost.Ip("10.9.0.1"), 9, 0, host.NowNs);
        client.Send(default, [1], default, host.NowNs);
        host.Until(() => (client.Readiness & EndpointReadiness.Error) != 0);
        Assert.Equal(NetworkError.ConnectionRefused, client.TakeError());

        // Linux knows of our groups what we have said, and of a neighbour that it is there.
        (_, string neighbours) = Run("ip", ["neigh"]);
        Assert.Contains("10.9.0.2 dev tap0 lladdr 52:54:00:12:34:56", neighbours, StringComparison.Ordinal);
        AskForALease(host);
        host.Dispose();
        Assert.Equal(0, host.Stack.Pools.UsedCount + link.UsedBuffers);
    }

    private static void AskForALease(TapHost host)
    {
        string directory = Directory.CreateTempSubdirectory("semitone-network").FullName;
        try
        {
            File.WriteAllText(
                $"{directory}/udhcpd.conf",
                $"start 10.9.0.50\nend 10.9.0.59\ninterface tap0\nlease_file {directory}/leases\npidfile {directory}/pid\n"
                + "option subnet 255.255.255.0\noption router 10.9.0.1\noption dns 10.9.0.1\noption domain example\noption lease 3600\n");
            File.WriteAllText($"{directory}/leases", "");
            using Process server = Start("busybox", ["udhcpd", "-f", $"{directory}/udhcpd.conf"]);
            try
            {
                Dhcp4Client dhcp = host.Stack.StartDhcp(host.Interface, "semitone", null, host.NowNs);
                host.Until(() => dhcp.State == Dhcp4State.Bound);
                Assert.StartsWith("10.9.0.5", dhcp.Lease!.Address.ToString(), StringComparison.Ordinal);
                Assert.Equal("example", dhcp.Lease.DomainName);
                Command(host, "busybox", "ping", "-c", "1", dhcp.Lease.Address.ToString());
                dhcp.Stop(host.NowNs);
            }
            finally
            {
                server.Kill();
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Echo(UdpEndpoint endpoint, long nowNs)
    {
        while (endpoint.TryReceive(out ReceivedDatagram datagram))
        {
            DatagramTarget back = DatagramTarget.To(datagram.Source, datagram.SourcePort);
            endpoint.Send(back, datagram.Buffer.Bytes, default, nowNs);
            datagram.Buffer.Release();
        }
    }

    private static void Ask(TapHost host, string address, int length)
    {
        IpAddress to = SimulatedHost.Ip(address);
        EchoEndpoint ping = host.Stack.Raw.CreateEcho(!to.IsIpv4, null);
        byte[] message = new byte[8 + length];
        message[0] = to.IsIpv4 ? (byte)8 : (byte)128;
        message[^1] = 77;
        Assert.Equal(NetworkError.None, ping.Send(DatagramTarget.To(to, 0), message, host.NowNs));
        host.Until(() => ping.QueuedCount != 0);
        Assert.True(ping.TryReceive(out ReceivedDatagram answer));
        Assert.Equal(message.Length, answer.Buffer.Length);
        Assert.Equal(77, answer.Buffer.Bytes[^1]);
        answer.Buffer.Release();
        ping.Close(host.NowNs);
    }

    private static async Task RoundTripAsync(string address, int port, int size)
    {
        using System.Net.Sockets.UdpClient client = new(address, port);
        byte[] sent = new byte[size];
        Random.Shared.NextBytes(sent);
        await client.SendAsync(sent, TestContext.Current.CancellationToken);
        System.Net.Sockets.UdpReceiveResult answer = await client.ReceiveAsync(TestContext.Current.CancellationToken);
        Assert.Equal(sent, answer.Buffer);
    }

    private static async Task RefusedAsync(string address)
    {
        using System.Net.Sockets.UdpClient client = new(address, 9);
        await client.SendAsync(new byte[1], TestContext.Current.CancellationToken);
        System.Net.Sockets.SocketException error = await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(
            async () => await client.ReceiveAsync(TestContext.Current.CancellationToken));
        Assert.Equal(System.Net.Sockets.SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    private static void Command(TapHost host, string program, params string[] arguments)
    {
        using Process process = Start(program, arguments);
        Task<string> text = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        host.Until(process.WaitForExitAsync(TestContext.Current.CancellationToken));
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {text.GetAwaiter().GetResult()}");
    }

    private static (int Code, string Text) Run(string program, IEnumerable<string> arguments, bool isInside = false)
    {
        try
        {
            using Process process = Start(program, arguments, isInside);
            string text = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, text);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return (-1, exception.Message);
        }
    }

    private static Process Start(string program, IEnumerable<string> arguments, bool isInside = false)
    {
        ProcessStartInfo information = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (isInside)
        {
            information.Environment[InsideVariable] = "1";
        }

        return Process.Start(information)!;
    }
}
