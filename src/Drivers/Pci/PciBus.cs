using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>The functions of the PCI buses, as firmware has numbered them.</summary>
internal sealed class PciBus(IDeviceAccess devices)
{
    private const int DeviceCount = 32;
    private const int FunctionCount = 8;
    private const int BridgeHeader = 1;

    private readonly bool[] _visited = new bool[256];

    /// <summary>Whether there is a host bridge: every PC with PCI has one at 00:00.0.</summary>
    public static bool IsPresent(IDeviceAccess devices) =>
        new PciFunction(devices, default).Vendor is not PciFunction.NoVendor and not 0;

    /// <summary>Goes through all functions, those behind bridges included.</summary>
    public void Scan(Action<PciFunction> visit) => ScanBus(0, visit);

    private void ScanBus(byte bus, Action<PciFunction> visit)
    {
        // Each bus once, whatever the bridges say: so this ends.
        if (_visited[bus])
        {
            return;
        }

        _visited[bus] = true;
        for (byte device = 0; device < DeviceCount; device++)
        {
            for (byte number = 0; number < FunctionCount; number++)
            {
                PciFunction function = new(devices, new PciAddress(bus, device, number));
                if (function.Vendor != PciFunction.NoVendor)
                {
                    visit(function);
                    if (function.HeaderType == BridgeHeader)
                    {
                        ScanBus(function.SecondaryBus, visit);
                    }
                }

                if (number == 0 && (function.Vendor == PciFunction.NoVendor || !function.HasOthers))
                {
                    break;
                }
            }
        }
    }
}
