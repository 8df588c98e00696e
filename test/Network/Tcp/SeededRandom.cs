using Semitone.Net;

namespace Semitone.Network.Tcp;

/// <summary>Random numbers that a seed repeats (SplitMix64).</summary>
internal sealed class SeededRandom(ulong seed) : INetworkRandom
{
    private ulong _state = seed;

    public ulong NextUInt64()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    public int Next(int bound) => (int)(NextUInt64() % (ulong)bound);

    public bool Chance(double probability) => (NextUInt64() >> 11) * (1.0 / (1UL << 53)) < probability;
}
