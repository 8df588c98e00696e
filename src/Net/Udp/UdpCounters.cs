namespace Semitone.Net;

/// <summary>What UDP has seen, by the MIB's names that Linux prints (RFC 4113).</summary>
public sealed class UdpCounters
{
    public long InDatagrams { get; internal set; }

    public long NoPorts { get; internal set; }

    public long InErrors { get; internal set; }

    public long OutDatagrams { get; internal set; }

    public long RcvbufErrors { get; internal set; }

    public long SndbufErrors { get; internal set; }

    public long InCsumErrors { get; internal set; }
}
