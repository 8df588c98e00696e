using Semitone.Metal.Cpu;
using Semitone.Metal.Memory;

namespace Semitone.Metal.Devices;

/// <summary>The I/O APICs, at the addresses where PC chipsets and QEMU's machines have them (82093AA data sheet).</summary>
/// <remarks>
/// The second one is microvm's, for what the first has no inputs for; it is looked for when one of its inputs is asked for.
/// </remarks>
// SAFETY: the pages were mapped uncached before any access.
internal static unsafe class IoApic
{
    internal const uint SerialVector = 36;

    private const ulong FirstAddress = 0xFEC0_0000;
    private const ulong SecondAddress = 0xFEC1_0000;
    private const uint SelectOffset = 0;
    private const uint DataOffset = 0x10;
    private const uint VersionRegister = 1;
    private const uint RedirectionTable = 0x10;
    private const uint Masked = 1 << 16;
    private const uint SerialLine = 4;
    private const uint InputsOfFirst = 24;
    private static DeviceRegister* s_base;
    private static DeviceRegister* s_second;

    internal static void Initialize()
    {
        s_base = (DeviceRegister*)PageTables.MapDevice(FirstAddress);
        uint pins = CountInputs(s_base);
        if (pins <= SerialLine)
        {
            return; // there is none, and nothing that arrives on the serial line interrupts
        }

        // Firmware may have left lines open that nobody here would answer.
        MaskAll(s_base, pins);
        Connect(s_base, SerialLine, SerialVector);
    }

    /// <summary>Lets an input, counted through both, raise a vector: edge, active high, fixed delivery.</summary>
    /// <returns>False when there is no such input, or it is the serial line's.</returns>
    internal static bool TryRoute(uint input, uint vector)
    {
        if (input < InputsOfFirst)
        {
            if (input == SerialLine || input >= CountInputs(s_base))
            {
                return false;
            }

            Connect(s_base, input, vector);
            return true;
        }

        if (s_second == null)
        {
            s_second = (DeviceRegister*)PageTables.MapDevice(SecondAddress);
            MaskAll(s_second, CountInputs(s_second));
        }

        if (input - InputsOfFirst >= CountInputs(s_second))
        {
            return false;
        }

        Connect(s_second, input - InputsOfFirst, vector);
        return true;
    }

    /// <summary>The number of inputs; 0 where there is no I/O APIC.</summary>
    private static uint CountInputs(DeviceRegister* registers)
    {
        uint version = Read(registers, VersionRegister);
        return version is 0 or uint.MaxValue ? 0 : (version >> 16 & 0xFF) + 1;
    }

    private static void MaskAll(DeviceRegister* registers, uint inputs)
    {
        for (uint pin = 0; pin < inputs; pin++)
        {
            Write(registers, RedirectionTable + pin * 2, Masked);
        }
    }

    private static void Connect(DeviceRegister* registers, uint pin, uint vector)
    {
        Write(registers, RedirectionTable + pin * 2 + 1, LocalApic.Id << 24);
        Write(registers, RedirectionTable + pin * 2, vector);
    }

    private static uint Read(DeviceRegister* registers, uint register)
    {
        DeviceRegister.At(registers, SelectOffset)->Value = register;
        return DeviceRegister.At(registers, DataOffset)->Value;
    }

    private static void Write(DeviceRegister* registers, uint register, uint value)
    {
        DeviceRegister.At(registers, SelectOffset)->Value = register;
        DeviceRegister.At(registers, DataOffset)->Value = value;
    }
}
