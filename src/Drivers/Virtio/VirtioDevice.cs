using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>A virtio device on its way from reset to work, and to failure (virtio 1.2, 3.1).</summary>
/// <remarks>
/// <see cref="TryBegin"/>, the queues, <see cref="Start"/>; then <see cref="Notify"/> and <see cref="TakeInterrupt"/>. A device that fails
/// is marked so and not touched any more. What it had been offered stays its own: it may go on writing there.
/// </remarks>
public sealed class VirtioDevice
{
    /// <summary>How long a device may take for its reset.</summary>
    private const long ResetLimitNs = 100_000_000;

    private readonly IDeviceAccess _devices;
    private readonly VirtioTransport _transport;
    private readonly IClock _clock;
    private VirtioFeatures _features;
    private VirtioStatus _status;
    private bool _hasFailed;
    private bool _hasConfigurationChanged;

    internal VirtioDevice(IDeviceAccess devices, VirtioTransport transport, IClock clock)
    {
        _devices = devices;
        _transport = transport;
        _clock = clock;
    }

    public VirtioDeviceKind Kind => _transport.Kind;

    /// <summary>What to call it in a message.</summary>
    public string Name => _transport.Name;

    /// <summary>Whether it was given up.</summary>
    public bool HasFailed
    {
        [NonAllocating]
        get => _hasFailed;
    }

    /// <summary>Resets the device and agrees on features.</summary>
    /// <param name="wanted">Bits of the device's kind that the driver makes use of.</param>
    /// <param name="features">Of those, the ones that the device has.</param>
    /// <param name="problem">Why not.</param>
    /// <returns>False when the device is not usable.</returns>
    public bool TryBegin(ulong wanted, out ulong features, [NotNullWhen(false)] out string? problem)
    {
        features = 0;
        if (!TryReset())
        {
            problem = "it does not come out of its reset";
            return false;
        }

        SetStatus(VirtioStatus.Acknowledge);
        SetStatus(VirtioStatus.Driver);
        const ulong Own = (ulong)(VirtioFeatures.Version1 | VirtioFeatures.EventIndex | VirtioFeatures.IndirectDescriptors);
        ulong taken = _transport.ReadFeatures() & (wanted | Own);
        if ((taken & (ulong)VirtioFeatures.Version1) == 0)
        {
            problem = "it is a legacy device (QEMU: -global virtio-mmio.force-legacy=off)";
            return Fail();
        }

        _transport.WriteFeatures(taken);
        SetStatus(VirtioStatus.FeaturesOk);
        if ((_transport.Status & VirtioStatus.FeaturesOk) == 0)
        {
            problem = "it refuses the features";
            return Fail();
        }

        if (!_transport.TryConnectInterrupts())
        {
            problem = "its interrupts cannot be connected";
            return Fail();
        }

        _features = (VirtioFeatures)taken;
        features = taken & wanted;
        problem = null;
        return true;
    }

    /// <summary>Makes a queue, before <see cref="Start"/>.</summary>
    /// <param name="index">The queue's number.</param>
    /// <param name="size">Descriptors, a power of two up to <see cref="Virtqueue.MaximumSize"/>; fewer where the device has fewer.</param>
    /// <param name="longestChain">The most segments of a chain; more than one makes tables for them where the device knows such.</param>
    /// <param name="queue">The queue.</param>
    /// <returns>False when there is no such queue, or no memory. The device is to be given up then.</returns>
    public bool TryAddQueue(int index, int size, int longestChain, [NotNullWhen(true)] out Virtqueue? queue)
    {
        queue = null;
        int most = Math.Min(Math.Min(size, _transport.GetMaximumQueueSize(index)), Virtqueue.MaximumSize);
        if (most <= 0)
        {
            return Fail();
        }

        // The device's own limit need not be a power of two, the queue must (2.7).
        size = 1 << BitOperations.Log2((uint)most);
        if (!VirtqueueLayout.TryCreate(_devices, size, out VirtqueueLayout layout)
            || !TryMakeTables(size, longestChain, out IDmaPage[] tables, out int tableLength)
            || !_transport.TryEnableQueue(index, layout))
        {
            return Fail();
        }

        queue = new Virtqueue(layout, index, (_features & VirtioFeatures.EventIndex) != 0, tables, tableLength);
        return true;
    }

