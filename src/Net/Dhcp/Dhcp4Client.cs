using System.Buffers.Binary;
using System.Text;

namespace Semitone.Net;

/// <summary>Asks a server for the interface's IPv4 address, and keeps it (RFC 2131, 4.4).</summary>
public sealed class Dhcp4Client
{
    private const ushort ServerPort = 67;
    private const ushort ClientPort = 68;
    private const byte Discover = 1;
    private const byte Offer = 2;
    private const byte Request = 3;
    private const byte Acknowledge = 5;
    private const byte Refuse = 6;
    private const int LargestMessage = 1500;
    private const int MostRequests = 4;
    private const int MostReboots = 2;
    private const int LeastMtu = 576;
    private const int UsualPrefixLength = 24;
    private const uint Forever = uint.MaxValue;
    private const long SecondNs = 1_000_000_000;

    /// <summary>RFC 2131, 4.1: 4, 8, 16, 32, 64 seconds, each one more or less.</summary>
    private const long FirstRetryNs = 4 * SecondNs;
    private const long LastRetryNs = 64 * SecondNs;

    /// <summary>RFC 2131, 4.4.5: half of what is left, and not less than a minute.</summary>
    private const long LeastRenewalNs = 60 * SecondNs;

    /// <summary>A lease of less would have the server asked all the time.</summary>
    private const uint LeastLease = 60;

    private readonly NetworkStack _stack;
    private readonly NetworkInterface _interface;
    private readonly IDhcp4Listener? _listener;
    private readonly byte[] _hostName;
    private readonly byte[] _message = new byte[548];
    private IpAddress _offered;
    private IpAddress _server;
    private uint _transactionId;
    private long _beganNs;
    private long _retryNs;
    private int _attempts;

    internal Dhcp4Client(NetworkStack stack, NetworkInterface networkInterface, string hostName, IDhcp4Listener? listener)
    {
        _stack = stack;
        _interface = networkInterface;
        _listener = listener;
        _hostName = Encoding.ASCII.GetBytes(hostName.Length <= 63 ? hostName : "");
    }

    public Dhcp4State State { get; private set; }

    /// <summary>What the server has given; null for nothing.</summary>
    public Dhcp4Lease? Lease { get; private set; }

    internal long NextDeadlineNs { get; private set; } = long.MaxValue;

    internal bool IsRunning => State != Dhcp4State.Stopped;

    /// <summary>Gives the lease up without telling the server, and asks no more.</summary>
    public void Stop(long nowNs)
    {
        Lose(nowNs);
        State = Dhcp4State.Stopped;
        NextDeadlineNs = long.MaxValue;
    }

    internal void Start(long nowNs) => Begin(nowNs, nowNs);

    /// <summary>Asks again on what may be another network.</summary>
    internal void OnLinkUp(long nowNs)
    {
        if (!IsRunning)
        {
            return;
        }

        if (Lease is null)
        {
            Begin(nowNs, nowNs);
            return;
        }

        State = Dhcp4State.Rebooting;
        _offered = Lease.Address;
        BeginTransaction(nowNs);
    }

    internal void Poll(long nowNs)
    {
        if (nowNs < NextDeadlineNs || !IsRunning)
        {
            return;
        }

        if (Lease is not null && nowNs >= Lease.ExpiresNs)
        {
            Lose(nowNs);
            Begin(nowNs, nowNs);
        }

        switch (State)
        {
            case Dhcp4State.Selecting:
                Send(Discover, nowNs);
                Retry(nowNs);
                break;

            case Dhcp4State.Requesting or Dhcp4State.Rebooting when _attempts >= (State == Dhcp4State.Requesting ? MostRequests : MostReboots):
                // Nobody who knows the lease is here: the address stays ours until its time is over, while a server is looked for.
                Begin(nowNs, nowNs + SecondNs);
                break;

            case Dhcp4State.Requesting or Dhcp4State.Rebooting:
                Send(Request, nowNs);
                Retry(nowNs);
                break;

            case Dhcp4State.Bound:
                State = Dhcp4State.Renewing;
                BeginTransaction(nowNs);
                Renew(nowNs);
                break;

            case Dhcp4State.Renewing or Dhcp4State.Rebinding:
                State = nowNs >= Lease!.RebindNs ? Dhcp4State.Rebinding : Dhcp4State.Renewing;
                Renew(nowNs);
                break;
        }
    }

