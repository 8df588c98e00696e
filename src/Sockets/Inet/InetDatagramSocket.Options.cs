using System.Buffers.Binary;
using Semitone.Abi;
using Semitone.Net;

namespace Semitone.Sockets;

/// <summary>What the receiver of a datagram is told of it.</summary>
[Flags]
internal enum DatagramDetails : byte
{
    None = 0,

    /// <summary>Address and interface (IP_PKTINFO, IPV6_RECVPKTINFO).</summary>
    Destination = 1,

    /// <summary>IP_RECVTTL, IPV6_RECVHOPLIMIT.</summary>
    HopLimit = 2,

    /// <summary>IP_RECVTOS, IPV6_RECVTCLASS.</summary>
    TrafficClass = 4,
}

/// <content>Options, and control messages with datagrams.</content>
public sealed partial class InetDatagramSocket
{
    private const int Ipv4InfoLength = 12;
    private const int Ipv6InfoLength = 20;

    internal override byte HopLimit
    {
        get => _endpoint.HopLimit;
        set => _endpoint.HopLimit = value;
    }

    internal override byte TrafficClass
    {
        get => _endpoint.TrafficClass;
        set => _endpoint.TrafficClass = value;
    }

    internal override int PathMtu =>
        _endpoint.IsConnected
        && Network.Stack.FindRoute(default, _endpoint.RemoteAddress, _endpoint.InterfaceIndex, out IpRoute route) == NetworkError.None
            ? route.Mtu
            : 0;

    public override Errno TakeControl(SocketLevel level, int type, ReadOnlySpan<byte> data, SocketMessage message)
    {
        DatagramTarget target = message.Target;
        switch (level, type)
        {
            case (SocketLevel.SOL_IP, (int)IpOption.IP_PKTINFO):
                if (data.Length != Ipv4InfoLength)
                {
                    return Errno.EINVAL;
                }

                IpAddress source = IpAddress.ReadIpv4(data[4..]);
                message.Target = target with
                {
                    InterfaceIndex = BinaryPrimitives.ReadInt32LittleEndian(data),
                    Source = source.IsAny ? default : source,
                };
                return Errno.None;
            case (SocketLevel.SOL_IPV6, (int)Ipv6Option.IPV6_PKTINFO):
                if (data.Length < Ipv6InfoLength)
                {
                    return Errno.EINVAL;
                }

                message.Target = target with
                {
                    Source = IpAddress.ReadIpv6(data),
                    InterfaceIndex = BinaryPrimitives.ReadInt32LittleEndian(data[16..]),
                };
                return Errno.None;
            case (SocketLevel.SOL_IP, (int)IpOption.IP_TTL) or (SocketLevel.SOL_IPV6, (int)Ipv6Option.IPV6_HOPLIMIT):
                if (data.Length != sizeof(int) || BinaryPrimitives.ReadInt32LittleEndian(data) is < 1 or > byte.MaxValue)
                {
                    return Errno.EINVAL;
                }

                message.Target = target with { HopLimit = data[0] };
                return Errno.None;
            case (SocketLevel.SOL_IP, (int)IpOption.IP_TOS) or (SocketLevel.SOL_IPV6, (int)Ipv6Option.IPV6_TCLASS):
                if (data.Length is not (1 or sizeof(int)))
                {
                    return Errno.EINVAL;
                }

                message.Target = target with { TrafficClass = data[0] };
                return Errno.None;
            case (SocketLevel.SOL_IP or SocketLevel.SOL_IPV6, _):
                return Errno.EINVAL;
            default:
                return Errno.None;
        }
    }

    internal override Errno SetIpv6Only(bool isOn)
    {
        if (IsBound)
        {
            return Errno.EINVAL;
        }

        IsIpv6Only = isOn;
        _endpoint.IsIpv6Only = isOn;
        return Errno.None;
    }

    internal override void OnOptionsChanged()
    {
        _endpoint.AllowsBroadcast = HasOption(OptionFlags.Broadcast);
        if (_endpoint is UdpEndpoint udp)
        {
            udp.ReuseAddress = HasOption(OptionFlags.ReuseAddress);
            udp.ReusePort = HasOption(OptionFlags.ReusePort);
        }
    }

