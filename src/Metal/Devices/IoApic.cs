using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Devices;

/// <summary>The first I/O APIC, at the address where PC chipsets and QEMU's machines have it (82093AA data sheet).</summary>
// SAFETY: the page was mapped uncached by Initialize before any access.
internal static unsafe class IoApic
{
    internal const uint SerialVector = 36;

    private const ulong Address = 0xFEC0_0000;
    private const uint RedirectionTable = 0x10;
    private const uint SerialLine = 4;
    private static ulong s_base;

    internal static void Initialize()
    {
        s_base = PageTables.MapDevice(Address);
        Write(RedirectionTable + SerialLine * 2 + 1, LocalApic.Id << 24);
        Write(RedirectionTable + SerialLine * 2, SerialVector); // edge, active high, fixed delivery
    }

    private static void Write(uint register, uint value)
    {
        *(uint*)s_base = register;
        *(uint*)(s_base + 0x10) = value;
    }
}
