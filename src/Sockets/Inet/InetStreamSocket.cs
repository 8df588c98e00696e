using Semitone.Abi;
using Semitone.Core;
using Semitone.Files;
using Semitone.Memory;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>A socket of TCP (tcp(7)).</summary>
public sealed partial class InetStreamSocket : InetSocket, ITcpObserver, ITcpListenerObserver
{
    private TcpSettings _settings = TcpSettings.Default;
    private TcpConnection? _connection;
    private TcpListener? _listener;
    private IpAddress _localAddress;
    private int _scope;
    private uint _userId;

    /// <summary>Whether the end of connect(2) has been told, be it good or bad.</summary>
    private bool _isConnectTold;

    public InetStreamSocket(SocketSystem system, Network network, FileCredentials owner, AddressFamily family)
        : base(system, network, owner, family, SocketType.SOCK_STREAM, (int)Semitone.Abi.IpProtocol.IPPROTO_TCP)
    {
        _localAddress = Any;
        _userId = owner.UserId;
        SendBufferSize = network.Tcp.Limits.SendBuffer;
        ReceiveBufferSize = network.Tcp.Limits.ReceiveBuffer;
    }

    public override bool IsListening => _listener is not null;

    /// <summary>The port; 0 for none.</summary>
    internal ushort LocalPort { get; private set; }

    /// <summary>Whether connect(2) chose the port: such ports are shared between peers.</summary>
    internal bool IsPortChosen { get; private set; }

    internal InetStreamSocket? NextOnPort { get; set; }

    internal PortBinding Binding => new()
    {
        Address = _localAddress,
        IsIpv6Only = IsIpv6Only,
        ReuseAddress = HasOption(OptionFlags.ReuseAddress),
        ReusePort = HasOption(OptionFlags.ReusePort),
        Owner = _userId,
        IsListening = IsListening,
    };

    internal override bool IsBound => LocalPort != 0;

    internal TcpConnection? Connection => _connection;

    private bool IsConnecting => _connection is { State: TcpState.SynSent or TcpState.SynReceived };

    public override Errno Bind(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        Errno error = InetAddress.Read(address, Family, allowsIpv4: false, out InetAddress wanted);
        if (error != Errno.None)
        {
            return error;
        }

        ForgetFailure();
        if (LocalPort != 0 || _connection is { State: not TcpState.Closed })
        {
            return Errno.EINVAL;
        }

        IpAddress local = wanted.Address;
        if (!local.IsAny && (!IsReachable(local) || !Network.Stack.IsLocalAddress(local, wanted.Scope)))
        {
            return Errno.EADDRNOTAVAIL;
        }

        error = CheckPort(wanted.Port, caller);
        if (error != Errno.None)
        {
            return error;
        }

        IpAddress previous = _localAddress;
        _localAddress = local;
        _scope = wanted.Scope;
        error = TakePort(wanted.Port);
        _localAddress = error == Errno.None ? local : previous;
        return error;
    }

    public override Errno Listen(int backlog, ISocketCaller caller)
    {
        ForgetFailure();
        if (_connection is { State: not TcpState.Closed })
        {
            return Errno.EINVAL;
        }

        int limit = (int)Math.Min((uint)backlog, SocketSystem.MaximumBacklog);
        if (_listener is not null)
        {
            _listener.SetBacklog(limit, NowNs);
            return Errno.None;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOBUFS;
        }

        if (LocalPort == 0)
        {
            Errno error = TakePort(0);
            if (error != Errno.None)
            {
                return error;
            }
        }
        else if (!Network.TcpPorts.IsFree(LocalPort, Binding, this))
        {
            return Errno.EADDRINUSE;
        }

        TcpListenerOptions options = new()
        {
            Backlog = limit,
            InterfaceIndex = _scope,
            IsIpv6Only = IsIpv6Only,
            IsPortShared = HasOption(OptionFlags.ReusePort),
        };
        _connection = null;
        _listener = Network.Tcp.Listen(this, new TcpEndpoint(_localAddress, LocalPort), options, _settings);
        return Errno.None;
    }

    public override Errno Accept(out Socket? connection)
    {
        connection = null;
        if (_listener is null)
        {
            return Errno.EINVAL;
        }

        if (_listener.AcceptableCount == 0)
        {
            return Errno.EAGAIN;
        }

        if (!KernelHeap.HasRoom())
        {
            return Errno.ENOBUFS;
        }

        FileCredentials owner = new() { UserId = Inode.UserId, GroupId = Inode.GroupId };
        InetStreamSocket accepted = new(System, Network, owner, Family);
        _listener.TryAccept(NowNs, out TcpConnection? taken);
        Network.Task.Settle();
        accepted.InheritOptions(this);
        accepted.Take(taken!, this);
        connection = accepted;
        return Errno.None;
    }

