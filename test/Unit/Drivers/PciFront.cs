using Semitone.Fakes;
using Semitone.Machine;

namespace Semitone.Unit.Drivers;

/// <summary>
/// A virtio function on a PCI bus (virtio 1.2, 4.1): modern interface in a 64-bit BAR 4, MSI-X in BAR 1, behind a bridge if asked.
/// </summary>
internal sealed class PciFront : IFakePci, IFakeRegisters
{
    private const ulong RegisterBar = 0x38_0000_0000;
    private const uint MsixBar = 0xFEBF_0000;
    private const int NotifyOffset = 0x3000;
    private const uint NotifyMultiplier = 4;
    private const int VectorCount = 2;

    private readonly FakeDevices _devices;
    private readonly FakeVirtioDevice _device;
    private readonly MsixRegisters _msix = new();
    private readonly byte _bus;
    private readonly uint[] _space = new uint[64];
    private readonly ushort[] _queueVectors;
    private ushort _configurationVector = 0xFFFF;
    private uint _featureHalf;
    private uint _driverFeatureHalf;
    private ushort _queue;

    public PciFront(FakeDevices devices, FakeVirtioDevice device, ushort id, bool isBehindBridge = false)
    {
        _devices = devices;
        _device = device;
        _bus = isBehindBridge ? (byte)3 : (byte)0;
        _queueVectors = [.. Enumerable.Repeat((ushort)0xFFFF, device.QueueCount)];
        device.OnInterrupt = Interrupt;
        devices.Pci = this;
        devices.Add(RegisterBar, this);
        devices.Add(MsixBar + 0x800, _msix);
        _space[0] = 0x1AF4 | ((uint)id << 16);
        _space[1] = 1 << 20; // has capabilities
        _space[0x14 / 4] = MsixBar;
        _space[0x20 / 4] = 0xC; // 64-bit, prefetchable
        _space[0x24 / 4] = (uint)(RegisterBar >> 32);
        _space[0x34 / 4] = 0x40;
        SetCapability(0x40, next: 0x50, type: 5, bar: 0, 0, 0); // access by configuration space: nobody's
        SetCapability(0x50, next: 0x64, type: 2, bar: 4, NotifyOffset, 0x1000);
        _space[0x60 / 4] = NotifyMultiplier;
        SetCapability(0x64, next: 0x74, type: 4, bar: 4, 0x2000, 0x1000);
        SetCapability(0x74, next: 0x84, type: 3, bar: 4, 0x1000, 0x1000);
        SetCapability(0x84, next: 0x98, type: 1, bar: 4, 0, 0x1000);
        _space[0x98 / 4] = 0x11 | ((VectorCount - 1) << 16);
        _space[0x9C / 4] = 0x800 | 1; // table in BAR 1
    }

    public int Length => 0x4000;

    /// <summary>It has no room for another vector.</summary>
    public bool RefusesVectors { get; set; }

    /// <summary>The list of capabilities goes round in a circle.</summary>
    public void LoopCapabilities() => _space[0x98 / 4] = 0x09 | (0x98 << 8);

    public uint Read(PciAddress function, int offset)
    {
        if (function is { Bus: 0, Device: 0, Function: 0 })
        {
            return offset == 0 ? 0x29C0_8086u : 0;
        }

        if (_bus != 0 && function is { Bus: 0, Device: 2, Function: 0 })
        {
            // A bridge to the bus that the device is on; another function beside it leads back to the same.
            return offset switch { 0 => 0x000C1B36, 0xC => 0x0081_0000, 0x18 => (uint)(_bus << 8), _ => 0 };
        }

        if (_bus != 0 && function is { Bus: 0, Device: 2, Function: 1 })
        {
            return offset switch { 0 => 0x000C1B36, 0xC => 0x0001_0000, 0x18 => 0, _ => 0 };
        }

        return function == new PciAddress(_bus, 1, 0) ? _space[offset / 4] : uint.MaxValue;
    }

    public void Write(PciAddress function, int offset, uint value)
    {
        Assert.Equal(new PciAddress(_bus, 1, 0), function);
        uint mask = offset switch { 4 => 0x0000_0007, 0x98 => 0xC000_0000, _ => 0 };
        _space[offset / 4] = (_space[offset / 4] & ~mask) | (value & mask);
    }

