namespace Semitone.Net;

/// <summary>How many ICMP errors are sent (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f): a bucket for all, and one for each peer.</summary>
/// <remarks>The rates are Linux's: 1000 a second with a burst of 50 in all, one a second with a burst of 6 to one peer.</remarks>
internal sealed class IcmpRateLimiter
{
    private const long OneNs = 1_000_000;
    private const long Burst = 50;
    private const long PeerOneNs = 1_000_000_000;
    private const long PeerBurst = 6;
    private const int PeerCount = 256;
    private const long Never = long.MinValue / 2;

    private readonly ulong _key;
    private readonly long[] _peers = new long[PeerCount];
    private long _all = Never;

    public IcmpRateLimiter(INetworkRandom random)
    {
        _key = random.NextUInt64();
        _peers.AsSpan().Fill(Never);
    }

    /// <summary>Takes the right to send one.</summary>
    public bool TryTake(IpAddress destination, long nowNs)
    {
        ref long peer = ref _peers[SeededHash.Of(_key, destination) % PeerCount];
        if (!CanTake(_all, OneNs, Burst, nowNs) || !CanTake(peer, PeerOneNs, PeerBurst, nowNs))
        {
            return false;
        }

        _all = Math.Max(_all, nowNs - Burst * OneNs) + OneNs;
        peer = Math.Max(peer, nowNs - PeerBurst * PeerOneNs) + PeerOneNs;
        return true;
    }

    /// <summary>A bucket is the time at which it was last empty: what has passed since is what it holds.</summary>
    private static bool CanTake(long emptyNs, long oneNs, long burst, long nowNs) => Math.Max(emptyNs, nowNs - burst * oneNs) + oneNs <= nowNs;
}
