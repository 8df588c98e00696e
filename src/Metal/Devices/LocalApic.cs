using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;
using Semitone.Metal.Time;

namespace Semitone.Metal.Devices;

/// <summary>The local APIC: the CPU's timer, and the end of every interrupt (Intel SDM Vol. 3A, chapter 10).</summary>
/// <remarks>
/// Its registers lie in memory, or, where firmware has chosen x2APIC mode, are MSRs. That mode stays: firmware can lock it
/// (IA32_XAPIC_DISABLE_STATUS).
/// </remarks>
// SAFETY: the page was mapped uncached by Initialize before any access; every register lies within it.
internal static unsafe class LocalApic
{
    internal const uint TimerVector = 48;
    internal const uint SpuriousVector = 63;

    private const uint ApicBaseMsr = 0x1B;

    /// <summary>In x2APIC mode the register at offset N of the page is the MSR at this plus N / 16 (10.12.1.2).</summary>
    private const uint FirstRegisterMsr = 0x800;

    // Of the APIC base MSR: the registers are MSRs and not in memory (x2APIC); and the APIC is on at all.
    private const ulong UseMsrs = 1 << 10;
    private const ulong Enabled = 1 << 11;
    private const uint IdRegister = 0x20;
    private const uint SpuriousRegister = 0xF0;
    private const uint InServiceRegister = 0x100;
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

    /// <summary>A 256th of the TSC.</summary>
    private const ulong SlowestTimer = 1 << 12;

    private const ulong SpareWindow = 500_000;

    private static DeviceRegister* s_base;
    private static ulong s_armedTicks = ulong.MaxValue;

    /// <summary>
    /// Counts of the timer for 2^20 ticks of the TSC, or a little less: a timer that fires early is set again, one that fires late is late.
    /// </summary>
    /// <remarks>Until it is known, so few that no timer is too fast for them.</remarks>
    private static ulong s_countsPerMegaTick = SlowestTimer;

    private static ulong s_calibrationStart;

    internal static uint CurrentCount => Read(CurrentCountRegister);

    /// <summary>8 bits, or 32 in x2APIC mode.</summary>
    internal static uint Id => s_base == null ? Read(IdRegister) : Read(IdRegister) >> 24;

    internal static void Initialize()
    {
        ulong apicBase = Instructions.ReadMsr(ApicBaseMsr);
        if ((apicBase & UseMsrs) == 0)
        {
            s_base = (DeviceRegister*)PageTables.MapDevice(apicBase & 0x000F_FFFF_FFFF_F000);
            Instructions.WriteMsr(ApicBaseMsr, apicBase | Enabled);
        }

        Write(SpuriousRegister, 0x100 | SpuriousVector);
        Write(TaskPriorityRegister, 0);

        // The 8259s are of no use here, and firmware may have left them open. Shut before the pin that they are at: QEMU keeps a request
        // that came through an open pin pending until it is withdrawn through one, and would deliver it, without a vector, as a general
        // protection fault of the first program.
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

    /// <summary>Lets the timer count, so that <see cref="EndCalibration"/> finds how fast it does.</summary>
    internal static void StartCalibration()
    {
        if (!Features.HasTscDeadline)
        {
            s_calibrationStart = Instructions.ReadTsc();
            Write(InitialCountRegister, uint.MaxValue);
        }
    }

    /// <summary>Compares the timer with the TSC over the time since <see cref="StartCalibration"/>.</summary>
    /// <remarks>
    /// However long the two were held up by the host, the timer has counted at least so many ticks' worth as lie between the outer
    /// readings.
    /// </remarks>
    internal static void EndCalibration()
    {
        if (Features.HasTscDeadline)
        {
            return;
        }

        if (s_calibrationStart == 0 || CurrentCount == 0)
        {
            // Somebody had to wait meanwhile and needed the timer, or it has run out: measure it now.
            StartCalibration();
            while (Instructions.ReadTsc() - s_calibrationStart < SpareWindow)
            {
            }
        }

        uint left = CurrentCount;
        ulong elapsed = Instructions.ReadTsc() - s_calibrationStart;
        Write(InitialCountRegister, 0);
        Write(TimerRegister, TimerVector);
        s_calibrationStart = 0;
        s_countsPerMegaTick = ((ulong)(uint.MaxValue - left) << 20) / elapsed;
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
            Instructions.WriteTscDeadline(ticks == ulong.MaxValue ? 0 : ticks == 0 ? 1 : ticks);
            return;
        }

        if (ticks == ulong.MaxValue)
        {
            if (s_calibrationStart == 0)
            {
                Write(InitialCountRegister, 0);
            }

            return;
        }

        if (s_calibrationStart != 0)
        {
            s_calibrationStart = 0;
            Write(TimerRegister, TimerVector);
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

    /// <summary>Whether the APIC waits for the end of an interrupt (10.8.4).</summary>
    internal static bool IsInService(uint vector) => (Read(InServiceRegister + (vector / 32 * 16)) & (1u << (int)(vector % 32))) != 0;

    private static uint Read(uint register) =>
        s_base == null ? (uint)Instructions.ReadMsr(FirstRegisterMsr + (register >> 4)) : DeviceRegister.At(s_base, register)->Value;

    private static void Write(uint register, uint value)
    {
        if (s_base == null)
        {
            Instructions.WriteMsr(FirstRegisterMsr + (register >> 4), value);
        }
        else
        {
            DeviceRegister.At(s_base, register)->Value = value;
        }
    }
}