    uint IFakeRegisters.Read(int offset, int width)
    {
        RequireMemorySpace();
        if (offset >= 0x2000)
        {
            return offset < NotifyOffset ? _device.ReadConfiguration(offset - 0x2000, width) : 0;
        }

        DeviceQueue? queue = _queue < _device.QueueCount ? _device[_queue] : null;
        return (offset, width) switch
        {
            (0x00, 4) => _featureHalf,
            (0x04, 4) => _featureHalf > 1 ? 0 : (uint)(_device.Features >> (int)(32 * _featureHalf)),
            (0x10, 2) => _configurationVector,
            (0x12, 2) => (uint)_device.QueueCount,
            (0x14, 1) => _device.Status,
            (0x18, 2) => queue is null ? 0 : (uint)(queue.Size != 0 ? queue.Size : queue.MaximumSize),
            (0x1A, 2) => queue is null ? 0xFFFFu : _queueVectors[_queue],
            (0x1C, 2) => queue is { IsEnabled: true } ? 1u : 0,
            (0x1E, 2) => (uint)(_device.QueueCount - _queue), // in another order than the queues, which is allowed
            _ => throw new InvalidOperationException($"register 0x{offset:x} was read with {width} bytes"),
        };
    }

    void IFakeRegisters.Write(int offset, int width, uint value)
    {
        RequireMemorySpace();
        if (offset >= NotifyOffset)
        {
            Assert.Equal(2, width);
            Assert.Equal((uint)((_device.QueueCount - value) * NotifyMultiplier), (uint)(offset - NotifyOffset));
            _device.Notify((int)value);
            return;
        }

        switch (offset, width)
        {
            case (0x00, 4):
                _featureHalf = value;
                break;
            case (0x08, 4):
                _driverFeatureHalf = value;
                break;
            case (0x0C, 4):
                _device.WriteFeatures((int)_driverFeatureHalf, value);
                break;
            case (0x10, 2):
                _configurationVector = RefusesVectors ? (ushort)0xFFFF : (ushort)value;
                break;
            case (0x14, 1):
                _device.WriteStatus((byte)value);
                break;
            case (0x16, 2):
                _queue = (ushort)value;
                break;
            case (0x18, 2):
                _device.Configure(_queue).Size = (int)value;
                break;
            case (0x1A, 2):
                _queueVectors[_queue] = RefusesVectors ? (ushort)0xFFFF : (ushort)value;
                break;
            case (0x1C, 2):
                _device.Enable(_queue);
                break;
            case (0x20 or 0x24, 4):
                _device.Configure(_queue).Descriptors = Join(_device.Configure(_queue).Descriptors, offset, value);
                break;
            case (0x28 or 0x2C, 4):
                _device.Configure(_queue).Driver = Join(_device.Configure(_queue).Driver, offset, value);
                break;
            case (0x30 or 0x34, 4):
                _device.Configure(_queue).Device = Join(_device.Configure(_queue).Device, offset, value);
                break;
            default:
                throw new InvalidOperationException($"register 0x{offset:x} was written with {width} bytes");
        }
    }

    private static ulong Join(ulong address, int offset, uint half) => (offset & 4) == 0
        ? (address & ~(ulong)uint.MaxValue) | half
        : (address & uint.MaxValue) | ((ulong)half << 32);

    private void SetCapability(int at, int next, int type, int bar, uint offset, uint length)
    {
        _space[at / 4] = 0x09u | ((uint)next << 8) | (16u << 16) | ((uint)type << 24);
        _space[(at + 4) / 4] = (uint)bar;
        _space[(at + 8) / 4] = offset;
        _space[(at + 12) / 4] = length;
    }

    private void RequireMemorySpace() => Assert.Equal(6u, _space[1] & 6); // and bus mastering, without which it reaches no memory

    private void Interrupt(uint reason)
    {
        if ((_space[0x98 / 4] & (1u << 31)) == 0)
        {
            return;
        }

        Send(reason == 2 ? _configurationVector : _queueVectors.FirstOrDefault(vector => vector != 0xFFFF, (ushort)0xFFFF));
    }

    private void Send(ushort vector)
    {
        if (vector < VectorCount && (_msix.Words[(vector * 4) + 3] & 1) == 0)
        {
            Assert.Equal(0xFEE0_0000u, _msix.Words[vector * 4]);
            _devices.SendMessage(_msix.Words[(vector * 4) + 2]);
        }
    }

    /// <summary>The table of MSI-X: all entries masked after a reset.</summary>
    private sealed class MsixRegisters : IFakeRegisters
    {
        public uint[] Words { get; } = [.. Enumerable.Range(0, VectorCount * 4).Select(i => i % 4 == 3 ? 1u : 0)];

        public int Length => VectorCount * 16;

        public uint Read(int offset, int width) => Words[offset / 4];

        public void Write(int offset, int width, uint value) => Words[offset / 4] = value;
    }
}
