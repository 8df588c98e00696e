using System.Diagnostics.CodeAnalysis;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A virtio device that is a PCI function, by its modern interface (virtio 1.2, 4.1), with MSI-X.</summary>
/// <remarks>Two vectors: one for changes of the configuration, one for all queues. The device tells by them why it has interrupted, and
/// there is nothing to acknowledge.</remarks>
internal sealed class PciTransport : VirtioTransport
{
    private const ushort Vendor = 0x1AF4;

    // Transitional devices have the first numbers, by kind and not by the kind's number; modern ones have 0x1040 + kind.
    private const ushort FirstDevice = 0x1000;
    private const ushort FirstModernDevice = 0x1040;
    private const ushort LastDevice = 0x107F;

    private const byte VendorCapability = 0x09;
    private const int CommonType = 1;
    private const int NotifyType = 2;
    private const int DeviceType = 4;
    private const int NotifyCapabilityLength = 20;

    private const int DeviceFeatureSelect = 0x00;
    private const int DeviceFeature = 0x04;
    private const int DriverFeatureSelect = 0x08;
    private const int DriverFeature = 0x0C;
    private const int ConfigurationVector = 0x10;
    private const int StatusOffset = 0x14;
    private const int QueueSelect = 0x16;
    private const int QueueSize = 0x18;
    private const int QueueVector = 0x1A;
    private const int QueueEnable = 0x1C;
    private const int QueueNotifyOffset = 0x1E;
    private const int QueueDescriptors = 0x20;
    private const int QueueDriverArea = 0x28;
    private const int QueueDeviceArea = 0x30;
    private const int CommonLength = 0x38;
    private const ushort NoVector = 0xFFFF;
    private const ushort ConfigurationEntry = 0;
    private const ushort QueueEntry = 1;

    private readonly IDeviceAccess _devices;
    private readonly PciFunction _function;
    private readonly IRegisterWindow _common;
    private readonly IRegisterWindow _notify;
    private readonly IRegisterWindow? _configuration;
    private readonly uint _notifyMultiplier;
    private int[] _notifyOffsets = [];
    private IInterruptLine? _configurationLine;
    private IInterruptLine? _queueLine;

    private PciTransport(
        IDeviceAccess devices,
        PciFunction function,
        VirtioDeviceKind kind,
        IRegisterWindow common,
        IRegisterWindow notify,
        uint notifyMultiplier,
        IRegisterWindow? configuration)
    {
        _devices = devices;
        _function = function;
        _common = common;
        _notify = notify;
        _notifyMultiplier = notifyMultiplier;
        _configuration = configuration;
        Kind = kind;
    }

    public override VirtioDeviceKind Kind { get; }

    public override string Name => $"virtio-pci at {_function.Address}";

    public override VirtioStatus Status
    {
        get => (VirtioStatus)_common.ReadByte(StatusOffset);
        set => _common.WriteByte(StatusOffset, (byte)value);
    }

    /// <summary>Opens a function.</summary>
    /// <returns>Null when it is no virtio device, or one without the modern interface.</returns>
    public static PciTransport? TryOpen(IDeviceAccess devices, PciFunction function)
    {
        ushort device = function.Device;
        if (function.Vendor != Vendor || device is < FirstDevice or > LastDevice)
        {
            return null;
        }

        function.Enable();
        if (!TryMap(devices, function, CommonType, CommonLength, out IRegisterWindow? common, out _)
            || !TryMap(devices, function, NotifyType, sizeof(ushort), out IRegisterWindow? notify, out int notifyCapability))
        {
            return null;
        }

        bool hasConfiguration = TryMap(devices, function, DeviceType, sizeof(uint), out IRegisterWindow? configuration, out _);
        uint multiplier = function.Read(notifyCapability + NotifyCapabilityLength - sizeof(uint));
        return new PciTransport(
            devices, function, GetKind(device), common, notify, multiplier, hasConfiguration ? configuration : null);
    }

    public override ulong ReadFeatures()
    {
        _common.WriteUInt32(DeviceFeatureSelect, 1);
        ulong high = _common.ReadUInt32(DeviceFeature);
        _common.WriteUInt32(DeviceFeatureSelect, 0);
        return (high << 32) | _common.ReadUInt32(DeviceFeature);
    }

    public override void WriteFeatures(ulong features)
    {
        _common.WriteUInt32(DriverFeatureSelect, 1);
        _common.WriteUInt32(DriverFeature, (uint)(features >> 32));
        _common.WriteUInt32(DriverFeatureSelect, 0);
        _common.WriteUInt32(DriverFeature, (uint)features);
    }

