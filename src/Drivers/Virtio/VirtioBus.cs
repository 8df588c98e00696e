using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>Finds the machine's virtio devices.</summary>
public static class VirtioBus
{
    /// <summary>Looks at PCI, at the windows that the command line names, and where there is neither at those of microvm.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="named">What the command line names.</param>
    /// <returns>The devices, of whatever kind, in no order. None was touched yet but to see what it is.</returns>
    public static List<VirtioDevice> Find(IMachine machine, ReadOnlySpan<NamedWindow> named)
    {
        IDeviceAccess devices = machine.Devices;
        List<VirtioTransport> found = [];
        MmioWindows.AddNamed(devices, named, found);
        if (PciBus.IsPresent(devices))
        {
            PciBus bus = new(devices);
            bus.Scan(function =>
            {
                if (PciTransport.TryOpen(devices, function) is { } transport)
                {
                    found.Add(transport);
                }
            });
        }
        else if (named.IsEmpty)
        {
            MmioWindows.AddProbed(devices, found);
        }

        List<VirtioDevice> result = new(found.Count);
        foreach (VirtioTransport transport in found)
        {
            result.Add(new VirtioDevice(devices, transport, machine.Clock));
        }

        return result;
    }
}
