using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Semitone.Net;
using Semitone.Network.Simulation;
using Semitone.Network.Tcp;

namespace Semitone.Network.Interop;

/// <summary>TCP against Linux's, over a TAP device in a network namespace of its own, and with losses.</summary>
/// <remarks>As <see cref="LinuxPeerTests"/>: the test runs itself again in the namespace, or is skipped where there can be none.</remarks>
public sealed class LinuxTcpTests : ITcpListenerObserver
{
    private const string InsideVariable = "SEMITONE_TCP_NAMESPACE";
    private const string LossVariable = "SEMITONE_TCP_LOSS";
    private const ushort EchoPort = 7;
    private const string SetUp =
        "ip tuntap add tap0 mode tap && ip link set lo up && ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up"
        + " && ip -6 addr add fd09::1/64 dev tap0 nodad && exec \"$0\" \"$@\"";

    private readonly List<TcpConnection> _echoes = [];
    private Net.TcpListener? _listener;

    [Theory]
    [InlineData("0", 4_000_000)]
    [InlineData("0.02", 400_000)]
    public void Streams_AgainstLinux_OverTap(string loss, int size)
    {
        if (Environment.GetEnvironmentVariable(InsideVariable) is not null)
        {
            Assert.Skip("That is what runs inside.");
        }

        (int code, string text) = Run(["true"], loss, size);
        if (code != 0)
        {
            Assert.Skip($"There can be no network namespace with a TAP device here: {text}");
        }

        string self = Environment.ProcessPath!;
        string[] program = Path.GetFileNameWithoutExtension(self) == "dotnet" ? [self, typeof(LinuxTcpTests).Assembly.Location] : [self];
        (code, text) = Run([.. program, "-method", $"{typeof(LinuxTcpTests).FullName}.{nameof(Inside)}"], loss, size);
        Assert.True(code == 0, text);
    }

