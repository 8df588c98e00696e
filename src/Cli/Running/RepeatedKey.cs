namespace Semitone.Cli.Running;

/// <summary>Recognises a key, or a signal, that comes three times within a second: somebody wants out.</summary>
internal sealed class RepeatedKey
{
    private const int Count = 3;
    private const long WindowMs = 1000;

    private readonly long[] _times = new long[Count];
    private int _next;
    private int _seen;

    /// <summary>Takes note of one.</summary>
    /// <param name="nowMs">The time, from any fixed moment.</param>
    /// <returns>True when it was the third within a second.</returns>
    public bool Add(long nowMs)
    {
        lock (_times)
        {
            _times[_next] = nowMs;
            _next = (_next + 1) % Count;
            _seen = Math.Min(_seen + 1, Count);

            // The place that comes next holds the oldest.
            return _seen == Count && nowMs - _times[_next] <= WindowMs;
        }
    }
}
