namespace Semitone.Net;

/// <summary>The endpoints beside the transports: of protocols as they are, and of ping. Each has copies.</summary>
public sealed class RawLayer
{
    private readonly List<RawEndpoint>?[] _byProtocol = new List<RawEndpoint>?[256];
    private readonly List<EchoEndpoint> _echoes = [];
    private readonly NetworkStack _stack;

    internal RawLayer(NetworkStack stack) => _stack = stack;

    /// <summary>Makes an endpoint for a protocol. Who makes it closes it.</summary>
    public RawEndpoint Create(bool isIpv6, IpProtocol protocol, IEndpointListener? listener)
    {
        RawEndpoint endpoint = new(this, _stack, isIpv6, protocol, listener);
        (_byProtocol[(byte)protocol] ??= []).Add(endpoint);
        return endpoint;
    }

    /// <summary>Makes an endpoint for ping. Who makes it closes it.</summary>
    public EchoEndpoint CreateEcho(bool isIpv6, IEndpointListener? listener) => new(this, _stack, isIpv6, listener);

    internal void Remove(RawEndpoint endpoint)
    {
        foreach (List<RawEndpoint>? endpoints in _byProtocol)
        {
            endpoints?.Remove(endpoint);
        }
    }

    internal void Remove(EchoEndpoint endpoint) => _echoes.Remove(endpoint);

    /// <summary>Gives copies of a packet, whose buffer begins at the IP header, to those who want them.</summary>
    /// <returns>Whether anybody did.</returns>
    internal bool Deliver(IpProtocol protocol, in ReceivedPacket packet, long nowNs)
    {
        if (_byProtocol[(byte)protocol] is not { Count: > 0 } endpoints)
        {
            return false;
        }

        bool isWanted = false;
        ReadOnlySpan<byte> transport = packet.Buffer.Bytes[packet.NetworkHeaderLength..];
        foreach (RawEndpoint endpoint in endpoints)
        {
            if (!endpoint.Wants(packet, transport))
            {
                continue;
            }

            isWanted = true;
            ReadOnlySpan<byte> bytes = packet.Destination.IsIpv4 ? packet.Buffer.Bytes : transport;
            if (_stack.Pools.TryCopy(0, bytes, default, default, out PacketBuffer? copy)
                && !endpoint.Enqueue(Describe(packet, copy, nowNs)))
            {
                copy.Release();
            }
        }

        return isWanted;
    }

    /// <summary>Gives a copy of an echo's answer, whose buffer begins at the message, to who has asked.</summary>
    internal void DeliverEcho(in ReceivedPacket packet, ushort identifier, long nowNs)
    {
        foreach (EchoEndpoint endpoint in _echoes)
        {
            if (endpoint.Wants(packet, identifier))
            {
                if (_stack.Pools.TryCopy(0, packet.Buffer.Bytes, default, default, out PacketBuffer? copy)
                    && !endpoint.Enqueue(Describe(packet, copy, nowNs)))
                {
                    copy.Release();
                }

                return;
            }
        }
    }

    /// <summary>Tells those of a complaint who may have sent what it quotes.</summary>
    internal void ReceiveError(IpProtocol protocol, in IcmpError error, long nowNs)
    {
        if (protocol is IpProtocol.Icmp or IpProtocol.Icmpv6 && IcmpMessage.TryParse(error.Quoted, out IcmpMessage message))
        {
            foreach (EchoEndpoint endpoint in _echoes)
            {
                if (endpoint.HasSent(error, message.Identifier))
                {
                    if (error.Mtu != 0)
                    {
                        _stack.LowerPathMtu(error.Destination, error.Mtu, nowNs);
                    }

                    endpoint.TakeComplaint(error);
                    break;
                }
            }
        }

        if (_byProtocol[(byte)protocol] is { } endpoints)
        {
            foreach (RawEndpoint endpoint in endpoints)
            {
                if (endpoint.HasSent(error))
                {
                    endpoint.TakeComplaint(error);
                }
            }
        }
    }

    internal bool TryTakeIdentifier(EchoEndpoint endpoint, ref ushort identifier)
    {
        for (int i = 0; identifier == 0 && i < 65536; i++)
        {
            ushort candidate = (ushort)_stack.Random.NextUInt64();
            identifier = candidate != 0 && !IsTaken(candidate, endpoint.IsIpv6) ? candidate : (ushort)0;
        }

        if (identifier == 0 || IsTaken(identifier, endpoint.IsIpv6))
        {
            return false;
        }

        _echoes.Add(endpoint);
        return true;
    }

    private bool IsTaken(ushort identifier, bool isIpv6)
    {
        foreach (EchoEndpoint endpoint in _echoes)
        {
            if (endpoint.LocalPort == identifier && endpoint.IsIpv6 == isIpv6)
            {
                return true;
            }
        }

        return false;
    }

    private static ReceivedDatagram Describe(in ReceivedPacket packet, PacketBuffer copy, long nowNs) => new()
    {
        Buffer = copy,
        Source = packet.Source,
        Destination = packet.Destination,
        InterfaceIndex = packet.InterfaceIndex,
        HopLimit = packet.HopLimit,
        TrafficClass = packet.TrafficClass,
        ReceivedNs = nowNs,
    };
}