    [Fact]
    public void Inside()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable(InsideVariable), out int size))
        {
            Assert.Skip("Runs in the namespace that the other test makes.");
        }

        double loss = double.Parse(Environment.GetEnvironmentVariable(LossVariable)!, System.Globalization.CultureInfo.InvariantCulture);
        SeededRandom random = new((ulong)Stopwatch.GetTimestamp());
        using TapLink link = new("tap0") { Loses = loss > 0 ? () => random.Chance(loss) : null };
        using TapHost host = new(link);
        host.Stack.AddAddress(host.Interface, Simulation.SimulatedHost.Ip("10.9.0.2"), 24, AddressOrigin.Manual, host.NowNs);
        host.Stack.AddAddress(host.Interface, Simulation.SimulatedHost.Ip("fd09::2"), 64, AddressOrigin.Manual, host.NowNs);
        TcpLayer tcp = new(host.Stack, random, new TcpLimits());
        host.Stack.Register(IpProtocol.Tcp, tcp);
        _listener = tcp.Listen(
            this, new TcpEndpoint(IpAddress.Ipv6Any, EchoPort), new TcpListenerOptions { Backlog = 100 }, TcpSettings.Default);
        host.OnTurn = () =>
        {
            Echo(host.NowNs);
            tcp.FlushAcknowledgments(host.NowNs);
        };

        foreach (string address in new[] { "10.9.0.2", "fd09::2" })
        {
            host.Until(ExchangeAsync(address, size));
            host.Until(Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ExchangeAsync(address, 1000))));
            host.Until(RefusedAsync(address));
        }

        AskLinux(host, tcp, "10.9.0.1", size);
        AskLinux(host, tcp, "fd09::1", size);
        _listener.Close(host.NowNs);
        Assert.Equal(0, tcp.ReceiveBytes);
        Assert.True(loss == 0 || tcp.Counters[TcpCounter.TCPTimeouts] < 100, $"{tcp.Counters[TcpCounter.TCPTimeouts]} timeouts");
        Assert.Equal(0, tcp.Counters[TcpCounter.InErrs]);
        Assert.Equal(0, tcp.Counters[TcpCounter.PAWSEstab]);
    }

    void ITcpListenerObserver.OnAcceptReady(Net.TcpListener listener)
    {
        // Taken in the next round: an observer changes nothing.
    }

    /// <summary>Sends back what comes, and ends where the peer does.</summary>
    private void Echo(long nowNs)
    {
        while (_listener!.TryAccept(nowNs, out TcpConnection? accepted))
        {
            _echoes.Add(accepted);
        }

        for (int i = _echoes.Count - 1; i >= 0; i--)
        {
            TcpConnection connection = _echoes[i];
            ReadOnlySpan<byte> received;
            while (!(received = connection.PeekReceived()).IsEmpty)
            {
                Span<byte> room = connection.GetSendSpan(received.Length);
                if (room.IsEmpty)
                {
                    break;
                }

                int count = Math.Min(room.Length, received.Length);
                received[..count].CopyTo(room);
                connection.CommitSend(count);
                connection.Consume(count, nowNs);
            }

            connection.Push(false, false, nowNs);
            if (received.IsEmpty && connection.CheckReceive(out _) is TcpTransferState.EndOfStream or TcpTransferState.Failed)
            {
                connection.Close(nowNs);
                _echoes.RemoveAt(i);
            }
        }
    }

    private static async Task ExchangeAsync(string address, int size)
    {
        using Socket socket = new(SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Parse(address), EchoPort, TestContext.Current.CancellationToken);
        await ExchangeAsync(socket, size);
    }

    /// <summary>Writes while it reads, shuts its side, and has everything back to the end.</summary>
    private static async Task ExchangeAsync(Socket socket, int size)
    {
        byte[] sent = new byte[size];
        Random.Shared.NextBytes(sent);
        Task writing = Task.Run(
            async () =>
            {
                for (int done = 0; done < size;)
                {
                    done += await socket.SendAsync(sent.AsMemory(done), TestContext.Current.CancellationToken);
                }

                socket.Shutdown(SocketShutdown.Send);
            },
            TestContext.Current.CancellationToken);
        byte[] received = new byte[size + 1];
        int total = 0;
        int count;
        while ((count = await socket.ReceiveAsync(received.AsMemory(total), TestContext.Current.CancellationToken)) > 0)
        {
            total += count;
        }

        await writing;
        Assert.Equal(size, total);
        Assert.True(sent.AsSpan().SequenceEqual(received.AsSpan(0, size)));
    }

    private static async Task RefusedAsync(string address)
    {
        using Socket socket = new(SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        SocketException error = await Assert.ThrowsAsync<SocketException>(
            async () => await socket.ConnectAsync(IPAddress.Parse(address), 9, TestContext.Current.CancellationToken));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    /// <summary>Connects to Linux, which writes and reads; then to a port that nobody has there.</summary>
    private void AskLinux(TapHost host, TcpLayer tcp, string address, int size)
    {
        IpAddress ip = Simulation.SimulatedHost.Ip(address);
        IpAddress any = ip.IsIpv4 ? IpAddress.Ipv4Any : IpAddress.Ipv6Any;
        using Socket listener = new(IPAddress.Parse(address).AddressFamily, SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        listener.Listen();
        ushort port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
        Assert.True(tcp.TryCreate(TcpSettings.Default, out TcpConnection? connection));
        Assert.Equal(NetworkError.None, connection.Connect(new TcpEndpoint(any, 45000), new TcpEndpoint(ip, port), 0, host.NowNs));
        host.Until(() => connection.State != TcpState.SynSent);
        Assert.Equal(TcpState.Established, connection.State);
        _echoes.Add(connection);
        host.Until(AnswerAsync(listener, size));
        host.Until(() => !_echoes.Contains(connection));

        Assert.True(tcp.TryCreate(TcpSettings.Default, out TcpConnection? refused));
        Assert.Equal(NetworkError.None, refused.Connect(new TcpEndpoint(any, 45001), new TcpEndpoint(ip, 9), 0, host.NowNs));
        host.Until(() => refused.State == TcpState.Closed);
        Assert.Equal(NetworkError.ConnectionRefused, refused.TakeError());
    }

    private static async Task AnswerAsync(Socket listener, int size)
    {
        using Socket socket = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await ExchangeAsync(socket, size);
    }

    private static (int Code, string Text) Run(IEnumerable<string> program, string loss, int size)
    {
        try
        {
            ProcessStartInfo information = new("unshare", ["-rn", "sh", "-c", SetUp, .. program])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            information.Environment[LossVariable] = loss;
            if (program.Count() > 1)
            {
                information.Environment[InsideVariable] = $"{size}";
            }

            using Process process = Process.Start(information)!;
            string text = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, text);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return (-1, exception.Message);
        }
    }
}
