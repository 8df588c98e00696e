namespace Semitone.Drivers;

/// <summary>Feature bits that say nothing of what kind of device it is (virtio 1.2, 6).</summary>
[Flags]
public enum VirtioFeatures : ulong
{
    None = 0,

    /// <summary>Descriptors may refer to tables of descriptors (VIRTIO_F_INDIRECT_DESC).</summary>
    IndirectDescriptors = 1UL << 28,

    /// <summary>Each side says at which index it wants to hear from the other (VIRTIO_F_EVENT_IDX).</summary>
    EventIndex = 1UL << 29,

    /// <summary>The device follows virtio 1.0 or later (VIRTIO_F_VERSION_1). Nothing else is driven here.</summary>
    Version1 = 1UL << 32,
}

/// <summary>The device status field (virtio 1.2, 2.1).</summary>
[Flags]
public enum VirtioStatus : byte
{
    None = 0,
    Acknowledge = 1,
    Driver = 2,
    DriverOk = 4,
    FeaturesOk = 8,

    /// <summary>The device has met an error that it cannot get out of by itself.</summary>
    NeedsReset = 64,

    /// <summary>The driver has given the device up.</summary>
    Failed = 128,
}

/// <summary>The kinds of devices that are driven here (virtio 1.2, 5).</summary>
public enum VirtioDeviceKind
{
    None = 0,
    Network = 1,
    Console = 3,
    Entropy = 4,
    NineP = 9,
}

/// <summary>Why a device has interrupted.</summary>
[Flags]
public enum VirtioInterrupt
{
    None = 0,

    /// <summary>It has done with chains of some queue.</summary>
    Queue = 1,

    /// <summary>Its configuration has changed, or it needs a reset.</summary>
    Configuration = 2,
}