    public override Errno Connect(ReadOnlySpan<byte> address, ISocketCaller caller)
    {
        if (address.Length < sizeof(ushort))
        {
            return Errno.EINVAL;
        }

        if (InetAddress.GetFamily(address) == AddressFamily.AF_UNSPEC)
        {
            return Disconnect();
        }

        Errno error = InetAddress.Read(address, Family, allowsIpv4: false, out InetAddress peer);
        if (error != Errno.None)
        {
            return error;
        }

        if (_listener is not null)
        {
            return Errno.EISCONN;
        }

        if (_connection is not null && !_isConnectTold)
        {
            error = ContinueConnect(caller);
            return error == Errno.EINPROGRESS ? Errno.EALREADY : error;
        }

        if (_connection is { State: not TcpState.Closed })
        {
            return Errno.EISCONN;
        }

        ForgetFailure();
        return Begin(peer);
    }

    public override Errno ContinueConnect(ISocketCaller caller)
    {
        if (_connection is not { } connection)
        {
            return Errno.ECONNABORTED;
        }

        if (IsConnecting)
        {
            return Errno.EINPROGRESS;
        }

        _isConnectTold = true;
        Errno error = connection.TakeError().ToErrno();
        return error == Errno.None && connection.State == TcpState.Closed ? Errno.ECONNABORTED : error;
    }

    public override Errno GetName(Span<byte> name, out int length)
    {
        IpAddress local = _connection is { State: not TcpState.Closed } ? _connection.Key.Local.Address : _localAddress;
        length = new InetAddress(local, LocalPort, _scope).Write(Family, name);
        return Errno.None;
    }

    public override Errno GetPeerName(Span<byte> name, out int length)
    {
        length = 0;
        if (_connection is not { State: not (TcpState.Closed or TcpState.SynSent) } connection)
        {
            return Errno.ENOTCONN;
        }

        length = new InetAddress(connection.Key.Remote.Address, connection.Key.Remote.Port, _scope).Write(Family, name);
        return Errno.None;
    }

    public override Errno Shutdown(ShutdownHow how)
    {
        if (how is < ShutdownHow.SHUT_RD or > ShutdownHow.SHUT_RDWR)
        {
            return Errno.EINVAL;
        }

        if (_listener is not null)
        {
            // It listens no longer, and may again (listen(2) with the port that it has).
            if (how != ShutdownHow.SHUT_WR)
            {
                StopListening();
                WakeAll();
            }

            return Errno.None;
        }

        if (_connection is not { } connection)
        {
            return Errno.ENOTCONN;
        }

        Errno error = connection.Shutdown(how != ShutdownHow.SHUT_WR, how != ShutdownHow.SHUT_RD, NowNs).ToErrno();
        Network.Task.Settle();
        return error;
    }

    public override PollEvents Poll()
    {
        if (_listener is not null)
        {
            return (PollEvents)_listener.Readiness;
        }

        return _connection is { } connection ? (PollEvents)connection.Readiness : WriteEvents | PollEvents.POLLHUP;
    }

    void ITcpObserver.OnEvents(TcpConnection connection, TcpEvents events)
    {
        const TcpEvents ForAll = TcpEvents.Connected | TcpEvents.Failed | TcpEvents.HangUp;
        if ((events & (TcpEvents.Readable | TcpEvents.Urgent | ForAll)) != 0)
        {
            Readable.WakeAll();
        }

        if ((events & (TcpEvents.Writable | ForAll)) != 0)
        {
            Writable.WakeAll();
        }
    }

    void ITcpListenerObserver.OnAcceptReady(TcpListener listener) => Readable.WakeAll();

    protected override void OnClosed()
    {
        long nowNs = NowNs;
        StopListening();
        if (_connection is { } connection)
        {
            _connection = null;
            if (HasOption(OptionFlags.Lingers) && LingerSeconds == 0)
            {
                connection.Observer = null;
                connection.Abort(nowNs);
            }

            connection.Close(nowNs);
        }

        ReleasePort();
        Network.Task.Settle();
    }

