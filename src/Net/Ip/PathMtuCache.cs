namespace Semitone.Net;

/// <summary>What is known of paths that let less through than their first link (RFC 1191, RFC 8201).</summary>
internal sealed class PathMtuCache
{
    /// <summary>Linux's net.ipv4.route.min_pmtu: a lie about less would only make many packets.</summary>
    public const int LeastIpv4 = 552;

    /// <summary>What every link of IPv6 must take (RFC 8200, 5).</summary>
    public const int LeastIpv6 = 1280;

    private const int Limit = 512;

    /// <summary>After so long the path is tried again (RFC 1191, 6.3: ten minutes).</summary>
    private const long LifetimeNs = 600_000_000_000;

    private readonly Dictionary<IpAddress, Entry> _entries = [];

    /// <summary>When <see cref="Expire"/> may have something to do.</summary>
    public long NextExpiryNs { get; private set; } = long.MaxValue;

    /// <summary>Takes note of a path's MTU.</summary>
    /// <returns>Whether anything has changed.</returns>
    public bool Lower(IpAddress destination, int mtu, long nowNs)
    {
        mtu = Math.Max(mtu, destination.IsIpv4 ? LeastIpv4 : LeastIpv6);
        if (_entries.TryGetValue(destination, out Entry known) && known.Mtu <= mtu && nowNs < known.ValidUntilNs)
        {
            return false;
        }

        if (_entries.Count >= Limit && !_entries.ContainsKey(destination))
        {
            RemoveOldest();
        }

        _entries[destination] = new Entry(mtu, nowNs + LifetimeNs);
        NextExpiryNs = Math.Min(NextExpiryNs, nowNs + LifetimeNs);
        return true;
    }

    /// <summary>Gets what a packet may have, of what the link allows.</summary>
    public int Limited(IpAddress destination, int linkMtu) =>
        _entries.Count != 0 && _entries.TryGetValue(destination, out Entry entry) ? Math.Min(entry.Mtu, linkMtu) : linkMtu;

    /// <summary>Forgets what is too old.</summary>
    /// <returns>Whether anything was.</returns>
    public bool Expire(long nowNs)
    {
        if (nowNs < NextExpiryNs)
        {
            return false;
        }

        int count = _entries.Count;
        NextExpiryNs = long.MaxValue;
        foreach ((IpAddress destination, Entry entry) in _entries)
        {
            if (entry.ValidUntilNs <= nowNs)
            {
                _entries.Remove(destination);
            }
            else
            {
                NextExpiryNs = Math.Min(NextExpiryNs, entry.ValidUntilNs);
            }
        }

        return _entries.Count != count;
    }

    private void RemoveOldest()
    {
        IpAddress oldest = default;
        long time = long.MaxValue;
        foreach ((IpAddress destination, Entry entry) in _entries)
        {
            if (entry.ValidUntilNs < time)
            {
                (oldest, time) = (destination, entry.ValidUntilNs);
            }
        }

        _entries.Remove(oldest);
    }

    private readonly record struct Entry(int Mtu, long ValidUntilNs);
}
