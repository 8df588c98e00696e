namespace Semitone.Net;

/// <summary>What a listener's handshake has agreed on, from its record or from a cookie.</summary>
internal readonly record struct Handshake
{
    public required ConnectionKey Key { get; init; }

    /// <summary>The interface that the listener is bound to; 0 for none.</summary>
    public int BoundInterface { get; init; }

    public required SequenceNumber InitialSend { get; init; }

    public required SequenceNumber InitialReceive { get; init; }

    /// <summary>The window that our SYN has announced, not scaled.</summary>
    public required int AnnouncedWindow { get; init; }

    public required int PeerSegmentSize { get; init; }

    public byte SendScale { get; init; }

    public byte ReceiveScale { get; init; }

    public bool HasSack { get; init; }

    public bool HasTimestamps { get; init; }

    public uint TimestampOffset { get; init; }

    public uint RecentTimestamp { get; init; }

    /// <summary>When our SYN was sent; negative where it is not known.</summary>
    public required long SentNs { get; init; }

    public int Retransmissions { get; init; }
}