    /// <summary>Takes a connection that a listener has made.</summary>
    private void Take(TcpConnection connection, InetStreamSocket listener)
    {
        _connection = connection;
        _settings = connection.Settings;
        _isConnectTold = true;
        IsIpv6Only = listener.IsIpv6Only;
        _localAddress = connection.Key.Local.Address;
        _scope = connection.InterfaceIndex;
        LocalPort = connection.Key.Local.Port;
        Network.TcpPorts.Add(this);
        connection.Observer = this;
    }

    private Errno Begin(InetAddress peer)
    {
        IpAddress remote = peer.Address;
        if (remote.IsAny)
        {
            remote = remote.IsIpv4 || !IsIpv6 ? NetworkStack.Ipv4Loopback : NetworkStack.Ipv6Loopback;
        }

        if (!IsReachable(remote) || remote.IsMulticast || remote.IsLimitedBroadcast)
        {
            return Errno.ENETUNREACH;
        }

        int scope = peer.Scope != 0 ? peer.Scope : _scope;
        if (!Network.Tcp.TryCreate(_settings, out TcpConnection? connection))
        {
            return Errno.ENOBUFS;
        }

        // The source decides which ports are free.
        NetworkError failure = Network.Stack.FindRoute(_localAddress.IsAny ? default : _localAddress, remote, scope, out IpRoute route);
        if (failure != NetworkError.None)
        {
            return failure.ToErrno();
        }

        IpAddress source = _localAddress.IsAny ? route.Source : _localAddress;
        bool isChosen = LocalPort == 0;
        if (isChosen)
        {
            Errno error = ChoosePort(source, remote, peer.Port);
            if (error != Errno.None)
            {
                return error;
            }
        }

        connection.Observer = this;
        failure = connection.Connect(new TcpEndpoint(source, LocalPort), new TcpEndpoint(remote, peer.Port), scope, NowNs);
        if (failure != NetworkError.None)
        {
            if (isChosen)
            {
                ReleasePort();
            }

            return failure.ToErrno();
        }

        _connection = connection;
        _isConnectTold = false;
        Network.Task.Settle();
        return Errno.EINPROGRESS;
    }

    /// <summary>A connection that has failed or ended leaves the port that was chosen for it.</summary>
    private void ForgetFailure()
    {
        if (_connection is { State: TcpState.Closed } && IsPortChosen)
        {
            ReleasePort();
        }
    }

    /// <summary>Ends a connection at once, and is as before it (connect(2) with AF_UNSPEC).</summary>
    private Errno Disconnect()
    {
        StopListening();
        if (_connection is { } connection)
        {
            _connection = null;
            connection.Observer = null;
            connection.Abort(NowNs);
            Network.Task.Settle();
        }

        if (IsPortChosen)
        {
            ReleasePort();
        }

        WakeAll();
        return Errno.None;
    }

    private void StopListening()
    {
        TcpListener? listener = _listener;
        _listener = null;
        listener?.Close(NowNs);
    }

    /// <summary>Takes a port by bind(2) or listen(2); 0 for one that is free.</summary>
    private Errno TakePort(ushort port)
    {
        if (!Network.TcpPorts.TryPrepare())
        {
            return Errno.ENOBUFS;
        }

        bool isFree = port == 0
            ? Network.Ports.TryChoose(Network.TcpPorts, new PortRequest { Binding = Binding }, out port)
            : Network.TcpPorts.IsFree(port, Binding, null);
        if (!isFree)
        {
            return Errno.EADDRINUSE;
        }

        LocalPort = port;
        Network.TcpPorts.Add(this);
        return Errno.None;
    }

    /// <summary>Chooses a port for connecting to a peer.</summary>
    private Errno ChoosePort(IpAddress source, IpAddress remote, ushort remotePort)
    {
        if (!Network.TcpPorts.TryPrepare())
        {
            return Errno.ENOBUFS;
        }

        PortRequest request = new()
        {
            Binding = Binding with { Address = source },
            RemoteAddress = remote,
            RemotePort = remotePort == 0 ? (ushort)1 : remotePort,
        };
        if (!Network.Ports.TryChoose(Network.TcpPorts, request, out ushort port))
        {
            return Errno.EADDRNOTAVAIL;
        }

        LocalPort = port;
        IsPortChosen = true;
        Network.TcpPorts.Add(this);
        return Errno.None;
    }

    private void ReleasePort()
    {
        if (LocalPort != 0)
        {
            Network.TcpPorts.Remove(this);
            LocalPort = 0;
            IsPortChosen = false;
        }
    }
}
