using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

/// <summary>A window of virtio-mmio registers (virtio 1.2, 4.2.2): version 2, or the older one that nobody drives.</summary>
internal sealed class MmioFront(FakeVirtioDevice? device, uint version = 2) : IFakeRegisters
{
    private uint _featureHalf;
    private uint _driverFeatureHalf;
    private uint _queue;

    public int Length => 0x200;

    public uint Read(int offset, int width)
    {
        if (offset >= 0x100)
        {
            return device?.ReadConfiguration(offset - 0x100, width) ?? 0;
        }

        if (width != 4)
        {
            throw new InvalidOperationException("registers are 4 bytes wide (4.2.2.2)");
        }

        if (device is null)
        {
            return offset switch { 0 => 0x74726976, 4 => version, _ => 0 };
        }

        return offset switch
        {
            0x000 => 0x74726976,
            0x004 => version,
            0x008 => device.Kind,
            0x010 => _featureHalf > 1 ? 0 : (uint)(device.Features >> (int)(32 * _featureHalf)),
            0x034 => _queue < device.QueueCount ? (uint)device[(int)_queue].MaximumSize : 0,
            0x044 => _queue < device.QueueCount && device[(int)_queue].IsEnabled ? 1u : 0,
            0x060 => device.Interrupts,
            0x070 => device.Status,
            _ => 0,
        };
    }

    public void Write(int offset, int width, uint value)
    {
        if (width != 4 || device is null)
        {
            throw new InvalidOperationException("registers are 4 bytes wide (4.2.2.2), and a window without a device has none to write");
        }

        switch (offset)
        {
            case 0x014:
                _featureHalf = value;
                break;
            case 0x020:
                device.WriteFeatures((int)_driverFeatureHalf, value);
                break;
            case 0x024:
                _driverFeatureHalf = value;
                break;
            case 0x030:
                _queue = value;
                break;
            case 0x038:
                device.Configure(_queue).Size = (int)value;
                break;
            case 0x044:
                device.Enable(_queue);
                break;
            case 0x050:
                device.Notify((int)value);
                break;
            case 0x064:
                device.AcknowledgeInterrupts(value);
                break;
            case 0x070:
                device.WriteStatus((byte)value);
                break;
            case 0x080 or 0x084:
                device.Configure(_queue).Descriptors = Join(device.Configure(_queue).Descriptors, offset, value);
                break;
            case 0x090 or 0x094:
                device.Configure(_queue).Driver = Join(device.Configure(_queue).Driver, offset, value);
                break;
            case 0x0A0 or 0x0A4:
                device.Configure(_queue).Device = Join(device.Configure(_queue).Device, offset, value);
                break;
            default:
                throw new InvalidOperationException($"register 0x{offset:x} was written");
        }
    }

    private static ulong Join(ulong address, int offset, uint half) => (offset & 4) == 0
        ? (address & ~(ulong)uint.MaxValue) | half
        : (address & uint.MaxValue) | ((ulong)half << 32);
}
