namespace Semitone.Net;

/// <summary>Chooses ephemeral ports (RFC 6056): one for each protocol.</summary>
/// <remarks>
/// With a known peer the search begins at a secret hash of the two addresses and goes on from there by a counter of its own (algorithm 4
/// of RFC 6056, 3.3.4: double hash), so that ports to one peer follow one another, come back late, and tell nothing to others. Without one it begins
/// anywhere (algorithm 1).
/// </remarks>
public sealed class PortAllocator
{
    private const int CounterCount = 1024;

    private readonly INetworkRandom _random;
    private readonly ulong _offsetKey;
    private readonly ulong _counterKey;
    private readonly ushort[] _counters = new ushort[CounterCount];
    private ushort _first = 32768;
    private ushort _last = 60999;

    public PortAllocator(INetworkRandom random)
    {
        _random = random;
        _offsetKey = random.NextUInt64();
        _counterKey = random.NextUInt64();
    }

    /// <summary>The first and the last port of the range (net.ipv4.ip_local_port_range): 32768 to 60999.</summary>
    public (ushort First, ushort Last) Range
    {
        get => (_first, _last);
        set
        {
            ArgumentOutOfRangeException.ThrowIfZero(value.First);
            ArgumentOutOfRangeException.ThrowIfLessThan(value.Last, value.First);
            (_first, _last) = value;
        }
    }

    /// <summary>Finds a port that is free for a purpose. The caller takes it before anybody else asks.</summary>
    /// <returns>False when the range is used up: EADDRINUSE for bind(2), EADDRNOTAVAIL for connect(2).</returns>
    public bool TryChoose(IPortUse use, in PortRequest request, out ushort port)
    {
        uint count = (uint)(_last - _first + 1);
        uint start;
        int counter = -1;
        if (request.RemotePort == 0)
        {
            start = (uint)(_random.NextUInt64() >> 32);
        }
        else
        {
            counter = (int)(SeededHash.Of(_counterKey, request.Binding.Address, request.RemoteAddress, request.RemotePort) % CounterCount);
            start = SeededHash.Of(_offsetKey, request.Binding.Address, request.RemoteAddress, request.RemotePort) + _counters[counter];
        }

        start %= count;
        for (uint i = 0; i < count; i++)
        {
            port = (ushort)(_first + (start + i) % count);
            if (use.IsPortFree(port, request))
            {
                if (counter >= 0)
                {
                    _counters[counter] += (ushort)(i + 1);
                }

                return true;
            }
        }

        port = 0;
        return false;
    }
}
