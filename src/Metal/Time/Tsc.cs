using Semitone.Metal.Cpu;
using Semitone.Metal.Devices;

namespace Semitone.Metal.Time;

/// <summary>How fast the time-stamp counter runs.</summary>
/// <remarks>
/// The CPU or the hypervisor says so where they can. Otherwise the programmable interval timer does: a quarter of a
/// millisecond gives a first estimate, and when the kernel is up the same count, long since started, gives a good one.
/// </remarks>
// SAFETY: the buffer for CPUID is four words on the stack, as cpuid_leaf writes them.
internal static unsafe class Tsc
{
    private const ulong PitHertz = 1_193_182;
    private const ulong PitPeriod = 65536;
    private const ulong FirstWindow = PitHertz / 4000;
    private const ushort PitChannel0 = 0x40;
    private const ushort PitControl = 0x43;
    private const ulong FallbackHertz = 1_000_000_000;

    private static ulong s_pitStart;
    private static ulong s_tscStart;
    private static bool s_usesPit;

    /// <summary>The counter when the machine booted: the monotonic clock's zero.</summary>
    internal static ulong BootTicks { get; private set; }

    internal static ulong Hertz { get; private set; }

    /// <summary>Nanoseconds are <c>ticks * Multiplier >> Shift</c>.</summary>
    internal static uint Multiplier { get; private set; }

    internal static int Shift { get; private set; }

    internal static void Initialize()
    {
        BootTicks = Instructions.ReadTsc();
        ulong known = AskProcessor();
        LocalApic.StartCalibration();
        if (known != 0)
        {
            SetHertz(known);
            if (!Features.HasTscDeadline)
            {
                ulong until = BootTicks + known / 4000;
                while (Instructions.ReadTsc() < until)
                {
                }
            }

            LocalApic.EndCalibration(Instructions.ReadTsc() - BootTicks);
            return;
        }

        // Channel 0, both bytes, rate generator, the longest period (8254 data sheet). The host may take the CPU away in
        // the middle of it; then once more.
        Instructions.Out8(PitControl, 0x34);
        Instructions.Out8(PitChannel0, 0);
        Instructions.Out8(PitChannel0, 0);
        ulong elapsed = 0;
        ulong ticks = 0;
        for (int round = 0; round < 5 && !s_usesPit; round++)
        {
            s_pitStart = ReadPit();
            s_tscStart = Instructions.ReadTsc();
            elapsed = 0;
            for (int attempts = 0; attempts < 100_000 && elapsed < FirstWindow; attempts++)
            {
                elapsed = (s_pitStart - ReadPit()) & (PitPeriod - 1);
            }

            ticks = Instructions.ReadTsc() - s_tscStart;
            s_usesPit = elapsed >= FirstWindow && elapsed < FirstWindow * 8;
        }

        LocalApic.EndCalibration(Instructions.ReadTsc() - BootTicks);
        if (!s_usesPit)
        {
            Serial.Write("[    0.000000] Warning: [metal] no timer to measure the TSC with: taking it for 1 GHz\n");
        }

        SetHertz(s_usesPit ? ticks * PitHertz / elapsed : FallbackHertz);
    }

    /// <summary>Takes the estimate again over all the time since <see cref="Initialize"/>.</summary>
    internal static void Refine()
    {
        if (!s_usesPit)
        {
            return;
        }

        // The count has wrapped a number of times that the first estimate is good enough to tell.
        ulong pit = ReadPit();
        ulong ticks = Instructions.ReadTsc() - s_tscStart;
        ulong phase = (s_pitStart - pit) & (PitPeriod - 1);
        ulong estimate = ticks / (Hertz / PitHertz + 1);
        ulong wraps = estimate < phase ? 0 : (estimate - phase + PitPeriod / 2) / PitPeriod;
        ulong elapsed = phase + wraps * PitPeriod;
        ulong refined = elapsed == 0 ? 0 : ticks / elapsed * PitHertz + ticks % elapsed * PitHertz / elapsed;
        s_usesPit = false;

        // A reading that contradicts the first one by a tenth is a disturbance, not a refinement.
        if (refined > Hertz - Hertz / 10 && refined < Hertz + Hertz / 10)
        {
            SetHertz(refined);
        }
    }

    private static ulong ReadPit()
    {
        Instructions.Out8(PitControl, 0x00); // latch channel 0
        ulong low = Instructions.In8(PitChannel0);
        return low | ((ulong)Instructions.In8(PitChannel0) << 8);
    }

    private static void SetHertz(ulong hertz)
    {
        Hertz = hertz;
        int shift = 32;
        while (shift > 0 && (1_000_000_000UL << shift) / hertz > uint.MaxValue)
        {
            shift--;
        }

        Shift = shift;
        Multiplier = (uint)((1_000_000_000UL << shift) / hertz);
    }

    /// <summary>The frequency from CPUID, or 0: leaf 0x15 (crystal and ratio), or the hypervisor's leaf 0x40000010 (kHz).</summary>
    private static ulong AskProcessor()
    {
        uint* r = stackalloc uint[4];
        if (Features.HypervisorMaximum >= 0x4000_0010)
        {
            Instructions.Cpuid(0x4000_0010, 0, r);
            if (r[0] != 0)
            {
                return (ulong)r[0] * 1000;
            }
        }

        Instructions.Cpuid(0, 0, r);
        if (r[0] >= 0x15)
        {
            Instructions.Cpuid(0x15, 0, r);
            if (r[0] != 0 && r[1] != 0 && r[2] != 0)
            {
                return (ulong)r[2] * r[1] / r[0];
            }
        }

        return 0;
    }
}
