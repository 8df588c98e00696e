using System.Globalization;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A virtio device whose registers lie in memory (virtio 1.2, 4.2).</summary>
internal sealed class MmioTransport : VirtioTransport
{
    /// <summary>Bytes of a window; the device's own configuration begins at 0x100.</summary>
    public const int MinimumLength = 0x200;

    private const uint ExpectedMagic = 0x7472_6976; // "virt"
    private const uint ModernVersion = 2;

    private const int Magic = 0x000;
    private const int Version = 0x004;
    private const int DeviceId = 0x008;
    private const int DeviceFeatures = 0x010;
    private const int DeviceFeaturesSelect = 0x014;
    private const int DriverFeatures = 0x020;
    private const int DriverFeaturesSelect = 0x024;
    private const int QueueSelect = 0x030;
    private const int QueueNumMax = 0x034;
    private const int QueueNum = 0x038;
    private const int QueueReady = 0x044;
    private const int QueueNotify = 0x050;
    private const int InterruptStatus = 0x060;
    private const int InterruptAcknowledge = 0x064;
    private const int StatusRegister = 0x070;
    private const int QueueDescriptors = 0x080;
    private const int QueueDriverArea = 0x090;
    private const int QueueDeviceArea = 0x0A0;
    private const int Configuration = 0x100;

    private readonly IDeviceAccess _devices;
    private readonly IRegisterWindow _registers;
    private readonly ulong _address;
    private readonly int[] _inputs;
    private readonly IInterruptLine?[] _lines;

    private MmioTransport(IDeviceAccess devices, IRegisterWindow registers, ulong address, int[] inputs, VirtioDeviceKind kind)
    {
        _devices = devices;
        _registers = registers;
        _address = address;
        _inputs = inputs;
        _lines = new IInterruptLine?[inputs.Length];
        Kind = kind;
    }

    public override VirtioDeviceKind Kind { get; }

    public override string Name => string.Create(CultureInfo.InvariantCulture, $"virtio-mmio at 0x{_address:x}");

    public override VirtioStatus Status
    {
        get => (VirtioStatus)_registers.ReadUInt32(StatusRegister);
        set => _registers.WriteUInt32(StatusRegister, (uint)value);
    }

    /// <summary>Tells whether a window is one of virtio's.</summary>
    /// <param name="registers">A window.</param>
    /// <param name="offset">Where in it the device's registers would begin.</param>
    /// <param name="kind">What is there; <see cref="VirtioDeviceKind.None"/> for nothing.</param>
    public static bool IsWindow(IRegisterWindow registers, int offset, out VirtioDeviceKind kind)
    {
        bool isWindow = registers.ReadUInt32(offset + Magic) == ExpectedMagic;
        kind = isWindow ? (VirtioDeviceKind)registers.ReadUInt32(offset + DeviceId) : VirtioDeviceKind.None;
        return isWindow;
    }

    /// <summary>Opens a window.</summary>
    /// <param name="devices">The machine's.</param>
    /// <param name="address">Where its registers lie.</param>
    /// <param name="inputs">The inputs of the I/O APICs that it may be at.</param>
    /// <returns>Null when no modern device is there.</returns>
    public static MmioTransport? TryOpen(IDeviceAccess devices, ulong address, int[] inputs) =>
        devices.TryMapRegisters(address, MinimumLength, out IRegisterWindow? registers)
        && IsWindow(registers, 0, out VirtioDeviceKind kind)
        && kind != VirtioDeviceKind.None
            ? new MmioTransport(devices, registers, address, inputs, kind)
            : null;

    public override ulong ReadFeatures()
    {
        // A legacy device has other registers from here on: it has no feature that anything here can do without.
        if (_registers.ReadUInt32(Version) != ModernVersion)
        {
            return 0;
        }

        _registers.WriteUInt32(DeviceFeaturesSelect, 1);
        ulong high = _registers.ReadUInt32(DeviceFeatures);
        _registers.WriteUInt32(DeviceFeaturesSelect, 0);
        return (high << 32) | _registers.ReadUInt32(DeviceFeatures);
    }

    public override void WriteFeatures(ulong features)
    {
        _registers.WriteUInt32(DriverFeaturesSelect, 1);
        _registers.WriteUInt32(DriverFeatures, (uint)(features >> 32));
        _registers.WriteUInt32(DriverFeaturesSelect, 0);
        _registers.WriteUInt32(DriverFeatures, (uint)features);
    }

    public override bool TryConnectInterrupts()
    {
        bool isConnected = false;
        for (int i = 0; i < _inputs.Length; i++)
        {
            isConnected |= _lines[i] is not null || _devices.TryConnectInput(_inputs[i], out _lines[i]);
        }

        return isConnected;
    }

    public override int GetMaximumQueueSize(int queue)
    {
        _registers.WriteUInt32(QueueSelect, (uint)queue);
        return (int)Math.Min(_registers.ReadUInt32(QueueNumMax), Virtqueue.MaximumSize);
    }

    public override bool TryEnableQueue(int queue, VirtqueueLayout layout)
    {
        _registers.WriteUInt32(QueueSelect, (uint)queue);
        if (_registers.ReadUInt32(QueueReady) != 0)
        {
            return false;
        }

        _registers.WriteUInt32(QueueNum, (uint)layout.Size);
        WriteAddress(QueueDescriptors, layout.DescriptorAddress);
        WriteAddress(QueueDriverArea, layout.AvailableAddress);
        WriteAddress(QueueDeviceArea, layout.UsedAddress);
        _registers.WriteUInt32(QueueReady, 1);
        return true;
    }

    public override void Notify(int queue) => _registers.WriteUInt32(QueueNotify, (uint)queue);

    public override VirtioInterrupt TakeInterrupt()
    {
        bool isRaised = false;
        foreach (IInterruptLine? line in _lines)
        {
            isRaised |= line is not null && line.TryTake();
        }

        if (!isRaised)
        {
            return VirtioInterrupt.None;
        }

        uint reason = _registers.ReadUInt32(InterruptStatus) & (uint)(VirtioInterrupt.Queue | VirtioInterrupt.Configuration);
        if (reason != 0)
        {
            _registers.WriteUInt32(InterruptAcknowledge, reason);
        }

        return (VirtioInterrupt)reason;
    }

    public override byte ReadConfiguration(int offset) =>
        Configuration + offset < _registers.Length ? _registers.ReadByte(Configuration + offset) : (byte)0;

    private void WriteAddress(int register, ulong address)
    {
        _registers.WriteUInt32(register, (uint)address);
        _registers.WriteUInt32(register + sizeof(uint), (uint)(address >> 32));
    }
}
