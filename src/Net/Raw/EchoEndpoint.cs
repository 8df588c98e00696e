namespace Semitone.Net;

/// <summary>An endpoint that asks for echoes and hears the answers to its own questions (icmp(7), IPPROTO_ICMP over SOCK_DGRAM).</summary>
public sealed class EchoEndpoint : DatagramEndpoint
{
    private readonly RawLayer _layer;

    internal EchoEndpoint(RawLayer layer, NetworkStack stack, bool isIpv6, IEndpointListener? listener)
        : base(stack, isIpv6, listener)
    {
        _layer = layer;
        IsIpv6Only = isIpv6;
    }

    private protected override IpProtocol Protocol => IsIpv6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp;

    private protected override int HeaderSize => IcmpMessage.Size;

    /// <summary>Takes an address and an identifier (bind(2)).</summary>
    /// <param name="address">This host's, or any.</param>
    /// <param name="identifier">What the port stands for; 0 for one that is free.</param>
    /// <param name="interfaceIndex">The interface that a link-local address is of; 0 for any.</param>
    public NetworkError Bind(IpAddress address, ushort identifier, int interfaceIndex)
    {
        if (LocalPort != 0 || IsClosed)
        {
            return NetworkError.InvalidState;
        }

        if (!address.IsAny && (!IsReachable(address) || !Stack.IsLocalAddress(address, interfaceIndex)))
        {
            return NetworkError.AddressNotAvailable;
        }

        IpAddress previous = LocalAddress;
        LocalAddress = address;
        NetworkError error = TakeIdentifier(identifier);
        if (error != NetworkError.None)
        {
            LocalAddress = previous;
            return error;
        }

        InterfaceIndex = interfaceIndex != 0 ? interfaceIndex : InterfaceIndex;
        IsAddressBound = !address.IsAny;
        return NetworkError.None;
    }

    /// <summary>Sends an echo request.</summary>
    /// <param name="target">To whom.</param>
    /// <param name="message">The message from its type on. Identifier and checksum are filled in.</param>
    /// <param name="nowNs">The time.</param>
    /// <returns><see cref="NetworkError.InvalidState"/> for anything but an echo request.</returns>
    public NetworkError Send(in DatagramTarget target, ReadOnlySpan<byte> message, long nowNs)
    {
        byte wanted = IsIpv6 ? (byte)Icmpv6Type.EchoRequest : (byte)Icmpv4Type.EchoRequest;
        if (!IcmpMessage.TryParse(message, out IcmpMessage request) || request.Type != wanted || request.Code != 0)
        {
            return NetworkError.InvalidState;
        }

        NetworkError error = FindTarget(target, out IpRoute route, out _);
        if (error != NetworkError.None)
        {
            return error;
        }

        Span<byte> header = stackalloc byte[IcmpMessage.Size];
        (request with { Rest = (uint)LocalPort << 16 | request.Rest & 0xFFFF }).Write(header);
        return SendTo(route, target, header, IcmpMessage.ChecksumOffset, message[IcmpMessage.Size..], default, nowNs);
    }

    internal bool Wants(in ReceivedPacket packet, ushort identifier) =>
        LocalPort == identifier
        && packet.Destination.IsIpv4 != IsIpv6
        && (LocalAddress.IsAny || LocalAddress == packet.Destination)
        && (!IsConnected || RemoteAddress == packet.Source)
        && (InterfaceIndex == 0 || InterfaceIndex == packet.InterfaceIndex);

    internal bool HasSent(in IcmpError error, ushort identifier) =>
        LocalPort == identifier
        && error.Source.IsIpv4 != IsIpv6
        && (LocalAddress.IsAny || LocalAddress == error.Source)
        && (!IsConnected || RemoteAddress == error.Destination);

    internal bool Enqueue(in ReceivedDatagram datagram) => TryEnqueue(datagram);

    internal void TakeComplaint(in IcmpError error) => ReceiveError(error, 0);

    private protected override NetworkError EnsurePort() => LocalPort != 0 ? NetworkError.None : TakeIdentifier(0);

    private protected override void OnClose() => _layer.Remove(this);

    private NetworkError TakeIdentifier(ushort identifier)
    {
        if (!_layer.TryTakeIdentifier(this, ref identifier))
        {
            return NetworkError.AddressInUse;
        }

        LocalPort = identifier;
        return NetworkError.None;
    }
}
