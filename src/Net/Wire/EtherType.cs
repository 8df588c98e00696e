namespace Semitone.Net;

/// <summary>What an Ethernet frame carries (IANA, IEEE 802 Numbers).</summary>
public enum EtherType : ushort
{
    Ipv4 = 0x0800,
    Arp = 0x0806,
    Ipv6 = 0x86DD,
}
