using System.Buffers.Binary;

namespace Semitone.Net;

/// <summary>An address of the Internet Protocol, version 4 or 6.</summary>
/// <remarks>
/// One of version 4 is kept as IPv6 maps it (::ffff:a.b.c.d, RFC 4291, 2.5.5.2), so that comparing and hashing know one kind. Which
/// protocol carries it is told by the value.
/// </remarks>
/// <param name="High">The first eight bytes, the first one highest.</param>
/// <param name="Low">The others.</param>
public readonly record struct IpAddress(ulong High, ulong Low)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Ipv4Size = 4;

    /// <inheritdoc cref="Ipv4Size"/>
    public const int Ipv6Size = 16;

    private const ulong Mapped = 0x0000_FFFF_0000_0000;

    /// <summary>The unspecified address of IPv6; <c>default</c> is the same.</summary>
    public static IpAddress Ipv6Any => default;

    public static IpAddress Ipv4Any => FromIpv4(0);

    public bool IsIpv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == Mapped;

    /// <summary>The four bytes of an address of version 4, the first one highest.</summary>
    public uint Ipv4 => (uint)Low;

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsAny => High == 0 && (Low == 0 || Low == Mapped);

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIpv4 ? Ipv4 >> 24 == 127 : High == 0 && Low == 1;

    /// <summary>224.0.0.0/4 or ff00::/8.</summary>
    public bool IsMulticast => IsIpv4 ? Ipv4 >> 28 == 0xE : High >> 56 == 0xFF;

    /// <summary>255.255.255.255; of a network's broadcast address its interface knows.</summary>
    public bool IsLimitedBroadcast => High == 0 && Low == (Mapped | 0xFFFF_FFFF);

    /// <summary>Whether it means something on one link only: 169.254.0.0/16, fe80::/10.</summary>
    public bool IsLinkLocal => IsIpv4 ? Ipv4 >> 16 == 0xA9FE : High >> 54 == 0x3FA;

    /// <summary>Bytes on the wire.</summary>
    public int Size => IsIpv4 ? Ipv4Size : Ipv6Size;

    public static IpAddress FromIpv4(uint address) => new(0, Mapped | address);

    public static IpAddress ReadIpv4(ReadOnlySpan<byte> source) => FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(source));

    public static IpAddress ReadIpv6(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[sizeof(ulong)..]));

    /// <summary>Writes 4 bytes for version 4, or 16.</summary>
    public void Write(Span<byte> destination)
    {
        if (IsIpv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, Ipv4);
            return;
        }

        WriteIpv6(destination);
    }

    /// <summary>Writes 16 bytes, of version 4 as mapped.</summary>
    public void WriteIpv6(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[sizeof(ulong)..], Low);
    }

    /// <summary>Tells the address as RFC 5952 has it.</summary>
    public override string ToString()
    {
        if (IsIpv4)
        {
            return $"{Ipv4 >> 24}.{(byte)(Ipv4 >> 16)}.{(byte)(Ipv4 >> 8)}.{(byte)Ipv4}";
        }

        Span<byte> bytes = stackalloc byte[Ipv6Size];
        WriteIpv6(bytes);
        return new System.Net.IPAddress(bytes).ToString();
    }

    /// <summary>Reads an address as people write it, of either version.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpAddress address)
    {
        address = default;
        if (!System.Net.IPAddress.TryParse(text, out System.Net.IPAddress? parsed) || text.Contains('%'))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[Ipv6Size];
        parsed.TryWriteBytes(bytes, out int length);
        address = length == Ipv4Size ? ReadIpv4(bytes) : ReadIpv6(bytes);
        return true;
    }
}