    /// <summary>Takes a datagram for the client's port. The buffer stays the caller's.</summary>
    /// <param name="header">The packet's header.</param>
    /// <param name="buffer">The packet, from its IP header on.</param>
    /// <param name="nowNs">The time.</param>
    internal void Receive(in Ipv4Header header, PacketBuffer buffer, long nowNs)
    {
        ReadOnlySpan<byte> udp = buffer.Bytes[header.HeaderLength..];
        if (!UdpHeader.TryParse(udp, out UdpHeader udpHeader) || udpHeader.SourcePort != ServerPort)
        {
            return;
        }

        udp = udp[..udpHeader.Length];
        if (!buffer.IsChecksumVerified && udpHeader.Checksum != 0)
        {
            InternetChecksum checksum = default;
            checksum.AddPseudoHeader(header.Source, header.Destination, IpProtocol.Udp, udp.Length);
            checksum.Add(udp);
            if (checksum.Value != 0)
            {
                return;
            }
        }

        if (!Dhcp4Message.TryParse(udp[UdpHeader.Size..], out Dhcp4Message message)
            || message.TransactionId != _transactionId
            || message.ClientMac != _interface.Link.Address)
        {
            return;
        }

        switch (message.Type)
        {
            case Offer when State == Dhcp4State.Selecting && IsUsable(message):
                _offered = message.YourAddress;
                _server = message.Server;
                State = Dhcp4State.Requesting;
                _attempts = 0;
                NextDeadlineNs = nowNs;
                Poll(nowNs);
                break;

            case Acknowledge when IsAskedFor(message) && IsUsable(message):
                Bind(message, nowNs);
                break;

            case Refuse when State is Dhcp4State.Requesting or Dhcp4State.Rebooting or Dhcp4State.Renewing or Dhcp4State.Rebinding
                && (State != Dhcp4State.Requesting || message.Server == _server):
                Lose(nowNs);
                Begin(nowNs, nowNs + SecondNs);
                break;
        }
    }

    private bool IsAskedFor(in Dhcp4Message message) => State switch
    {
        Dhcp4State.Requesting => message.Server == _server && message.YourAddress == _offered,
        Dhcp4State.Rebooting => message.YourAddress == _offered,
        Dhcp4State.Renewing or Dhcp4State.Rebinding => message.YourAddress == Lease!.Address,
        _ => false,
    };

    private static bool IsUsable(in Dhcp4Message message)
    {
        IpAddress address = message.YourAddress;
        return address.Ipv4 >> 24 is not (0 or 127)
            && address.Ipv4 >> 28 < 0xE
            && !message.Server.IsAny
            && (message.Type == Offer || message.LeaseTime != 0);
    }

    private void Begin(long nowNs, long sendNs)
    {
        State = Dhcp4State.Selecting;
        BeginTransaction(nowNs);
        NextDeadlineNs = sendNs;
    }

    private void BeginTransaction(long nowNs)
    {
        _transactionId = (uint)(_stack.Random.NextUInt64() >> 32);
        _beganNs = nowNs;
        _attempts = 0;
        _retryNs = FirstRetryNs;
        NextDeadlineNs = nowNs;
    }

    private void Retry(long nowNs)
    {
        _attempts++;
        long jitterNs = (long)(_stack.Random.NextUInt64() % (2 * SecondNs)) - SecondNs;
        SetDeadline(nowNs + _retryNs + jitterNs);
        _retryNs = Math.Min(_retryNs * 2, LastRetryNs);
    }

    private void Renew(long nowNs)
    {
        Send(Request, nowNs);
        _attempts++;
        long endNs = State == Dhcp4State.Renewing ? Lease!.RebindNs : Lease!.ExpiresNs;
        SetDeadline(Math.Min(endNs, nowNs + Math.Max((endNs - nowNs) / 2, LeastRenewalNs)));
    }

