namespace Semitone.Net;

/// <summary>What there is to know of a connection (TCP_INFO, /proc/net/tcp). Times are in nanoseconds.</summary>
public readonly record struct TcpInfo
{
    public TcpState State { get; init; }

    /// <summary>0 open, 3 recovery, 4 loss, as Linux counts.</summary>
    public byte CongestionState { get; init; }

    public byte Retransmits { get; init; }

    public byte Probes { get; init; }

    public byte Backoff { get; init; }

    public bool HasTimestamps { get; init; }

    public bool HasSack { get; init; }

    public bool HasWindowScale { get; init; }

    public byte SendScale { get; init; }

    public byte ReceiveScale { get; init; }

    public long TimeoutNs { get; init; }

    public long AckTimeoutNs { get; init; }

    public int SendSegmentSize { get; init; }

    public int ReceiveSegmentSize { get; init; }

    public int AdvertisedSegmentSize { get; init; }

    /// <summary>Segments in flight, of them sacked, and lost.</summary>
    public int Unacknowledged { get; init; }

    public int Sacked { get; init; }

    public int Lost { get; init; }

    public long LastDataSentAgoNs { get; init; }

    public long LastReceivedAgoNs { get; init; }

    public int PathMtu { get; init; }

    public long RttNs { get; init; }

    public long RttVariationNs { get; init; }

    public long MinimumRttNs { get; init; }

    /// <summary>In segments.</summary>
    public int SlowStartThreshold { get; init; }

    public int CongestionWindow { get; init; }

    /// <summary>Bytes.</summary>
    public int ReceiveSpace { get; init; }

    public int TotalRetransmissions { get; init; }

    public long BytesAcknowledged { get; init; }

    public long BytesReceived { get; init; }

    public long BytesSent { get; init; }

    public long BytesRetransmitted { get; init; }

    public int NotSentBytes { get; init; }

    public int SendWindow { get; init; }

    public int ReceiveWindow { get; init; }

    /// <summary>Which timer runs, as /proc/net/tcp tells it: 0 none, 1 retransmission, 2 keep-alive, 4 window probe.</summary>
    public byte Timer { get; init; }

    /// <summary>When it expires; 0 for none.</summary>
    public long TimerNs { get; init; }
}
