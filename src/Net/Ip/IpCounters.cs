namespace Semitone.Net;

/// <summary>What IP has seen, of one version, by the MIB's names that Linux prints (/proc/net/snmp, RFC 4293).</summary>
public sealed class IpCounters
{
    public long InReceives { get; internal set; }

    public long InHdrErrors { get; internal set; }

    public long InAddrErrors { get; internal set; }

    public long InUnknownProtos { get; internal set; }

    public long InDiscards { get; internal set; }

    public long InDelivers { get; internal set; }

    public long OutRequests { get; internal set; }

    public long OutDiscards { get; internal set; }

    public long OutNoRoutes { get; internal set; }

    public long ReasmTimeout { get; internal set; }

    public long ReasmReqds { get; internal set; }

    public long ReasmOks { get; internal set; }

    public long ReasmFails { get; internal set; }

    public long FragOks { get; internal set; }

    public long FragFails { get; internal set; }

    public long FragCreates { get; internal set; }
}
