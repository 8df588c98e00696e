using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A window that the kernel command line names (<c>virtio_mmio.device=</c>).</summary>
/// <param name="Address">Where its registers lie.</param>
/// <param name="Input">The input of the I/O APICs that it interrupts at.</param>
public readonly record struct NamedWindow(ulong Address, int Input);

/// <summary>Finds the virtio devices whose registers lie in memory.</summary>
/// <remarks>
/// Nothing on the machine tells where they are but the command line, and ACPI tables, which are not read here. QEMU's microvm has its
/// windows at a fixed place: 8 without ACPI, at inputs from 5 on, or from 16 on where it has ACPI and one I/O APIC; 24 with ACPI, at the
/// inputs of the second I/O APIC. A window without a device has magic and version, and no kind.
/// </remarks>
internal static class MmioWindows
{
    private const ulong FirstWindow = 0xFEB0_0000;
    private const int WindowDistance = 0x200;
    private const int WindowsPerPage = 4096 / WindowDistance;
    private const int MostWindows = 24;
    private const int FirstInputOfEight = 5;
    private const int FirstInputOfEightWithAcpi = 16;
    private const int FirstInputOfMany = 24;

    /// <summary>Adds the devices of the windows that the command line names.</summary>
    public static void AddNamed(IDeviceAccess devices, ReadOnlySpan<NamedWindow> windows, List<VirtioTransport> found)
    {
        foreach (NamedWindow window in windows)
        {
            if (MmioTransport.TryOpen(devices, window.Address, [window.Input]) is { } transport)
            {
                found.Add(transport);
            }
        }
    }

    /// <summary>Adds the devices of microvm's windows. Not to be called where there is PCI: other devices may be there.</summary>
    public static void AddProbed(IDeviceAccess devices, List<VirtioTransport> found)
    {
        Span<VirtioDeviceKind> kinds = stackalloc VirtioDeviceKind[MostWindows];
        int count = 0;
        for (; count < MostWindows && ProbePage(devices, count, kinds.Slice(count, WindowsPerPage)); count += WindowsPerPage)
        {
        }

        for (int i = 0; i < count; i++)
        {
            if (kinds[i] == VirtioDeviceKind.None)
            {
                continue;
            }

            int[] inputs = count > WindowsPerPage
                ? [FirstInputOfMany + i]
                : [FirstInputOfEight + i, FirstInputOfEightWithAcpi + i];
            if (MmioTransport.TryOpen(devices, FirstWindow + (ulong)(i * WindowDistance), inputs) is { } transport)
            {
                found.Add(transport);
            }
        }
    }

    /// <summary>Looks at the windows of one page.</summary>
    /// <returns>False when they are none.</returns>
    private static bool ProbePage(IDeviceAccess devices, int first, Span<VirtioDeviceKind> kinds)
    {
        ulong address = FirstWindow + (ulong)(first * WindowDistance);
        if (!devices.TryMapRegisters(address, WindowsPerPage * WindowDistance, out IRegisterWindow? page))
        {
            return false;
        }

        for (int i = 0; i < kinds.Length; i++)
        {
            if (!MmioTransport.IsWindow(page, i * WindowDistance, out kinds[i]))
            {
                return false;
            }
        }

        return true;
    }
}