    /// <summary>Takes pages for buffers.</summary>
    /// <returns>False when memory has run out.</returns>
    public bool TryAllocatePages(int count, out IDmaPage[] pages)
    {
        pages = new IDmaPage[count];
        for (int i = 0; i < count; i++)
        {
            if (!_devices.TryAllocateDmaPage(out IDmaPage? page))
            {
                return false;
            }

            pages[i] = page;
        }

        return true;
    }

    /// <summary>Lets the device work.</summary>
    public void Start() => SetStatus(VirtioStatus.DriverOk);

    /// <summary>Lets the device see what was added to a queue.</summary>
    [NonAllocating]
    public void Notify(Virtqueue queue)
    {
        if (queue.Publish() && !HasFailed)
        {
            _transport.Notify(queue.Index);
        }
    }

    /// <summary>Takes note of the device's interrupts; to be called before the queues are looked at.</summary>
    /// <returns>Whether there was one.</returns>
    [NonAllocating]
    public bool TakeInterrupt()
    {
        VirtioInterrupt reason = _transport.TakeInterrupt();
        if ((reason & VirtioInterrupt.Configuration) != 0)
        {
            _hasConfigurationChanged = true;
            CheckStatus();
        }

        return reason != VirtioInterrupt.None && !HasFailed;
    }

    /// <summary>Tells whether the device's own configuration has changed since this was asked the last time.</summary>
    [NonAllocating]
    public bool TakeConfigurationChange()
    {
        bool hasChanged = _hasConfigurationChanged;
        _hasConfigurationChanged = false;
        return hasChanged;
    }

    /// <summary>Looks whether the device says that it does nothing more, or has forgotten the driver.</summary>
    [NonAllocating]
    public void CheckStatus()
    {
        VirtioStatus status = _transport.Status;
        if (!HasFailed && ((status & VirtioStatus.NeedsReset) != 0 || (status & VirtioStatus.DriverOk) == 0))
        {
            Fail();
        }
    }

    /// <summary>Gives the device up.</summary>
    /// <returns>False.</returns>
    [NonAllocating]
    public bool Fail()
    {
        // A driver takes no bit away (2.1.1), NEEDS_RESET neither.
        _hasFailed = true;
        _transport.Status |= VirtioStatus.Failed;
        return false;
    }

    /// <summary>Reads a byte of the device's own configuration, which must not change meanwhile.</summary>
    public byte ReadConfiguration(int offset) => _transport.ReadConfiguration(offset);

    private bool TryReset()
    {
        _status = VirtioStatus.None;
        _transport.Status = VirtioStatus.None;
        long limitNs = _clock.MonotonicNs + ResetLimitNs;
        const int MostReads = 1_000_000; // should the clock stand still
        for (int i = 0; i < MostReads; i++)
        {
            if (_transport.Status == VirtioStatus.None)
            {
                return true;
            }

            if (_clock.MonotonicNs > limitNs)
            {
                break;
            }
        }

        return false;
    }

    private void SetStatus(VirtioStatus added)
    {
        _status |= added;
        _transport.Status = _status;
    }

    private bool TryMakeTables(int size, int longestChain, out IDmaPage[] tables, out int tableLength)
    {
        tables = [];
        tableLength = 0;
        if (longestChain <= 1 || (_features & VirtioFeatures.IndirectDescriptors) == 0)
        {
            return true;
        }

        const int PerPage = IDmaPage.Size / VirtqueueRing.DescriptorSize;
        tableLength = Math.Min(longestChain, PerPage);
        int tablesPerPage = PerPage / tableLength;
        return TryAllocatePages((size + tablesPerPage - 1) / tablesPerPage, out tables);
    }
}
