using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Devices;

/// <summary>The first I/O APIC, at the address where PC chipsets and QEMU's machines have it (82093AA data sheet).</summary>
// SAFETY: the page was mapped uncached by Initialize before any access.
internal static unsafe class IoApic
{
    internal const uint SerialVector = 36;

    private const ulong Address = 0xFEC0_0000;
    private const uint SelectOffset = 0;
    private const uint DataOffset = 0x10;
    private const uint VersionRegister = 1;
    private const uint RedirectionTable = 0x10;
    private const uint Masked = 1 << 16;
    private const uint SerialLine = 4;
    private static DeviceRegister* s_base;

    internal static void Initialize()
    {
        s_base = (DeviceRegister*)PageTables.MapDevice(Address);
        uint version = Read(VersionRegister);
        uint pins = (version >> 16 & 0xFF) + 1;
        if (version == uint.MaxValue || pins <= SerialLine)
        {
            return; // there is none, and nothing that arrives on the serial line interrupts
        }

        // Firmware may have left lines open that nobody here would answer.
        for (uint pin = 0; pin < pins; pin++)
        {
            Write(RedirectionTable + pin * 2, Masked);
        }

        Write(RedirectionTable + SerialLine * 2 + 1, LocalApic.Id << 24);
        Write(RedirectionTable + SerialLine * 2, SerialVector); // edge, active high, fixed delivery
    }

    private static uint Read(uint register)
    {
        DeviceRegister.At(s_base, SelectOffset)->Value = register;
        return DeviceRegister.At(s_base, DataOffset)->Value;
    }

    private static void Write(uint register, uint value)
    {
        DeviceRegister.At(s_base, SelectOffset)->Value = register;
        DeviceRegister.At(s_base, DataOffset)->Value = value;
    }
}
