using System.Buffers.Binary;
using System.Net.Sockets;
using Semitone.Cli.Posix;
using Semitone.Cli.Running;

namespace Semitone.Cli.Machines;

/// <summary>Answers what commands ask of a machine that runs; a thread for each of them.</summary>
internal sealed class ControlServer : IDisposable
{
    private const int MostClients = 256;
    private const int StackSize = 256 * 1024;

    /// <summary>A client that says nothing is let go.</summary>
    private static readonly TimeSpan s_requestLimit = TimeSpan.FromSeconds(5);

    private readonly Socket _socket;
    private readonly MachineRecord _record;
    private readonly VirtualMachine _machine;
    private readonly MachineConsole _console;
    private readonly Action<bool> _hasPaused;
    private readonly List<Socket> _followers = [];
    private readonly ManualResetEventSlim _hasEnded = new();
    private int _clients;
    private int? _exitStatus;

    /// <param name="socket">Listens.</param>
    /// <param name="record">Of the machine.</param>
    /// <param name="machine">It runs.</param>
    /// <param name="console">Its console.</param>
    /// <param name="hasPaused">Called when it was paused, or let go on.</param>
    public ControlServer(Socket socket, MachineRecord record, VirtualMachine machine, MachineConsole console, Action<bool> hasPaused)
    {
        _socket = socket;
        _record = record;
        _machine = machine;
        _console = console;
        _hasPaused = hasPaused;
        Start("control", Accept);
    }

    /// <summary>Tells those who are attached that there is more in the log. Never waits.</summary>
    public void TellNews()
    {
        lock (_followers)
        {
            foreach (Socket follower in _followers)
            {
                try
                {
                    // A buffer that is full has news enough.
                    if (follower.Poll(0, SelectMode.SelectWrite))
                    {
                        follower.Send([1]);
                    }
                }
                catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
                {
                    // Its own thread finds out.
                }
            }
        }
    }

    /// <summary>Tells all who wait that the machine has ended, and lets them be told.</summary>
    public void End(int? exitStatus)
    {
        const int PatienceMs = 1000;
        _exitStatus = exitStatus;
        _hasEnded.Set();
        lock (_followers)
        {
            foreach (Socket follower in _followers)
            {
                try
                {
                    follower.SendTimeout = PatienceMs;
                    follower.Send([0]);
                    ControlSocket.TrySend(follower, new ControlReply { ExitStatus = exitStatus }, ControlJson.Default.ControlReply);
                    follower.Shutdown(SocketShutdown.Both);
                }
                catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
                {
                    // It has gone by itself.
                }
            }
        }

        SpinWait.SpinUntil(() => Volatile.Read(ref _clients) == 0, PatienceMs);
    }

    public void Dispose() => _socket.Dispose();

    private static void Start(string name, ThreadStart body) =>
        new Thread(body, StackSize) { IsBackground = true, Name = name }.Start();

    private void Accept()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = _socket.Accept();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                if (_hasEnded.IsSet)
                {
                    return;
                }

                // Too many open files, or one that went away: the next may do better.
                Thread.Sleep(10);
                continue;
            }

            if (Interlocked.Increment(ref _clients) > MostClients)
            {
                ControlReply reply = new() { Error = "too many commands wait for it" };
                ControlSocket.TrySend(client, reply, ControlJson.Default.ControlReply);
                Leave(client);
                continue;
            }

            Start("control-client", () =>
            {
                Serve(client);
                Leave(client);
            });
        }
    }

    private void Leave(Socket client)
    {
        client.Dispose();
        Interlocked.Decrement(ref _clients);
    }

    private void Serve(Socket client)
    {
        client.ReceiveTimeout = (int)s_requestLimit.TotalMilliseconds;
        if (ControlSocket.TryReceive(client, ControlJson.Default.ControlRequest) is not { } request)
        {
            return;
        }

        client.ReceiveTimeout = 0;
        if (request.Action == ControlAction.Attach)
        {
            Attach(client);
            return;
        }

        ControlReply reply = Do(request, client);
        ControlSocket.TrySend(client, reply, ControlJson.Default.ControlReply);
    }

    private ControlReply Do(ControlRequest request, Socket client)
    {
        switch (request.Action)
        {
            case ControlAction.Signal when request.Signal is > 0 and < 65 and not LibC.SIGKILL:
                return new ControlReply
                {
                    Error = _machine.TrySendSignal(request.Signal) ? null : "its program has not started yet",
                };
            case ControlAction.Signal:
                _machine.End(LibC.SIGKILL);
                return AwaitEnd(client);
            case ControlAction.Stop:
                double seconds = request.TimeoutSeconds ?? _record.StopTimeoutSeconds;
                _machine.Stop(
                    request.Signal > 0 ? request.Signal : _record.StopSignal,
                    seconds >= 0 ? TimeSpan.FromSeconds(Math.Min(seconds, 1e6)) : Timeout.InfiniteTimeSpan);
                return AwaitEnd(client);
            case ControlAction.Pause or ControlAction.Unpause:
                bool isPaused = request.Action == ControlAction.Pause;
                if (!_machine.TryPause(isPaused))
                {
                    return new ControlReply { Error = "QEMU does not do it" };
                }

                _hasPaused(isPaused);
                return new ControlReply();
            case ControlAction.Wait:
                return AwaitEnd(client);
            default:
                return new ControlReply { Error = "this machine was started by another version, which cannot do that" };
        }
    }

    /// <summary>Waits for the machine's end, or until nobody waits for it any more.</summary>
    private ControlReply AwaitEnd(Socket client)
    {
        const int LookAgainMs = 500;
        while (!_hasEnded.Wait(LookAgainMs))
        {
            if (client.Poll(0, SelectMode.SelectRead))
            {
                // It has nothing more to say, so this is its end.
                break;
            }
        }

        return new ControlReply { ExitStatus = _exitStatus };
    }

    /// <summary>Takes what somebody types who is attached.</summary>
    private void Attach(Socket client)
    {
        lock (_followers)
        {
            if (_hasEnded.IsSet
                || !ControlSocket.TrySend(client, new ControlReply(), ControlJson.Default.ControlReply))
            {
                return;
            }

            _followers.Add(client);
        }

        const int HeaderSize = 3;
        byte[] header = new byte[HeaderSize];
        byte[] body = new byte[ushort.MaxValue];
        while (ControlSocket.TryReceiveExactly(client, header))
        {
            Span<byte> bytes = body.AsSpan(0, BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(1)));
            if (!ControlSocket.TryReceiveExactly(client, bytes))
            {
                break;
            }

            Take((AttachFrame)header[0], bytes);
        }

        lock (_followers)
        {
            _followers.Remove(client);
        }
    }

    private void Take(AttachFrame kind, ReadOnlySpan<byte> bytes)
    {
        switch (kind)
        {
            case AttachFrame.Input:
                _console.TryInput(bytes);
                break;
            case AttachFrame.EndOfInput:
                _console.EndInput();
                break;
            case AttachFrame.WindowSize when bytes.Length == 2 * sizeof(ushort):
                _machine.SetWindowSize(
                    BinaryPrimitives.ReadUInt16LittleEndian(bytes), BinaryPrimitives.ReadUInt16LittleEndian(bytes[sizeof(ushort)..]));
                break;
            case AttachFrame.Signal when bytes is [> 0 and < 65]:
                _machine.TrySendSignal(bytes[0]);
                break;
        }
    }
}
