namespace Semitone.Net;

/// <summary>The groups that an interface listens to, each as often as it was joined.</summary>
internal sealed class MulticastGroups
{
    private const int Limit = 1024;

    private readonly Dictionary<IpAddress, int> _counts = [];

    public int Count => _counts.Count;

    public Dictionary<IpAddress, int>.KeyCollection Groups => _counts.Keys;

    public bool Contains(IpAddress group) => _counts.ContainsKey(group);

    /// <summary>Joins a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="isNew">Whether nobody had joined it.</param>
    /// <returns>False when there are too many.</returns>
    public bool TryJoin(IpAddress group, out bool isNew)
    {
        isNew = !_counts.TryGetValue(group, out int count);
        if (isNew && _counts.Count == Limit)
        {
            return false;
        }

        _counts[group] = count + 1;
        return true;
    }

    /// <summary>Leaves a group.</summary>
    /// <returns>Whether that was the last who had joined it.</returns>
    public bool Leave(IpAddress group)
    {
        if (!_counts.TryGetValue(group, out int count))
        {
            return false;
        }

        if (count > 1)
        {
            _counts[group] = count - 1;
            return false;
        }

        return _counts.Remove(group);
    }
}
