using Semitone.Metal.Cpu;

namespace Semitone.Metal.Runtime;

/// <summary>Random bytes from the CPU, or from its timing where it has no source.</summary>
// SAFETY: callers give buffers of at least the length they say.
internal static unsafe class Entropy
{
    private const int Attempts = 16;

    private static ulong s_state;

    internal static void Fill(byte* destination, long count)
    {
        while (count > 0)
        {
            ulong word = Next();
            for (int i = 0; i < 8 && count > 0; i++, count--)
            {
                *destination++ = (byte)word;
                word >>= 8;
            }
        }
    }

    private static ulong Next()
    {
        ulong value;
        for (int i = 0; i < Attempts && Features.HasRdseed; i++)
        {
            if (Instructions.ReadSeed(&value) != 0)
            {
                return value;
            }
        }

        for (int i = 0; i < Attempts && Features.HasRdrand; i++)
        {
            if (Instructions.ReadRandom(&value) != 0)
            {
                return value;
            }
        }

        // No hardware source: mix the low bits of many time-stamp readings (the finaliser of SplitMix64).
        for (int i = 0; i < 64; i++)
        {
            s_state += Instructions.ReadTsc() + 0x9E37_79B9_7F4A_7C15;
            s_state = (s_state ^ (s_state >> 30)) * 0xBF58_476D_1CE4_E5B9;
            s_state = (s_state ^ (s_state >> 27)) * 0x94D0_49BB_1331_11EB;
            s_state ^= s_state >> 31;
        }

        return s_state;
    }
}
