using Semitone.Metal.Boot;
using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Devices;

/// <summary>What the managed kernel's drivers may reach: registers, PCI configuration, lines for interrupts.</summary>
internal static class DriverAccess
{
    /// <summary>The vector of the first of the lines; one priority class above those that Metal has for itself.</summary>
    internal const uint FirstVector = 64;

    /// <summary>A bit of a word for each.</summary>
    internal const uint LineCount = 64;

    // What is at these addresses on every PC: I/O APICs in the first MiB, local APICs and the messages to them in the other.
    private const ulong IoApics = 0xFEC0_0000;
    private const ulong IoApicsEnd = 0xFED0_0000;
    private const ulong LocalApics = 0xFEE0_0000;
    private const ulong LocalApicsEnd = 0xFEF0_0000;

    // Configuration mechanism #1 (PCI Local Bus Specification 3.0, 3.2.2.3.2).
    private const ushort ConfigurationAddress = 0xCF8;
    private const ushort ConfigurationData = 0xCFC;
    private const uint ConfigurationEnable = 1U << 31;

    /// <summary>Maps registers, uncached.</summary>
    /// <returns>Where they are, or 0: memory or an interrupt controller is there, or nothing that the CPU can address.</returns>
    internal static ulong MapRegisters(ulong physical, ulong length)
    {
        ulong end = physical + length;
        if (length == 0 || end < physical || end > 1UL << Features.PhysicalAddressBits
            || Overlaps(physical, end, IoApics, IoApicsEnd) || Overlaps(physical, end, LocalApics, LocalApicsEnd))
        {
            return 0;
        }

        ulong first = physical & ~(Layout.PageSize - 1);
        ulong last = (end + Layout.PageSize - 1) & ~(Layout.PageSize - 1);
        ref RangeList memory = ref BootData.Memory;
        for (int i = 0; i < memory.Count; i++)
        {
            if (Overlaps(first, last, memory.GetStart(i), memory.GetEnd(i)))
            {
                return 0;
            }
        }

        ulong window = PageTables.MapWindow(first, last);
        return window == 0 ? 0 : window + (physical - first);
    }

    /// <summary>Lets an input of an I/O APIC raise a line.</summary>
    internal static ulong RouteInput(uint input, uint line) => line < LineCount && IoApic.TryRoute(input, FirstVector + line) ? 1UL : 0;

    /// <param name="address">Bus, device, function and register, as CONFIG_ADDRESS has them.</param>
    internal static uint ReadConfiguration(uint address)
    {
        Instructions.Out32(ConfigurationAddress, address & 0xFF_FFFC | ConfigurationEnable);
        return Instructions.In32(ConfigurationData);
    }

    internal static void WriteConfiguration(uint address, uint value)
    {
        Instructions.Out32(ConfigurationAddress, address & 0xFF_FFFC | ConfigurationEnable);
        Instructions.Out32(ConfigurationData, value);
    }

    private static bool Overlaps(ulong start, ulong end, ulong otherStart, ulong otherEnd) => start < otherEnd && otherStart < end;
}
