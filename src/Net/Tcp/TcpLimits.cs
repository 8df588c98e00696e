namespace Semitone.Net;

/// <summary>How much of everything there may be. What a peer or a guest can make grow stands here.</summary>
public sealed record TcpLimits
{
    /// <summary>Connections, half-open ones apart.</summary>
    public int Connections { get; init; } = 65536;

    /// <summary>SYN records of all listeners; beyond, cookies.</summary>
    public int HalfOpen { get; init; } = 4096;

    /// <summary>Records of connections in TIME-WAIT; beyond, there is none (Linux: tcp_max_tw_buckets).</summary>
    public int TimeWait { get; init; } = 16384;

    /// <summary>Connections that nobody has open any more and that still have something to send; beyond, they are reset.</summary>
    public int Orphans { get; init; } = 8192;

    /// <summary>Bytes of data that waits for being sent or acknowledged, of all connections.</summary>
    public long SendBytes { get; init; } = 16 << 20;

    /// <summary>Bytes of packets that wait for being read, of all connections: less than the links have buffers.</summary>
    public long ReceiveBytes { get; init; } = 16 << 20;

    /// <summary>Records of segments in flight, of all connections.</summary>
    public int SentSegments { get; init; } = 65536;

    /// <summary>Bytes that a connection may send at first, and at most (tcp(7), tcp_wmem).</summary>
    public int SendBuffer { get; init; } = 16384;

    public int LargestSendBuffer { get; init; } = 4 << 20;

    /// <summary>Bytes of packets that a connection keeps at first, and at most; data has half of them (tcp(7), tcp_rmem).</summary>
    public int ReceiveBuffer { get; init; } = 131072;

    public int LargestReceiveBuffer { get; init; } = 6 << 20;

    /// <summary>Whether as many bytes of memory can be had for a buffer or a record; null where one need not ask.</summary>
    public Func<long, bool>? HasRoom { get; init; }
}
