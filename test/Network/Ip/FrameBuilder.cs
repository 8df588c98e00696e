using System.Buffers.Binary;
using Semitone.Net;

namespace Semitone.Network.Ip;

/// <summary>Frames as a stranger sends them.</summary>
internal static class FrameBuilder
{
    public static MacAddress Stranger => new(0x0200_0000_0099);

    public static byte[] Ethernet(MacAddress destination, MacAddress source, EtherType type, ReadOnlySpan<byte> payload)
    {
        byte[] frame = new byte[EthernetHeader.Size + payload.Length];
        new EthernetHeader(destination, source, type).Write(frame);
        payload.CopyTo(frame.AsSpan(EthernetHeader.Size));
        return frame;
    }

    public static byte[] Ipv4(Ipv4Header header, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[Ipv4Header.Size + payload.Length];
        (header with { HeaderLength = Ipv4Header.Size, TotalLength = packet.Length }).Write(packet);
        payload.CopyTo(packet.AsSpan(Ipv4Header.Size));
        return packet;
    }

    public static byte[] Ipv6(Ipv6Header header, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[Ipv6Header.Size + payload.Length];
        (header with { PayloadLength = payload.Length }).Write(packet);
        payload.CopyTo(packet.AsSpan(Ipv6Header.Size));
        return packet;
    }

    public static byte[] Udp(IpAddress source, IpAddress destination, ushort sourcePort, ushort destinationPort, ReadOnlySpan<byte> payload)
    {
        byte[] datagram = new byte[UdpHeader.Size + payload.Length];
        new UdpHeader { SourcePort = sourcePort, DestinationPort = destinationPort, Length = datagram.Length }.Write(datagram);
        payload.CopyTo(datagram.AsSpan(UdpHeader.Size));
        Sum(source, destination, IpProtocol.Udp, datagram, UdpHeader.ChecksumOffset);
        return datagram;
    }

    public static byte[] Icmpv6(IpAddress source, IpAddress destination, Icmpv6Type type, ReadOnlySpan<byte> behindChecksum)
    {
        byte[] message = new byte[4 + behindChecksum.Length];
        message[0] = (byte)type;
        behindChecksum.CopyTo(message.AsSpan(4));
        Sum(source, destination, IpProtocol.Icmpv6, message, 2);
        return message;
    }

    public static byte[] Icmp(Icmpv4Type type, byte code, uint rest, ReadOnlySpan<byte> payload)
    {
        byte[] message = new byte[IcmpMessage.Size + payload.Length];
        new IcmpMessage { Type = (byte)type, Code = code, Rest = rest }.Write(message);
        payload.CopyTo(message.AsSpan(IcmpMessage.Size));
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }

    public static byte[] ArpRequest(MacAddress mac, IpAddress sender, IpAddress target)
    {
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket { SenderMac = mac, Sender = sender, Target = target }.Write(packet);
        return Ethernet(MacAddress.Broadcast, mac, EtherType.Arp, packet);
    }

    private static void Sum(IpAddress source, IpAddress destination, IpProtocol protocol, Span<byte> bytes, int offset)
    {
        InternetChecksum checksum = default;
        checksum.AddPseudoHeader(source, destination, protocol, bytes.Length);
        checksum.Add(bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[offset..], checksum.Value);
    }
}
