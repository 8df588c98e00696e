using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;
using Semitone.Metal.Time;

namespace Semitone.Metal.Devices;

/// <summary>The local APIC: the CPU's timer, and the end of every interrupt (Intel SDM Vol. 3A, chapter 11).</summary>
// SAFETY: the page was mapped uncached by Initialize before any access; every register lies within it.
internal static unsafe class LocalApic
{
    internal const uint TimerVector = 48;
    internal const uint SpuriousVector = 63;

    private const uint ApicBaseMsr = 0x1B;
    private const uint TscDeadlineMsr = 0x6E0;

    // Of the APIC base MSR: the registers are MSRs and not in memory (x2APIC); and the APIC is on at all.
    private const ulong UseMsrs = 1 << 10;
    private const ulong Enabled = 1 << 11;
    private const uint SpuriousRegister = 0xF0;
    private const uint EndOfInterruptRegister = 0xB0;
    private const uint TaskPriorityRegister = 0x80;
    private const uint TimerRegister = 0x320;
    private const uint Lint0Register = 0x350;
    private const uint Lint1Register = 0x360;
    private const uint InitialCountRegister = 0x380;
    private const uint CurrentCountRegister = 0x390;
    private const uint DivideRegister = 0x3E0;
    private const uint DivideByOne = 0xB;
    private const uint DeliverNmi = 4 << 8;
    private const uint Masked = 1 << 16;
    private const uint TscDeadlineMode = 2 << 17;

    private static ulong s_base;
    private static ulong s_armedTicks = ulong.MaxValue;

    /// <summary>Counts of the timer for 2^20 ticks of the TSC.</summary>
    private static ulong s_countsPerMegaTick;

    internal static uint CurrentCount => Read(CurrentCountRegister);

    internal static uint Id => Read(0x20) >> 24;

    internal static void Initialize()
    {
        ulong apicBase = Instructions.ReadMsr(ApicBaseMsr);
        s_base = PageTables.MapDevice(apicBase & 0x000F_FFFF_FFFF_F000);
        if ((apicBase & UseMsrs) != 0)
        {
            Instructions.WriteMsr(ApicBaseMsr, apicBase & ~(Enabled | UseMsrs)); // the only way from x2APIC to xAPIC mode (11.12.5)
        }

        Instructions.WriteMsr(ApicBaseMsr, (apicBase & ~UseMsrs) | Enabled);
        Write(SpuriousRegister, 0x100 | SpuriousVector);
        Write(TaskPriorityRegister, 0);

        // The 8259s are of no use here, and firmware may have left them open. Shut before the pin that they are at: QEMU keeps a request that came through an open pin pending
        // until it is withdrawn through one, and would deliver it, without a vector, as a general protection fault of the first program.
        Instructions.Out8(0x21, 0xFF);
        Instructions.Out8(0xA1, 0xFF);
        Write(Lint0Register, Masked);
        Write(Lint1Register, DeliverNmi); // where PCs, and QEMU's monitor, have the NMI line
        if (Features.HasTscDeadline)
        {
            Write(TimerRegister, TscDeadlineMode | TimerVector);
        }
        else
        {
            Write(DivideRegister, DivideByOne);
            Write(TimerRegister, Masked | TimerVector);
        }
    }

    internal static void StartCalibration()
    {
        if (!Features.HasTscDeadline)
        {
            Write(InitialCountRegister, uint.MaxValue);
        }
    }

    internal static void EndCalibration(ulong elapsedTicks)
    {
        if (Features.HasTscDeadline)
        {
            return;
        }

        uint counted = uint.MaxValue - CurrentCount;
        Write(InitialCountRegister, 0);
        Write(TimerRegister, TimerVector);
        s_countsPerMegaTick = ((ulong)counted << 20) / (elapsedTicks == 0 ? 1 : elapsedTicks);
        if (s_countsPerMegaTick == 0)
        {
            s_countsPerMegaTick = 1;
        }
    }

    /// <summary>Sets the one timer of this CPU: an interrupt at or soon after a TSC value, none for the largest.</summary>
    internal static void SetTimer(ulong ticks)
    {
        if (ticks == s_armedTicks && ticks == ulong.MaxValue)
        {
            return;
        }

        s_armedTicks = ticks;
        if (Features.HasTscDeadline)
        {
            Instructions.WriteMsr(TscDeadlineMsr, ticks == ulong.MaxValue ? 0 : ticks == 0 ? 1 : ticks);
            return;
        }

        if (ticks == ulong.MaxValue)
        {
            Write(InitialCountRegister, 0);
            return;
        }

        ulong now = Instructions.ReadTsc();
        ulong distance = ticks > now ? ticks - now : 0;

        // A timer that fires early is set again by whoever waits.
        ulong counts = distance >> 42 != 0 ? uint.MaxValue : (distance * s_countsPerMegaTick >> 20) + 1;
        Write(InitialCountRegister, counts > uint.MaxValue ? uint.MaxValue : (uint)counts);
    }

    internal static void EndInterrupt() => Write(EndOfInterruptRegister, 0);

    /// <summary>Notes that the timer has fired, so that the next deadline arms it anew.</summary>
    internal static void TimerFired() => s_armedTicks = ulong.MaxValue;

    private static uint Read(uint register) => *(uint*)(s_base + register);

    private static void Write(uint register, uint value) => *(uint*)(s_base + register) = value;
}
