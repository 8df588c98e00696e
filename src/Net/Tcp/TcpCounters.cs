namespace Semitone.Net;

/// <summary>How often what has happened (<see cref="TcpCounter"/>).</summary>
public sealed class TcpCounters
{
    private readonly long[] _values = new long[(int)TcpCounter.TCPSpuriousRTOs + 1];

    public long this[TcpCounter counter] => _values[(int)counter];

    internal void Add(TcpCounter counter, int count = 1) => _values[(int)counter] += count;
}
