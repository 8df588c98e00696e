using Semitone.Metal.Cpu;

namespace Semitone.Metal.Devices;

/// <summary>Ends the virtual machine by whatever means it offers.</summary>
internal static class Power
{
    /// <summary>QEMU's isa-debug-exit: the monitor ends with status (value &lt;&lt; 1) | 1.</summary>
    private const ushort DebugExitPort = 0x501;

    /// <summary>PM1a control block of QEMU's q35 and pc machines; 0x2000 is SLP_EN with the S5 type that their ACPI tables give.</summary>
    private const ushort Pm1aControl = 0x604;

    private const ushort KeyboardController = 0x64;
    private const byte PulseReset = 0xFE;

    internal static void Off(byte status)
    {
        Serial.Drain();
        if (status != 0)
        {
            Instructions.Out32(DebugExitPort, status); // cannot say 0; what follows does
        }

        Instructions.Out16(Pm1aControl, 0x2000);
        Instructions.Out8(KeyboardController, PulseReset);
        DescriptorTables.TripleFault();
        Instructions.HaltForever();
    }
}
