namespace Semitone.Net;

/// <summary>Which types of ICMPv6 an endpoint does not want (struct icmp6_filter).</summary>
public sealed class Icmpv6Filter
{
    private readonly uint[] _blocked = new uint[8];

    /// <summary>The eight words of <c>struct icmp6_filter</c>: a bit for each type that is blocked.</summary>
    public Span<uint> Words => _blocked;

    public bool Blocks(byte type) => (_blocked[type >> 5] & (1u << (type & 31))) != 0;
}
