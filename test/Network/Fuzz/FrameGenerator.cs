using System.Buffers.Binary;
using Semitone.Net;
using Semitone.Network.Ip;
using Semitone.Network.Simulation;

namespace Semitone.Network.Fuzz;

/// <summary>Frames of every kind, many of them damaged, some with their checksums put right again.</summary>
internal sealed class FrameGenerator(SeededRandom random, MacAddress host)
{
    private static readonly IpAddress[] s_ipv4 = Parse(
        "10.0.0.1 10.0.0.2 10.0.0.9 10.0.0.255 224.1.1.1 224.0.0.1 127.0.0.1 0.0.0.0 255.255.255.255 8.8.8.8");

    private static readonly IpAddress[] s_ipv6 = Parse(
        "fd00::1 fd00::2 fd00::9 fe80::9 fe80::5054:ff:fe00:10 ff02::1 ff02::1:ff00:1 ff02::1:ff00:10 :: ::1 2001:db8::5");

    private static readonly IpProtocol[] s_extensions =
        [IpProtocol.HopByHop, IpProtocol.DestinationOptions, IpProtocol.Ipv6Routing, IpProtocol.Ipv6Fragment];

    private static readonly IpProtocol[] s_quoted = [IpProtocol.Udp, IpProtocol.Icmp];

