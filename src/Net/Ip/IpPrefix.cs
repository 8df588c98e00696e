namespace Semitone.Net;

/// <summary>Addresses that begin with the same bits.</summary>
public readonly record struct IpPrefix
{
    private const int MappedBits = 96;

    private readonly ulong _maskHigh;
    private readonly ulong _maskLow;

    /// <param name="address">Any of them; the other bits are forgotten.</param>
    /// <param name="length">Bits: 0 to 32, or 128 for IPv6.</param>
    public IpPrefix(IpAddress address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, address.IsIpv4 ? 32u : 128u);
        Length = length;
        int bits = address.IsIpv4 ? length + MappedBits : length;
        _maskHigh = MaskOf(Math.Min(bits, 64));
        _maskLow = MaskOf(Math.Max(bits - 64, 0));
        Address = new IpAddress(address.High & _maskHigh, address.Low & _maskLow);
        IsIpv4 = address.IsIpv4;
    }

    /// <summary>The first of them.</summary>
    public IpAddress Address { get; }

    /// <summary>Bits, of 32 or 128.</summary>
    public int Length { get; }

    public bool IsIpv4 { get; }

    /// <summary>The bits of an IPv4 address that all of them share.</summary>
    public uint Ipv4Mask => (uint)_maskLow;

    /// <summary>Everything of IPv4.</summary>
    public static IpPrefix Ipv4Default => new(IpAddress.Ipv4Any, 0);

    /// <summary>Everything of IPv6.</summary>
    public static IpPrefix Ipv6Default => new(IpAddress.Ipv6Any, 0);

    public bool Contains(IpAddress address) =>
        (address.High & _maskHigh) == Address.High && (address.Low & _maskLow) == Address.Low && address.IsIpv4 == IsIpv4;

    /// <summary>The last of them: of IPv4 its broadcast address.</summary>
    public IpAddress Last => new(Address.High | ~_maskHigh, Address.Low | ~_maskLow);

    public override string ToString() => $"{Address}/{Length}";

    private static ulong MaskOf(int bits) => bits == 0 ? 0 : ulong.MaxValue << (64 - bits);
}