    public override bool TryConnectInterrupts()
    {
        if (!MsixTable.TryOpen(_devices, _function, out MsixTable? table) || table.Count <= QueueEntry
            || !_devices.TryConnectMessage(out _configurationLine, out InterruptMessage configuration)
            || !_devices.TryConnectMessage(out _queueLine, out InterruptMessage queues))
        {
            return false;
        }

        table.Set(ConfigurationEntry, configuration);
        table.Set(QueueEntry, queues);
        table.Enable();
        _common.WriteUInt16(ConfigurationVector, ConfigurationEntry);
        return _common.ReadUInt16(ConfigurationVector) != NoVector; // so it says that it has no room for one
    }

    public override int GetMaximumQueueSize(int queue)
    {
        _common.WriteUInt16(QueueSelect, (ushort)queue);
        return Math.Min(_common.ReadUInt16(QueueSize), (ushort)Virtqueue.MaximumSize);
    }

    public override bool TryEnableQueue(int queue, VirtqueueLayout layout)
    {
        _common.WriteUInt16(QueueSelect, (ushort)queue);
        if (_common.ReadUInt16(QueueEnable) != 0)
        {
            return false;
        }

        _common.WriteUInt16(QueueSize, (ushort)layout.Size);
        _common.WriteUInt16(QueueVector, QueueEntry);
        ulong offset = (ulong)_common.ReadUInt16(QueueNotifyOffset) * _notifyMultiplier;
        if (_common.ReadUInt16(QueueVector) == NoVector
            || offset > (ulong)(_notify.Length - sizeof(ushort)) || offset % sizeof(ushort) != 0)
        {
            return false;
        }

        WriteAddress(QueueDescriptors, layout.DescriptorAddress);
        WriteAddress(QueueDriverArea, layout.AvailableAddress);
        WriteAddress(QueueDeviceArea, layout.UsedAddress);
        _common.WriteUInt16(QueueEnable, 1);
        if (queue >= _notifyOffsets.Length)
        {
            Array.Resize(ref _notifyOffsets, queue + 1);
        }

        _notifyOffsets[queue] = (int)offset;
        return true;
    }

    public override void Notify(int queue) => _notify.WriteUInt16(_notifyOffsets[queue], (ushort)queue);

    public override VirtioInterrupt TakeInterrupt() =>
        (_configurationLine is not null && _configurationLine.TryTake() ? VirtioInterrupt.Configuration : VirtioInterrupt.None)
        | (_queueLine is not null && _queueLine.TryTake() ? VirtioInterrupt.Queue : VirtioInterrupt.None);

    public override byte ReadConfiguration(int offset) =>
        _configuration is not null && offset < _configuration.Length ? _configuration.ReadByte(offset) : (byte)0;

    private static VirtioDeviceKind GetKind(ushort device) => device switch
    {
        >= FirstModernDevice => (VirtioDeviceKind)(device - FirstModernDevice),
        0x1000 => VirtioDeviceKind.Network,
        0x1003 => VirtioDeviceKind.Console,
        0x1005 => VirtioDeviceKind.Entropy,
        0x1009 => VirtioDeviceKind.NineP,
        _ => VirtioDeviceKind.None,
    };

    /// <summary>Maps the registers that a capability points to (4.1.4): the first usable one of its type is the one to use.</summary>
    private static bool TryMap(
        IDeviceAccess devices,
        PciFunction function,
        int type,
        int minimumLength,
        [NotNullWhen(true)] out IRegisterWindow? window,
        out int capability)
    {
        const int MostCapabilities = 48;
        const int BarOffset = 4;
        const int OffsetOffset = 8;
        const int LengthOffset = 12;
        capability = 0;
        for (int i = 0; i < MostCapabilities; i++)
        {
            capability = function.FindCapability(VendorCapability, capability);
            if (capability is 0 or > 256 - NotifyCapabilityLength)
            {
                break;
            }

            ulong bar = function.GetBar((int)(function.Read(capability + BarOffset) & 0xFF));
            uint offset = function.Read(capability + OffsetOffset);
            uint length = Math.Min(function.Read(capability + LengthOffset), IRegisterWindow.MaximumLength);
            if ((function.Read(capability) >> 24) == (uint)type
                && bar != 0
                && length >= minimumLength
                && devices.TryMapRegisters(bar + offset, (int)length, out window))
            {
                return true;
            }
        }

        window = null;
        return false;
    }

    private void WriteAddress(int offset, ulong address)
    {
        _common.WriteUInt32(offset, (uint)address);
        _common.WriteUInt32(offset + sizeof(uint), (uint)(address >> 32));
    }
}
