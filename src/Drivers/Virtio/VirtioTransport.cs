namespace Semitone.Drivers;

/// <summary>How a virtio device is reached: by registers in memory or as a PCI function (virtio 1.2, 4.1 and 4.2).</summary>
/// <remarks>A class and no interface: at boot each is called once, and the first call of an interface's method costs thousands of
/// instructions where there are two implementations.</remarks>
internal abstract class VirtioTransport
{
    public abstract VirtioDeviceKind Kind { get; }

    /// <summary>What to call it in a message.</summary>
    public abstract string Name { get; }

    /// <summary>The status field. Writing <see cref="VirtioStatus.None"/> resets the device; it is done when that is read back.</summary>
    public abstract VirtioStatus Status
    {
        [NonAllocating]
        get;
        [NonAllocating]
        set;
    }

    public abstract ulong ReadFeatures();

    public abstract void WriteFeatures(ulong features);

    /// <summary>Connects the device's interrupts. To be called once, after a reset and before any queue is enabled.</summary>
    /// <returns>False when that is not possible.</returns>
    public abstract bool TryConnectInterrupts();

    /// <summary>The most descriptors that a queue can have; 0 where there is no such queue.</summary>
    public abstract int GetMaximumQueueSize(int queue);

    /// <summary>Tells the device where a queue lies, and enables it.</summary>
    /// <returns>False when the device does not take it.</returns>
    public abstract bool TryEnableQueue(int queue, VirtqueueLayout layout);

    /// <summary>Tells the device that a queue has something for it.</summary>
    [NonAllocating]
    public abstract void Notify(int queue);

    /// <summary>Tells why the device has interrupted since the last time, and lets it interrupt again.</summary>
    /// <remarks>To be called before the queues are looked at: what comes after that interrupts again.</remarks>
    [NonAllocating]
    public abstract VirtioInterrupt TakeInterrupt();

    /// <summary>Reads a byte of the device's own configuration; 0 beyond the end of its window.</summary>
    public abstract byte ReadConfiguration(int offset);
}
