using Semitone.Net;

namespace Semitone.Network.Simulation;

/// <summary>Random numbers that a seed repeats (splitmix64).</summary>
public sealed class SeededRandom(ulong seed) : INetworkRandom
{
    private ulong _state = seed;

    public ulong NextUInt64()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>Gets a number from 0 up to, and without, a limit.</summary>
    public int Next(int limit) => (int)(NextUInt64() % (ulong)limit);

    /// <summary>Says yes with a probability.</summary>
    public bool Chance(double probability) => probability > 0 && (NextUInt64() >> 11) * (1.0 / (1UL << 53)) < probability;

    public void Fill(Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)NextUInt64();
        }
    }
}
