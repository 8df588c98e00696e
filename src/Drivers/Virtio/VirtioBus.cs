using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>Finds the machine's virtio devices.</summary>
public static class VirtioBus
{
    /// <summary>Looks at PCI, at the windows that the command line names, and where there is neither at those of microvm.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="named">What the command line names.</param>
    /// <returns>The devices, of whatever kind, in no order. None was touched yet but to see what it is.</returns>
    public static List<VirtioDevice> Find(IMachine machine, IReadOnlyList<NamedWindow> named)
    {
        IDeviceAccess devices = machine.Devices;
        List<IVirtioTransport> found = [];
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
        else if (named.Count == 0)
        {
            MmioWindows.AddProbed(devices, found);
        }

        List<VirtioDevice> result = new(found.Count);
        foreach (IVirtioTransport transport in found)
        {
            result.Add(new VirtioDevice(devices, transport, machine.Clock));
        }

        return result;
    }
}