    /// <summary>Sets when to look again: at the lease's end in any case.</summary>
    private void SetDeadline(long deadlineNs) => NextDeadlineNs = Math.Min(deadlineNs, Lease?.ExpiresNs ?? long.MaxValue);

    private void Bind(in Dhcp4Message message, long nowNs)
    {
        uint lease = Math.Max(message.LeaseTime, LeastLease);
        uint rebinding = message.RebindingTime is var told && told != 0 && told < lease ? told : lease - lease / 8;
        uint renewal = message.RenewalTime is var first && first != 0 && first < rebinding ? first : Math.Min(lease / 2, rebinding);
        bool isForever = message.LeaseTime == Forever;
        Dhcp4Lease bound = new()
        {
            Address = message.YourAddress,
            PrefixLength = message.PrefixLength < 0 ? UsualPrefixLength : message.PrefixLength,
            Server = message.Server,
            Router = message.Router,
            NameServers = message.NameServers ?? [],
            HostName = message.HostName ?? "",
            DomainName = message.DomainName ?? "",
            Mtu = message.Mtu,
            ExpiresNs = isForever ? long.MaxValue : _beganNs + lease * SecondNs,
            RenewNs = isForever ? long.MaxValue : Math.Max(_beganNs + renewal * SecondNs, nowNs + SecondNs),
            RebindNs = isForever ? long.MaxValue : _beganNs + rebinding * SecondNs,
        };
        if (Lease is not null && (Lease.Address != bound.Address || Lease.PrefixLength != bound.PrefixLength || Lease.Router != bound.Router))
        {
            Unset(nowNs);
        }

        State = Dhcp4State.Bound;
        Lease = bound;
        NextDeadlineNs = bound.RenewNs;
        Set(bound, nowNs);
        _listener?.OnLease(_interface, bound);
    }

    /// <summary>Gives interface and routes what is new.</summary>
    private void Set(Dhcp4Lease lease, long nowNs)
    {
        if (_stack.AddAddress(_interface, lease.Address, lease.PrefixLength, AddressOrigin.Dhcp, nowNs) == NetworkError.None)
        {
            _interface.Find(lease.Address)!.ValidUntilNs = lease.ExpiresNs;
        }

        if (lease.Mtu >= LeastMtu && lease.Mtu <= _interface.Link.Mtu && lease.Mtu != _interface.Mtu)
        {
            _stack.SetMtu(_interface, lease.Mtu);
        }

        if (lease.Router.IsAny)
        {
            return;
        }

        Route route = new()
        {
            Prefix = IpPrefix.Ipv4Default,
            Gateway = lease.Router,
            InterfaceIndex = _interface.Index,
            PreferredSource = lease.Address,
            Origin = AddressOrigin.Dhcp,
        };
        if (_stack.AddRoute(route) == NetworkError.NetworkUnreachable)
        {
            // Clouds give addresses in a network of their own, with a router outside of it.
            _stack.Routes.TryAdd(new Route
            {
                Prefix = new IpPrefix(lease.Router, 32),
                InterfaceIndex = _interface.Index,
                PreferredSource = lease.Address,
                Origin = AddressOrigin.Dhcp,
            });
            _stack.Routes.TryAdd(route);
            _stack.TouchRoutes();
        }
    }

    private void Unset(long nowNs)
    {
        if (Lease is null)
        {
            return;
        }

        _stack.RemoveAddress(_interface, Lease.Address, nowNs);
        int index = _interface.Index;
        _stack.Routes.RemoveAll(route => route.Origin == AddressOrigin.Dhcp && route.InterfaceIndex == index);
        _stack.TouchRoutes();
    }

    private void Lose(long nowNs)
    {
        if (Lease is null)
        {
            return;
        }

        Unset(nowNs);
        Lease = null;
        _listener?.OnLeaseLost(_interface);
    }

