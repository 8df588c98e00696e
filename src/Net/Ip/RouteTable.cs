using System.Diagnostics.CodeAnalysis;

namespace Semitone.Net;

/// <summary>The routes, the most specific first.</summary>
/// <remarks>A list, as a host has few: looking through ten costs less than a tree's first step that misses the cache.</remarks>
public sealed class RouteTable
{
    /// <summary>So many routes there may be: who adds them may be a guest.</summary>
    public const int Limit = 1024;

    private readonly List<Route> _routes = [];

    /// <summary>All routes, in the order in which they are tried.</summary>
    public IReadOnlyList<Route> Routes => _routes;

    internal long NextExpiryNs { get; private set; } = long.MaxValue;

    /// <summary>Adds a route.</summary>
    /// <returns>False when it is there already, but for how long it holds, or the table is full.</returns>
    internal bool TryAdd(Route route)
    {
        if (_routes.Count == Limit)
        {
            return false;
        }

        int place = 0;
        for (; place < _routes.Count && Compare(_routes[place], route) <= 0; place++)
        {
            Route other = _routes[place];
            if (other with { ValidUntilNs = route.ValidUntilNs, Origin = route.Origin } == route)
            {
                return false;
            }
        }

        _routes.Insert(place, route);
        NextExpiryNs = Math.Min(NextExpiryNs, route.ValidUntilNs);
        return true;
    }

    internal bool Remove(Route route) => _routes.Remove(route);

    internal int RemoveAll(Predicate<Route> match) => _routes.RemoveAll(match);

    /// <summary>Drops what no longer holds.</summary>
    /// <returns>Whether there was any.</returns>
    internal bool Expire(long nowNs) => nowNs >= NextExpiryNs && RemoveExpired(nowNs);

    private bool RemoveExpired(long nowNs)
    {
        int count = _routes.RemoveAll(route => route.ValidUntilNs <= nowNs);
        NextExpiryNs = long.MaxValue;
        foreach (Route route in _routes)
        {
            NextExpiryNs = Math.Min(NextExpiryNs, route.ValidUntilNs);
        }

        return count != 0;
    }

    /// <summary>Finds the best route to an address over an interface that is up.</summary>
    internal bool TryFind(
        IpAddress destination,
        int interfaceIndex,
        IReadOnlyList<NetworkInterface> interfaces,
        [NotNullWhen(true)] out Route? route)
    {
        foreach (Route candidate in _routes)
        {
            if (candidate.Prefix.Contains(destination)
                && (interfaceIndex == 0 || candidate.InterfaceIndex == interfaceIndex)
                && interfaces[candidate.InterfaceIndex - 1].IsUp)
            {
                route = candidate;
                return true;
            }
        }

        route = null;
        return false;
    }

    private static int Compare(Route left, Route right) =>
        left.Prefix.Length != right.Prefix.Length
            ? right.Prefix.Length.CompareTo(left.Prefix.Length)
            : left.Metric.CompareTo(right.Metric);
}
