namespace Semitone.Net;

/// <summary>What a program may choose for a connection (tcp(7), socket(7)); a listener's connections begin with the listener's.</summary>
/// <remarks>A value: get it, change it, and hand it back (<see cref="TcpConnection.Apply"/>). The default is <see cref="Default"/>.</remarks>
public struct TcpSettings
{
    private const long SecondNs = 1_000_000_000;

    /// <summary>Linux's defaults (tcp(7)).</summary>
    public static TcpSettings Default => new()
    {
        KeepIdleNs = 7200 * SecondNs,
        KeepIntervalNs = 75 * SecondNs,
        KeepProbes = 9,
        SynRetries = 6,
        FinWait2Ns = 60 * SecondNs,
        ReceiveLowWater = 1,
    };

    /// <summary>TCP_NODELAY.</summary>
    public bool IsNoDelay { get; set; }

    /// <summary>TCP_CORK.</summary>
    public bool IsCorked { get; set; }

    /// <summary>SO_KEEPALIVE.</summary>
    public bool IsKeptAlive { get; set; }

    /// <summary>SO_OOBINLINE.</summary>
    public bool IsUrgentInline { get; set; }

    /// <summary>TCP_KEEPCNT: probes without answer until a connection is given up; 1 to 127.</summary>
    public byte KeepProbes { get; set; }

    /// <summary>TCP_SYNCNT: how often a SYN is sent again; 1 to 127.</summary>
    public byte SynRetries { get; set; }

    /// <summary>TCP_CONGESTION.</summary>
    public TcpCongestion Congestion { get; set; }

    /// <summary>IP_TTL, IPV6_UNICAST_HOPS; 0 for the usual one.</summary>
    public byte HopLimit { get; set; }

    /// <summary>IP_TOS, IPV6_TCLASS.</summary>
    public byte TrafficClass { get; set; }

    /// <summary>TCP_KEEPIDLE.</summary>
    public long KeepIdleNs { get; set; }

    /// <summary>TCP_KEEPINTVL.</summary>
    public long KeepIntervalNs { get; set; }

    /// <summary>TCP_USER_TIMEOUT; 0 for the usual one.</summary>
    public long UserTimeoutNs { get; set; }

    /// <summary>TCP_LINGER2: how long FIN-WAIT-2 lasts without a socket; negative: it is reset at once.</summary>
    public long FinWait2Ns { get; set; }

    /// <summary>TCP_DEFER_ACCEPT: how long a listener waits for data; 0 for not.</summary>
    public long DeferAcceptNs { get; set; }

    /// <summary>TCP_MAXSEG: the largest segment, either way; 0 for what the path takes.</summary>
    public int MaximumSegmentSize { get; set; }

    /// <summary>TCP_WINDOW_CLAMP; 0 for none.</summary>
    public int WindowClamp { get; set; }

    /// <summary>TCP_NOTSENT_LOWAT: bytes not sent from which on there is no room to write; 0 for none.</summary>
    public int NotSentLowWater { get; set; }

    /// <summary>SO_RCVLOWAT: bytes from which on there is something to read.</summary>
    public int ReceiveLowWater { get; set; }

    /// <summary>SO_SNDBUF, as getsockopt(2) tells it; 0 to let it grow.</summary>
    public int SendBuffer { get; set; }

    /// <summary>SO_RCVBUF, likewise.</summary>
    public int ReceiveBuffer { get; set; }
}
