using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Semitone.Apps;

/// <summary>Servers in a machine with clients outside of it, and the other way round, over QEMU's user network.</summary>
public sealed class NetworkTests : IDisposable
{
    /// <summary>Long enough for a machine without KVM that is busy with other things too.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private readonly string _folder = Directory.CreateTempSubdirectory("semitone-network-").FullName;
    private readonly HttpClient _client = new() { Timeout = s_patience };
    private readonly StringBuilder _errors = new();
    private Process? _machine;

    public void Dispose()
    {
        _machine?.Kill(entireProcessTree: true);
        _machine?.WaitForExit();
        _machine?.Dispose();
        _client.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>
    /// nginx with its master and worker, from a volume: small files, a large one whole, many at once, and one that changes.
    /// </summary>
    [Theory]
    [InlineData("microvm")]
    [InlineData("q35")]
    public async Task Nginx_ServesAVolume(string board)
    {
        byte[] large = RandomNumberGenerator.GetBytes(8 << 20);
        File.WriteAllText(Path.Combine(_folder, "index.html"), "first\n");
        File.WriteAllBytes(Path.Combine(_folder, "large"), large);
        File.WriteAllText(
            Path.Combine(_folder, "nginx.conf"),
            "user root; worker_processes 1; error_log stderr; pid /tmp/nginx.pid; events { worker_connections 256; }\n"
            + "http { access_log off; root /srv; server { listen 80; } }\n");
        string users = Directory.CreateDirectory(Path.Combine(_folder, "users")).FullName;
        File.WriteAllText(Path.Combine(users, "passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        File.WriteAllText(Path.Combine(users, "group"), "root:x:0:\n");
        int port = Start(
            ["--machine", board, "-v", $"{_folder}:/srv", "-v", $"{users}:/etc:ro", "--rootfs", DebianRoots.Get(["nginx-light"])],
            guestPort: 80,
            ["/usr/sbin/nginx", "-p", "/tmp", "-c", "/srv/nginx.conf", "-g", "daemon off;"]);
        Uri root = new($"http://127.0.0.1:{port}/");
        Assert.Equal("first\n", await GetAsync(root));
        Assert.Equal(large, await _client.GetByteArrayAsync(new Uri(root, "large"), Cancellation));
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => _client.GetStringAsync(root, Cancellation)));
        Assert.All(answers, answer => Assert.Equal("first\n", answer));
        File.WriteAllText(Path.Combine(_folder, "index.html"), "another one\n");
        Assert.Equal("another one\n", await _client.GetStringAsync(root, Cancellation));
        using HttpResponseMessage missing = await _client.GetAsync(new Uri(root, "nothing"), Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Redis_AnswersItsClients()
    {
        int port = Start(
            ["-M", "256Mi", "--rootfs", DebianRoots.Get(["redis-server"])],
            guestPort: 6379,
            ["/usr/bin/redis-server", "--protected-mode", "no", "--save", "", "--dir", "/tmp"]);
        using TcpClient client = await ConnectAsync(port);
        NetworkStream stream = client.GetStream();
        Assert.Equal("+PONG\r\n", await AskAsync(stream, "PING\r\n", 7));
        Assert.Equal("+OK\r\n", await AskAsync(stream, "SET key value\r\n", 5));
        Assert.Equal("$5\r\nvalue\r\n", await AskAsync(stream, "GET key\r\n", 11));

        // All in one, and all answers in one.
        string many = string.Concat(Enumerable.Range(0, 1000).Select(number => $"INCR counter\r\n"));
        string expected = string.Concat(Enumerable.Range(1, 1000).Select(number => $":{number}\r\n"));
        Assert.Equal(expected, await AskAsync(stream, many, expected.Length));
    }

    /// <summary>What goes in comes out again: bytes each way at once, and a client that closes its half first.</summary>
    [Fact]
    public async Task Echo_ManyBytes_ComeBackInOrder()
    {
        int port = Start(
            ["--rootfs", DebianRoots.Get(["socat", "coreutils"])],
            guestPort: 7,
            ["/usr/bin/socat", "TCP-LISTEN:7,reuseaddr,fork", "EXEC:/bin/cat"]);
        using TcpClient client = await ConnectAsync(port);
        NetworkStream stream = client.GetStream();
        byte[] sent = RandomNumberGenerator.GetBytes(4 << 20);
        Task sending = SendAsync(client, sent);
        byte[] received = new byte[sent.Length];
        await stream.ReadExactlyAsync(received, Cancellation).AsTask().WaitAsync(s_patience, Cancellation);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancellation).AsTask().WaitAsync(s_patience, Cancellation));
        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task Client_InTheMachine_ReachesTheHost()
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task serving = ServeAsync(listener);
        ProgramRun run = Guest.Run(
        [
            "/bin/busybox", "wget", "-q", "-O", "-", $"http://10.0.2.2:{port.ToString(CultureInfo.InvariantCulture)}/",
        ]);
        listener.Stop();
        Assert.True(run is { Status: 0, Output: "hello" }, run.Describe());
        await serving.WaitAsync(s_patience, Cancellation);
    }

    [Fact]
    public void Network_None_HasNoWayOut()
    {
        ProgramRun run = Guest.Run(["--network", "none", "/bin/busybox", "wget", "-q", "-O", "-", "http://10.0.2.2:1/"]);
        Assert.True(run.Status != 0 && run.Errors.Contains("Network is unreachable", StringComparison.Ordinal), run.Describe());
    }

    [Fact]
    public void Port_Taken_IsSaidBeforeTheMachineStarts()
    {
        TcpListener listener = new(IPAddress.Any, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        ProgramRun run = Guest.Run(["-p", $"{port}:80", "/bin/true"]);
        listener.Stop();
        Assert.True(
            run.Status == 122 && run.Errors.Contains($"port {port} of this machine is taken", StringComparison.Ordinal), run.Describe());
    }

    /// <summary>Starts a machine with a port of its own.</summary>
    /// <returns>The host's port.</returns>
    private int Start(string[] flags, int guestPort, string[] command)
    {
        int port = FindPort();
        string published = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}:{guestPort}");
        ProcessStartInfo start = new(Repository.Semitone, ["run", "--quiet", "-p", published, .. flags, "--", .. command])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        _machine = Process.Start(start)!;
        _machine.ErrorDataReceived += (_, line) => _errors.AppendLine(line.Data);
        _machine.OutputDataReceived += (_, line) => _errors.AppendLine(line.Data);
        _machine.BeginErrorReadLine();
        _machine.BeginOutputReadLine();
        _machine.StandardInput.Close();
        return port;
    }

    private static async Task SendAsync(TcpClient client, byte[] bytes)
    {
        await client.GetStream().WriteAsync(bytes, Cancellation);
        client.Client.Shutdown(SocketShutdown.Send);
    }

    private static async Task ServeAsync(TcpListener listener)
    {
        using TcpClient client = await listener.AcceptTcpClientAsync(Cancellation);
        NetworkStream stream = client.GetStream();
        _ = await stream.ReadAsync(new byte[4096], Cancellation);
        await stream.WriteAsync("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray(), Cancellation);
    }

    private static int FindPort()
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    /// <summary>Gets a page from a server that may not be there yet.</summary>
    private async Task<string> GetAsync(Uri address)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await _client.GetStringAsync(address, Cancellation);
            }
            catch (HttpRequestException) when (time.Elapsed < s_patience && !_machine!.HasExited)
            {
                await Task.Delay(50, Cancellation);
            }
            catch (HttpRequestException failure)
            {
                throw new InvalidOperationException($"no answer; the machine said:\n{_errors}", failure);
            }
        }
    }

    /// <summary>Connects with a server that may not be there yet: QEMU takes connections from its start on, and ends them.</summary>
    /// <summary>What is asked by ioctl(2) and read in /proc/net, as older tools do.</summary>
    [Fact]
    public void Run_ToolsThatAskWithoutNetlink_AreTold()
    {
        const string Script = "ifconfig eth0; ifconfig lo; route -n; netstat -i; cat /proc/sys/net/core/somaxconn";
        ProgramRun run = Guest.Run(["--rootfs", DebianRoots.Get(["net-tools", "dash", "coreutils"]), "--", "/bin/dash", "-c", Script]);
        Assert.True(run is { Status: 0, Errors: "" }, run.Describe());
        foreach (string expected in (string[])
            [
                "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n",
                "inet 10.0.2.15  netmask 255.255.255.0  broadcast 10.0.2.255\n",
                "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n",
                "inet6 ::1  prefixlen 128  scopeid 0x10<host>\n",
                "0.0.0.0         10.0.2.2        0.0.0.0         UG    0      0        0 eth0\n",
                "\n4096\n",
            ])
        {
            Assert.Contains(expected, run.Output, StringComparison.Ordinal);
        }
    }

    private async Task<TcpClient> ConnectAsync(int port)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (true)
        {
            TcpClient client = new();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port, Cancellation);
                await Task.Delay(200, Cancellation);
                if (!client.Client.Poll(0, SelectMode.SelectRead))
                {
                    return client;
                }
            }
            catch (SocketException)
            {
                // QEMU is not there yet.
            }

            client.Dispose();
            if (time.Elapsed > s_patience || _machine!.HasExited)
            {
                throw new InvalidOperationException($"no connection; the machine said:\n{_errors}");
            }

            await Task.Delay(50, Cancellation);
        }
    }

    private static async Task<string> AskAsync(NetworkStream stream, string question, int answerLength)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(question), Cancellation);
        byte[] answer = new byte[answerLength];
        await stream.ReadExactlyAsync(answer, Cancellation).AsTask().WaitAsync(s_patience, Cancellation);
        return Encoding.ASCII.GetString(answer);
    }
}