    public byte[] Next()
    {
        byte[] frame = random.Next(12) switch
        {
            0 => Random(random.Next(200)),
            1 => Arp(),
            2 or 3 => Wrap(EtherType.Ipv4, Ipv4(IpProtocol.Udp, Udp)),
            4 => Wrap(EtherType.Ipv4, Ipv4(IpProtocol.Icmp, Icmp)),
            5 => Wrap(EtherType.Ipv4, Ipv4((IpProtocol)random.Next(256), (_, _) => Random(random.Next(64)))),
            6 => Wrap(EtherType.Ipv4, Ipv4(IpProtocol.Igmp, Igmp)),
            7 or 8 => Wrap(EtherType.Ipv6, Ipv6(IpProtocol.Udp, Udp)),
            9 or 10 => Wrap(EtherType.Ipv6, Ipv6(IpProtocol.Icmpv6, Icmpv6)),
            _ => Wrap(random.Chance(0.5) ? EtherType.Ipv4 : EtherType.Ipv6, Random(random.Next(120))),
        };
        if (random.Chance(0.3) && frame.Length != 0)
        {
            for (int i = random.Next(4); i >= 0; i--)
            {
                frame[random.Next(frame.Length)] = (byte)random.NextUInt64();
            }

            if (random.Chance(0.3))
            {
                frame = frame[..random.Next(frame.Length + 1)];
            }

            if (frame.Length >= 34 && frame[12] == 8 && frame[13] == 0 && random.Chance(0.7))
            {
                int length = Math.Min((frame[14] & 0xF) * 4, frame.Length - 14);
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), 0);
                BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), InternetChecksum.Of(frame.AsSpan(14, length)));
            }
        }

        return frame;
    }

    private static IpAddress[] Parse(string text) => [.. text.Split(' ').Select(SimulatedHost.Ip)];

    private byte[] Random(int length)
    {
        byte[] bytes = new byte[length];
        random.Fill(bytes);
        return bytes;
    }

    private T Pick<T>(T[] values) => values[random.Next(values.Length)];

    private byte[] Wrap(EtherType type, byte[] packet)
    {
        MacAddress destination = random.Next(4) switch
        {
            0 => MacAddress.Broadcast,
            1 => new MacAddress(0x3333_0000_0001),
            _ => host,
        };
        return FrameBuilder.Ethernet(destination, new MacAddress(0x0200_0000_0000UL | (uint)random.Next(2000)), type, packet);
    }

    private byte[] Arp()
    {
        byte[] packet = new byte[ArpPacket.Size];
        new ArpPacket
        {
            IsReply = random.Chance(0.5),
            SenderMac = new MacAddress(0x0200_0000_0000UL | (uint)random.Next(2000)),
            Sender = random.Chance(0.5) ? Pick(s_ipv4) : IpAddress.FromIpv4(0x0A00_0000 + (uint)random.Next(256)),
            TargetMac = host,
            Target = Pick(s_ipv4),
        }.Write(packet);
        return Wrap(EtherType.Arp, packet);
    }

    private byte[] Ipv4(IpProtocol protocol, Func<IpAddress, IpAddress, byte[]> make)
    {
        IpAddress source = Pick(s_ipv4);
        IpAddress destination = random.Chance(0.6) ? s_ipv4[0] : Pick(s_ipv4);
        bool isFragment = random.Chance(0.2);
        return FrameBuilder.Ipv4(
            new Ipv4Header
            {
                Source = source,
                Destination = destination,
                Ttl = (byte)random.Next(256),
                Protocol = protocol,
                Identification = (ushort)random.Next(4),
                FragmentOffset = isFragment ? random.Next(10) * 8 : 0,
                MoreFragments = isFragment && random.Chance(0.7),
            },
            make(source, destination));
    }

    private byte[] Ipv6(IpProtocol protocol, Func<IpAddress, IpAddress, byte[]> make)
    {
        IpAddress source = Pick(s_ipv6);
        IpAddress destination = random.Chance(0.4) ? s_ipv6[0] : Pick(s_ipv6);
        byte[] payload = make(source, destination);
        IpProtocol next = protocol;
        for (int i = random.Chance(0.3) ? random.Next(4) : 0; i > 0; i--)
        {
            IpProtocol header = Pick(s_extensions);
            byte[] extension = random.Chance(0.5) ? Random(8) : new byte[8];
            extension[0] = (byte)next;
            extension[1] = 0;
            if (header == IpProtocol.Ipv6Fragment)
            {
                extension[2] = 0;
                extension[3] = (byte)(random.Next(8) * 8 | random.Next(2));
                extension[7] = (byte)random.Next(4);
            }

            payload = [.. extension, .. payload];
            next = header;
        }

        byte hopLimit = random.Chance(0.7) ? (byte)255 : (byte)random.Next(256);
        Ipv6Header fixedHeader = new() { Source = source, Destination = destination, HopLimit = hopLimit, NextHeader = next };
        return FrameBuilder.Ipv6(fixedHeader, payload);
    }

    private byte[] Udp(IpAddress source, IpAddress destination)
    {
        ushort port = Pick<ushort>([7, 8, 68, 9, 0]);
        return port == 68
            ? FrameBuilder.Udp(source, destination, 67, port, Dhcp())
            : FrameBuilder.Udp(source, destination, (ushort)random.Next(65536), port, Random(random.Next(64)));
    }

    private byte[] Dhcp()
    {
        byte[] message = Random(240 + random.Next(60));
        message[0] = 2;
        message[1] = 1;
        message[2] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(236), 0x63825363);
        return message;
    }

    private byte[] Icmp(IpAddress source, IpAddress destination)
    {
        byte[] quoted = random.Chance(0.5)
            ? Random(random.Next(80))
            : FrameBuilder.Ipv4(
                new Ipv4Header { Source = s_ipv4[0], Destination = Pick(s_ipv4), Ttl = 3, Protocol = Pick(s_quoted) },
                Random(8 + random.Next(20)));
        Icmpv4Type type = Pick<Icmpv4Type>(
        [
            Icmpv4Type.EchoRequest, Icmpv4Type.EchoReply, Icmpv4Type.DestinationUnreachable, Icmpv4Type.TimeExceeded,
            Icmpv4Type.ParameterProblem, (Icmpv4Type)random.Next(256),
        ]);
        uint rest = (uint)random.Next(65536) | (random.Chance(0.5) ? 0x1_0000u : 0);
        return FrameBuilder.Icmp(type, (byte)random.Next(17), rest, quoted);
    }

    private byte[] Igmp(IpAddress source, IpAddress destination)
    {
        byte[] message = Random(8 + random.Next(8));
        message[0] = 0x11;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), 0);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }

    private byte[] Icmpv6(IpAddress source, IpAddress destination)
    {
        Icmpv6Type type = Pick<Icmpv6Type>(
        [
            Icmpv6Type.DestinationUnreachable, Icmpv6Type.PacketTooBig, Icmpv6Type.EchoRequest, Icmpv6Type.EchoReply,
            Icmpv6Type.MulticastListenerQuery, Icmpv6Type.RouterAdvertisement, Icmpv6Type.NeighborSolicitation,
            Icmpv6Type.NeighborAdvertisement, Icmpv6Type.Redirect, (Icmpv6Type)random.Next(256),
        ]);
        byte[] body = Random(4 + random.Next(8));
        if (type is Icmpv6Type.NeighborSolicitation or Icmpv6Type.NeighborAdvertisement)
        {
            byte[] target = new byte[16];
            (random.Chance(0.5) ? destination : Pick(s_ipv6)).WriteIpv6(target);
            body = [.. Random(4), .. target, (byte)(1 + random.Next(2)), 1, .. Random(6)];
        }
        else if (type == Icmpv6Type.RouterAdvertisement)
        {
            body = Random(12);
            for (int i = random.Next(4); i > 0; i--)
            {
                byte option = Pick<byte>([1, 3, 5, 25, (byte)random.Next(256)]);
                byte length = option switch
                {
                    3 => 4,
                    25 => 3,
                    _ => 1,
                };
                byte[] content = Random(length * 8 - 2);
                if (option == 3 && random.Chance(0.7))
                {
                    content[0] = 64;
                    content[14] = 0x20;
                    BinaryPrimitives.WriteUInt32BigEndian(content.AsSpan(2), uint.MaxValue);
                }

                body = [.. body, option, length, .. content];
            }
        }
        else if (type < Icmpv6Type.FirstInformational)
        {
            Ipv6Header quoted = new() { Source = s_ipv6[0], Destination = Pick(s_ipv6), NextHeader = IpProtocol.Udp };
            body = [.. Random(4), .. FrameBuilder.Ipv6(quoted, Random(8 + random.Next(20)))];
        }

        return FrameBuilder.Icmpv6(source, destination, type, body);
    }
}
