namespace Semitone.Drivers;

/// <summary>How a virtio device is reached: by registers in memory or as a PCI function (virtio 1.2, 4.1 and 4.2).</summary>
internal interface IVirtioTransport
{
    VirtioDeviceKind Kind { get; }

    /// <summary>What to call it in a message.</summary>
    string Name { get; }

    /// <summary>The status field. Writing <see cref="VirtioStatus.None"/> resets the device; it is done when that is read back.</summary>
    VirtioStatus Status
    {
        [NonAllocating]
        get;
        [NonAllocating]
        set;
    }

    ulong ReadFeatures();

    void WriteFeatures(ulong features);

    /// <summary>Connects the device's interrupts. To be called once, after a reset and before any queue is enabled.</summary>
    /// <returns>False when that is not possible.</returns>
    bool TryConnectInterrupts();

    /// <summary>The most descriptors that a queue can have; 0 where there is no such queue.</summary>
    int GetMaximumQueueSize(int queue);

    /// <summary>Tells the device where a queue lies, and enables it.</summary>
    /// <returns>False when the device does not take it.</returns>
    bool TryEnableQueue(int queue, VirtqueueLayout layout);

    /// <summary>Tells the device that a queue has something for it.</summary>
    [NonAllocating]
    void Notify(int queue);

    /// <summary>Tells why the device has interrupted since the last time, and lets it interrupt again.</summary>
    /// <remarks>To be called before the queues are looked at: what comes after that interrupts again.</remarks>
    [NonAllocating]
    VirtioInterrupt TakeInterrupt();

    /// <summary>Reads a byte of the device's own configuration; 0 beyond the end of its window.</summary>
    byte ReadConfiguration(int offset);
}
