using Semitone.Metal.Cpu;

namespace Semitone.Metal.Devices;

/// <summary>
/// Counter 0 of the 8254 interval timer: 1.193182 MHz whatever the machine, and so the measure of the time-stamp counter (8254 data sheet).
/// </summary>
// SAFETY: callers give room for a reading, three words.
internal static unsafe class Pit
{
    private const ushort Counter0 = 0x40;
    private const ushort Control = 0x43;
    private const byte RateGenerator = 0x34; // counter 0, low byte then high byte, mode 2
    private const byte Latch = 0x00;
    private const int Attempts = 3;

    internal static bool IsRunning { get; private set; }

    /// <summary>Lets it count down from 65536, again and again.</summary>
    internal static void Start()
    {
        Instructions.Out8(Control, RateGenerator);
        Instructions.Out8(Counter0, 0);
        Instructions.Out8(Counter0, 0);
        IsRunning = true;
    }

    /// <summary>
    /// Reads how far it has counted, upwards modulo 65536, and the TSC before and after; of a few attempts the one that took the shortest.
    /// </summary>
    /// <remarks>The count is taken at the moment of the latch command: only that stands between the two TSC readings.</remarks>
    internal static void Read(TimerReading* result)
    {
        result->Before = 0;
        result->After = ulong.MaxValue;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            ulong before = Instructions.ReadTsc();
            Instructions.Out8(Control, Latch);
            ulong after = Instructions.ReadTsc();
            uint count = Instructions.In8(Counter0);
            count |= (uint)Instructions.In8(Counter0) << 8;
            if (after - before < result->After - result->Before)
            {
                result->Count = (0x10000 - count) & 0xFFFF;
                result->Before = before;
                result->After = after;
            }
        }
    }
}

/// <summary>A timer's count and the TSC before and after; Machine.X64 reads it by this layout.</summary>
internal struct TimerReading
{
    internal ulong Count;
    internal ulong Before;
    internal ulong After;
}
