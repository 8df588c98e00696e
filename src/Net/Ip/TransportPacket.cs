namespace Semitone.Net;

/// <summary>What a transport hands to IP for sending, in the pieces in which it lies. Nothing is kept.</summary>
public readonly ref struct TransportPacket
{
    public required IpProtocol Protocol { get; init; }

    /// <summary>The transport's header. IP fills in its checksum, or leaves that to the link.</summary>
    public required Span<byte> Header { get; init; }

    /// <summary>Where in the header the checksum is; -1 for none.</summary>
    public int ChecksumOffset { get; init; }

    public ReadOnlySpan<byte> Payload { get; init; }

    public ReadOnlySpan<byte> MorePayload { get; init; }

    /// <summary>Bytes of payload in each packet that this is to be cut into, by TCP's rules; 0 for one packet.</summary>
    public int SegmentSize { get; init; }

    /// <summary>TTL or hop limit; 0 for the usual one.</summary>
    public byte HopLimit { get; init; }

    /// <summary>TOS or traffic class, with the ECN bits (RFC 3168).</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Whether the packet may not be fragmented, here or on its way: <see cref="NetworkError.MessageTooLong"/> instead.</summary>
    public bool DontFragment { get; init; }

    /// <summary>Whether a packet to a group or to all comes back to this host too, if it is one of them (IP_MULTICAST_LOOP).</summary>
    public bool LoopsBack { get; init; }
}