    private protected override void OnReceiveBufferChanged() => _endpoint.ReceiveBufferLimit = ReceiveBufferSize;

    /// <summary>Adds what was asked for to be told of a datagram.</summary>
    private void Describe(in ReceivedDatagram datagram, SocketMessage message)
    {
        DatagramDetails details = Details;
        if (details == DatagramDetails.None)
        {
            return;
        }

        bool isIpv4 = !IsIpv6;
        Span<byte> data = stackalloc byte[Ipv6InfoLength];
        if ((details & DatagramDetails.Destination) != 0)
        {
            if (isIpv4)
            {
                // The address that answers would come from, and the one in the header.
                BinaryPrimitives.WriteInt32LittleEndian(data, datagram.InterfaceIndex);
                datagram.Destination.Write(data[4..]);
                datagram.Destination.Write(data[8..]);
                message.AddControl(SocketLevel.SOL_IP, (int)IpOption.IP_PKTINFO, data[..Ipv4InfoLength]);
            }
            else
            {
                datagram.Destination.WriteIpv6(data);
                BinaryPrimitives.WriteInt32LittleEndian(data[16..], datagram.InterfaceIndex);
                message.AddControl(SocketLevel.SOL_IPV6, (int)Ipv6Option.IPV6_PKTINFO, data[..Ipv6InfoLength]);
            }
        }

        if ((details & DatagramDetails.HopLimit) != 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(data, datagram.HopLimit);
            SocketLevel level = isIpv4 ? SocketLevel.SOL_IP : SocketLevel.SOL_IPV6;
            message.AddControl(level, isIpv4 ? (int)IpOption.IP_TTL : (int)Ipv6Option.IPV6_HOPLIMIT, data[..sizeof(int)]);
        }

        if ((details & DatagramDetails.TrafficClass) != 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(data, datagram.TrafficClass);
            if (isIpv4)
            {
                message.AddControl(SocketLevel.SOL_IP, (int)IpOption.IP_TOS, data[..1]);
            }
            else
            {
                message.AddControl(SocketLevel.SOL_IPV6, (int)Ipv6Option.IPV6_TCLASS, data[..sizeof(int)]);
            }
        }
    }

    /// <summary>Tells a complaint about what was sent (IP_RECVERR in ip(7)): struct sock_extended_err, and who complained.</summary>
    private IoResult ReceiveComplaint(SocketMessage message)
    {
        const int ErrorLength = 16;
        const byte FromLocal = 1;
        const byte FromIcmp = 2;
        const byte FromIcmpv6 = 3;
        if (!_endpoint.TryTakeError(out QueuedError complaint))
        {
            return Errno.EAGAIN;
        }

        Span<byte> data = stackalloc byte[ErrorLength + 28];
        data.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(data, (int)complaint.Error.ToErrno());
        data[4] = !complaint.IsFromIcmp ? FromLocal : complaint.Destination.IsIpv4 ? FromIcmp : FromIcmpv6;
        data[5] = complaint.Type;
        data[6] = complaint.Code;
        BinaryPrimitives.WriteInt32LittleEndian(data[8..], complaint.Information);
        Span<byte> offender = stackalloc byte[SocketMessage.MaximumNameLength];
        int length = new InetAddress(complaint.Offender, 0, 0).Write(Family, offender);
        if (complaint.IsFromIcmp)
        {
            offender[..length].CopyTo(data[ErrorLength..]);
        }

        SocketLevel level = IsIpv6 ? SocketLevel.SOL_IPV6 : SocketLevel.SOL_IP;
        message.AddControl(level, IsIpv6 ? (int)Ipv6Option.IPV6_RECVERR : (int)IpOption.IP_RECVERR, data[..(ErrorLength + length)]);
        message.Answer |= MessageFlags.MSG_ERRQUEUE;
        message.NameLength = new InetAddress(complaint.Destination, complaint.DestinationPort, 0).Write(Family, message.NameBuffer);
        return 0;
    }
}
