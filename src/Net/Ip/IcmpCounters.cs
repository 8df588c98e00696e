namespace Semitone.Net;

/// <summary>What ICMP has seen, of one version, by the MIB's names that Linux prints.</summary>
public sealed class IcmpCounters
{
    public long InMsgs { get; internal set; }

    public long InErrors { get; internal set; }

    public long InCsumErrors { get; internal set; }

    public long InEchos { get; internal set; }

    public long InEchoReps { get; internal set; }

    public long OutMsgs { get; internal set; }

    public long OutErrors { get; internal set; }

    public long OutRateLimited { get; internal set; }
}
