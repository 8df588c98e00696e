using System.Diagnostics.CodeAnalysis;

namespace Semitone.Machine;

/// <summary>What drivers need of the machine: registers of devices, interrupts, and memory that devices read and write.</summary>
/// <remarks>Nothing that is given out here is ever taken back: devices live as long as the machine.</remarks>
public interface IDeviceAccess
{
    /// <summary>Makes the registers of a device reachable.</summary>
    /// <param name="physical">Where they lie: a physical address that is a multiple of 4.</param>
    /// <param name="length">Bytes, 1 to <see cref="IRegisterWindow.MaximumLength"/>.</param>
    /// <param name="window">The registers.</param>
    /// <returns>False where memory or an interrupt controller lies, beyond what the CPU can address, and when memory has run out.</returns>
    bool TryMapRegisters(ulong physical, int length, [NotNullWhen(true)] out IRegisterWindow? window);

    /// <summary>Reads four bytes of a PCI function's configuration space (PCI Local Bus Specification 3.0, 3.2.2.3.2).</summary>
    /// <param name="function">Bus, device and function, as the bus numbers them.</param>
    /// <param name="offset">0 to 252, a multiple of 4.</param>
    /// <returns>All ones where there is no function, or no PCI.</returns>
    [NonAllocating]
    uint ReadPciConfiguration(PciAddress function, int offset);

    /// <summary>Writes four bytes of a PCI function's configuration space.</summary>
    [NonAllocating]
    void WritePciConfiguration(PciAddress function, int offset, uint value);

    /// <summary>Connects an input of the I/O APICs with a line of its own, edge triggered and active high.</summary>
    /// <param name="input">Its number, counted through all I/O APICs (ACPI's global system interrupt).</param>
    /// <param name="line">The line.</param>
    /// <returns>False when there is no such input, it is the machine's own, or lines have run out.</returns>
    bool TryConnectInput(int input, [NotNullWhen(true)] out IInterruptLine? line);

    /// <summary>Makes a line that a device raises by writing a message to the local APIC (MSI, MSI-X).</summary>
    /// <param name="line">The line.</param>
    /// <param name="message">What the device is to write.</param>
    /// <returns>False when the CPU cannot be named in a message, or lines have run out.</returns>
    bool TryConnectMessage([NotNullWhen(true)] out IInterruptLine? line, out InterruptMessage message);

    /// <summary>Takes a page for devices to read and write. Its contents are undefined.</summary>
    /// <returns>False when memory has run out.</returns>
    bool TryAllocateDmaPage([NotNullWhen(true)] out IDmaPage? page);
}
