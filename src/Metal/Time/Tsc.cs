using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;

namespace Semitone.Metal.Time;

/// <summary>The time-stamp counter: what is known about its rate, and the clock of the runtime that counts by it.</summary>
/// <remarks>
/// Nothing is measured here, and nothing is waited for: where neither the processor nor the hypervisor tells the rate, two readings of the
/// interval timer are taken on the way through the boot, and Machine makes a rate of those and of later ones. Until then the runtime's
/// clock goes by a guess.
/// </remarks>
// SAFETY: the buffer for CPUID is four words on the stack, as cpuid_leaf writes them; static data never moves.
internal static unsafe class Tsc
{
    internal const int SampleCount = 2;

    private const ulong NanosecondsPerSecond = 1_000_000_000;
    private const ulong Guess = 1_000_000_000;

    private static TimerSamples s_samples;
    private static ulong s_baseTicks;
    private static ulong s_baseNs;
    private static ulong s_hertz;
    private static uint s_multiplier;
    private static int s_shift;

    /// <summary>The counter when the machine booted: the monotonic clock's zero.</summary>
    internal static ulong BootTicks { get; private set; }

    /// <summary>What processor or hypervisor say about the rate, in Hz; 0 when they do not.</summary>
    internal static ulong GivenHertz { get; private set; }

    /// <summary>About how fast the counter is, in Hz, to a tenth; 0 when nobody says.</summary>
    internal static ulong RoughHertz { get; private set; }

    internal static void Initialize()
    {
        BootTicks = Instructions.ReadTsc();
        s_baseTicks = BootTicks;
        HypervisorClock.Initialize();
        AskProcessor();
        SetHertz(GivenHertz != 0 ? GivenHertz : RoughHertz != 0 ? RoughHertz : Guess);
        LocalApic.StartCalibration();
        if (GivenHertz == 0 && HypervisorClock.Page == null)
        {
            Pit.Start();
            Pit.Read(Sample(0));
        }
    }

    /// <summary>
    /// Takes the second reading: near enough to the first to tell how often the timer comes round until the third, which Machine takes.
    /// </summary>
    internal static void TakeSecondSample()
    {
        if (Pit.IsRunning)
        {
            Pit.Read(Sample(1));
        }
    }

    internal static TimerReading* Sample(int index)
    {
        fixed (ulong* words = s_samples.Words)
        {
            return (TimerReading*)words + index;
        }
    }

    /// <summary>Lets the runtime's clock go on at another rate.</summary>
    internal static void SetHertz(ulong hertz)
    {
        ulong now = Instructions.ReadTsc();
        if (s_hertz != 0)
        {
            s_baseNs = ToNanoseconds(now);
            s_baseTicks = now;
        }

        s_hertz = hertz;
        int shift = 32;
        while (shift > 0 && (NanosecondsPerSecond << shift) / hertz > uint.MaxValue)
        {
            shift--;
        }

        s_shift = shift;
        s_multiplier = (uint)((NanosecondsPerSecond << shift) / hertz);
    }

    /// <summary>Nanoseconds since boot at a reading of the counter.</summary>
    internal static ulong ToNanoseconds(ulong tsc)
    {
        ulong ticks = tsc - s_baseTicks;
        ulong high = (ticks >> 32) * s_multiplier;
        ulong low = (ticks & uint.MaxValue) * s_multiplier;
        return s_baseNs + (high << (32 - s_shift)) + (low >> s_shift);
    }

    /// <summary>The counter's reading at a time since boot; far in the future for one that is far away.</summary>
    internal static ulong ToDeadline(ulong seconds, ulong nanoseconds)
    {
        ulong ns = seconds > 1_000_000 ? ulong.MaxValue : seconds * NanosecondsPerSecond + nanoseconds;
        return ns <= s_baseNs
            ? s_baseTicks
            : s_baseTicks + ToTicks((ns - s_baseNs) / NanosecondsPerSecond, (ns - s_baseNs) % NanosecondsPerSecond);
    }

    /// <summary>How many ticks a duration is; some centuries for one that is long.</summary>
    internal static ulong ToTicks(ulong seconds, ulong nanoseconds) =>
        seconds > 1_000_000 ? ulong.MaxValue / 4 : seconds * s_hertz + nanoseconds * (s_hertz / 1000) / 1_000_000;

    /// <summary>
    /// The frequency from CPUID: leaf 0x15 (crystal and ratio), leaf 0x16 (the base frequency, rounded to MHz), or the hypervisor's leaf
    /// 0x40000010 (kHz).
    /// </summary>
    private static void AskProcessor()
    {
        uint* r = stackalloc uint[4];
        if (Features.HypervisorMaximum >= 0x4000_0010)
        {
            Instructions.Cpuid(0x4000_0000, 0, r);
            bool isVmware = r[1] == 0x6177_4D56; // "VMwa": its leaf, which KVM has taken over
            bool isKvm = r[1] == 0x4B4D_564B;
            Instructions.Cpuid(0x4000_0010, 0, r);
            if ((isVmware || isKvm) && r[0] != 0)
            {
                GivenHertz = (ulong)r[0] * 1000;
                return;
            }
        }

        Instructions.Cpuid(0, 0, r);
        uint maximum = r[0];
        if (maximum >= 0x15)
        {
            // SDM Vol. 2A, CPUID: TSC frequency = crystal (ECX) * EBX / EAX; none of the three may be 0.
            Instructions.Cpuid(0x15, 0, r);
            if (r[0] != 0 && r[1] != 0 && r[2] != 0)
            {
                GivenHertz = (ulong)r[2] * r[1] / r[0];
            }
        }

        if (maximum >= 0x16 && GivenHertz == 0)
        {
            Instructions.Cpuid(0x16, 0, r);
            RoughHertz = (ulong)(r[0] & 0xFFFF) * 1_000_000;
        }
    }

    private struct TimerSamples
    {
        internal fixed ulong Words[SampleCount * 3];
    }
}
