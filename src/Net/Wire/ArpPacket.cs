using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>Who has an IPv4 address on an Ethernet (RFC 826).</summary>
public readonly record struct ArpPacket
{
    /// <summary>Bytes.</summary>
    public const int Size = 28;

    private const ushort Ethernet = 1;
    private const ushort Request = 1;
    private const ushort Reply = 2;

    /// <summary>Whether it answers, and does not ask.</summary>
    public bool IsReply { get; init; }

    public MacAddress SenderMac { get; init; }

    public IpAddress Sender { get; init; }

    public MacAddress TargetMac { get; init; }

    public IpAddress Target { get; init; }

    /// <summary>Reads a request or a reply; other operations are not for us.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out ArpPacket packet)
    {
        packet = default;
        if (bytes.Length < Size
            || BinaryPrimitives.ReadUInt16BigEndian(bytes) != Ethernet
            || BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) != (ushort)EtherType.Ipv4
            || bytes[4] != MacAddress.Size
            || bytes[5] != IpAddress.Ipv4Size)
        {
            return false;
        }

        ushort operation = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        if (operation is not (Request or Reply))
        {
            return false;
        }

        packet = new ArpPacket
        {
            IsReply = operation == Reply,
            SenderMac = MacAddress.Read(bytes[8..]),
            Sender = IpAddress.ReadIpv4(bytes[14..]),
            TargetMac = MacAddress.Read(bytes[18..]),
            Target = IpAddress.ReadIpv4(bytes[24..]),
        };
        return true;
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, Ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)EtherType.Ipv4);
        bytes[4] = MacAddress.Size;
        bytes[5] = IpAddress.Ipv4Size;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], IsReply ? Reply : Request);
        SenderMac.Write(bytes[8..]);
        Sender.Write(bytes[14..]);
        TargetMac.Write(bytes[18..]);
        Target.Write(bytes[24..]);
    }
}