    private void Send(byte type, long nowNs)
    {
        bool isRenewal = State is Dhcp4State.Renewing or Dhcp4State.Rebinding;
        int length = Write(type, isRenewal, nowNs);
        IpRoute route;
        if (State == Dhcp4State.Renewing)
        {
            if (_stack.FindRoute(Lease!.Address, Lease.Server, _interface.Index, out route) != NetworkError.None)
            {
                return;
            }
        }
        else
        {
            IpAddress all = IpAddress.FromIpv4(uint.MaxValue);
            route = new IpRoute
            {
                Source = isRenewal ? Lease!.Address : IpAddress.Ipv4Any,
                Destination = all,
                NextHop = all,
                InterfaceIndex = _interface.Index,
                Mtu = _interface.Mtu,
                IsBroadcast = true,
            };
        }

        Span<byte> header = stackalloc byte[UdpHeader.Size];
        new UdpHeader { SourcePort = ClientPort, DestinationPort = ServerPort, Length = UdpHeader.Size + length }.Write(header);
        _stack.Output.Send(route, new TransportPacket
        {
            Protocol = IpProtocol.Udp,
            Header = header,
            ChecksumOffset = UdpHeader.ChecksumOffset,
            Payload = _message.AsSpan(0, length),
            TrafficClass = 0x10,
        }, nowNs);
    }

    private int Write(byte type, bool isRenewal, long nowNs)
    {
        Span<byte> bytes = _message;
        bytes.Clear();
        bytes[0] = Dhcp4Message.BootRequest;
        bytes[1] = Dhcp4Message.Ethernet;
        bytes[2] = MacAddress.Size;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], _transactionId);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[8..], (ushort)Math.Clamp((nowNs - _beganNs) / SecondNs, 0, ushort.MaxValue));
        if (isRenewal)
        {
            Lease!.Address.Write(bytes[12..]);
        }

        _interface.Link.Address.Write(bytes[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[236..], Dhcp4Message.MagicCookie);
        int length = Dhcp4Message.HeaderSize;
        Append(bytes, ref length, Dhcp4Option.MessageType, [type]);
        Span<byte> mac = stackalloc byte[1 + MacAddress.Size];
        mac[0] = Dhcp4Message.Ethernet;
        _interface.Link.Address.Write(mac[1..]);
        Append(bytes, ref length, Dhcp4Option.ClientIdentifier, mac);
        Span<byte> address = stackalloc byte[IpAddress.Ipv4Size];
        if (type == Request && !isRenewal)
        {
            _offered.Write(address);
            Append(bytes, ref length, Dhcp4Option.RequestedAddress, address);
            if (State == Dhcp4State.Requesting)
            {
                _server.Write(address);
                Append(bytes, ref length, Dhcp4Option.ServerIdentifier, address);
            }
        }

        Append(bytes, ref length, Dhcp4Option.LargestMessage, [LargestMessage >> 8, LargestMessage & 0xFF]);
        if (_hostName.Length != 0)
        {
            Append(bytes, ref length, Dhcp4Option.HostName, _hostName);
        }

        Append(bytes, ref length, Dhcp4Option.ParameterList,
        [
            (byte)Dhcp4Option.SubnetMask, (byte)Dhcp4Option.Router, (byte)Dhcp4Option.NameServers, (byte)Dhcp4Option.HostName,
            (byte)Dhcp4Option.DomainName, (byte)Dhcp4Option.InterfaceMtu, (byte)Dhcp4Option.BroadcastAddress,
            (byte)Dhcp4Option.LeaseTime, (byte)Dhcp4Option.RenewalTime, (byte)Dhcp4Option.RebindingTime,
        ]);
        bytes[length++] = (byte)Dhcp4Option.End;

        // Relays of BOOTP drop what is shorter (RFC 1542, 2.1).
        return Math.Max(length, 300);
    }

    private static void Append(Span<byte> bytes, ref int length, Dhcp4Option option, ReadOnlySpan<byte> value)
    {
        bytes[length] = (byte)option;
        bytes[length + 1] = (byte)value.Length;
        value.CopyTo(bytes[(length + 2)..]);
        length += 2 + value.Length;
    }
}
