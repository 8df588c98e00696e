using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A function of the PCI bus, by its configuration space (PCI Local Bus Specification 3.0, 6).</summary>
internal sealed class PciFunction(IDeviceAccess devices, PciAddress address)
{
    /// <summary>What reading yields where no function is.</summary>
    public const ushort NoVendor = 0xFFFF;

    private const int Identity = 0x00;
    private const int CommandAndStatus = 0x04;
    private const int HeaderTypeRegister = 0x0C;
    private const int FirstBar = 0x10;
    private const int BusNumbers = 0x18;
    private const int CapabilitiesPointer = 0x34;

    private const uint MemorySpace = 1 << 1;
    private const uint BusMaster = 1 << 2;
    private const uint HasCapabilities = 1 << 20;

    private const int BarCount = 6;
    private const uint IsPorts = 1;
    private const uint BarType = 6;
    private const uint Is64Bit = 4;
    private const uint AddressBits = ~0xFU;

    /// <summary>More capabilities than fit do not make a list.</summary>
    private const int MostCapabilities = (256 - 64) / 4;

    public PciAddress Address => address;

    public ushort Vendor => (ushort)Read(Identity);

    public ushort Device => (ushort)(Read(Identity) >> 16);

    /// <summary>The layout of the header: 0 for a device, 1 for a bridge between buses.</summary>
    public int HeaderType => (int)(Read(HeaderTypeRegister) >> 16) & 0x7F;

    /// <summary>Whether the device has functions beside number 0.</summary>
    public bool HasOthers => (Read(HeaderTypeRegister) & (0x80 << 16)) != 0;

    /// <summary>The bus behind a bridge.</summary>
    public byte SecondaryBus => (byte)(Read(BusNumbers) >> 8);

    public uint Read(int offset) => devices.ReadPciConfiguration(address, offset);

    public void Write(int offset, uint value) => devices.WritePciConfiguration(address, offset, value);

    /// <summary>Lets the function answer in memory, and reach memory itself.</summary>
    public void Enable() => Write(CommandAndStatus, (Read(CommandAndStatus) & 0xFFFF) | MemorySpace | BusMaster);

    /// <summary>Finds the next capability of a kind.</summary>
    /// <param name="kind">Its identifier.</param>
    /// <param name="previous">The offset of the one before; 0 for the first.</param>
    /// <returns>Its offset; 0 when there is none.</returns>
    public int FindCapability(byte kind, int previous)
    {
        if ((Read(CommandAndStatus) & HasCapabilities) == 0)
        {
            return 0;
        }

        int offset = previous == 0 ? (int)Read(CapabilitiesPointer) & 0xFC : Next(previous);
        for (int i = 0; i < MostCapabilities && offset >= 0x40; i++)
        {
            if ((byte)Read(offset) == kind)
            {
                return offset;
            }

            offset = Next(offset);
        }

        return 0;
    }

    /// <summary>Reads where a base address register points: firmware has set it.</summary>
    /// <returns>A physical address; 0 when there is none in memory.</returns>
    public ulong GetBar(int index)
    {
        if ((uint)index >= BarCount)
        {
            return 0;
        }

        uint low = Read(FirstBar + (index * sizeof(uint)));
        if ((low & IsPorts) != 0)
        {
            return 0;
        }

        ulong high = (low & BarType) == Is64Bit && index + 1 < BarCount ? Read(FirstBar + ((index + 1) * sizeof(uint))) : 0;
        return (high << 32) | (low & AddressBits);
    }

    private int Next(int capability) => (int)(Read(capability) >> 8) & 0xFC;
}
