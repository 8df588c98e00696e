using System.Buffers.Binary;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

/// <summary>A virtio device written from the specification (virtio 1.2, 2 and 3), which a transport shows to the driver.</summary>
/// <remarks>It insists on the order of the initialisation, as the strictest ones do. Misbehaviour is switched on by tests.</remarks>
internal sealed class FakeVirtioDevice
{
    public const ulong Version1 = 1UL << 32;
    public const ulong EventIndex = 1UL << 29;
    public const ulong Indirect = 1UL << 28;

    public const byte Acknowledge = 1;
    public const byte Driver = 2;
    public const byte DriverOk = 4;
    public const byte FeaturesOk = 8;
    public const byte NeedsReset = 64;
    public const byte Failed = 128;

    private readonly DeviceQueue[] _queues;

    public FakeVirtioDevice(FakeDevices devices, uint kind, ulong features, params int[] queueSizes)
    {
        Kind = kind;
        Features = features;
        _queues = [.. queueSizes.Select(size => new DeviceQueue(devices, size))];
    }

    public uint Kind { get; }

    public ulong Features { get; set; }

    public ulong DriverFeatures { get; private set; }

    public byte Status { get; private set; }

    /// <summary>Bits to set: 1 for queues, 2 for the configuration.</summary>
    public uint Interrupts { get; private set; }

    public byte[] Configuration { get; set; } = [];

    public int NotifyCount { get; private set; }

    public int ResetCount { get; private set; }

    /// <summary>What it does when it is told of a queue.</summary>
    public Action<int>? OnNotify { get; set; }

    /// <summary>Raises the interrupt for a reason.</summary>
    public Action<uint>? OnInterrupt { get; set; }

    /// <summary>It does not come out of its reset.</summary>
    public bool HangsInReset { get; set; }

    /// <summary>It takes no features at all.</summary>
    public bool RefusesFeatures { get; set; }

    public DeviceQueue this[int queue] => _queues[queue];

    public int QueueCount => _queues.Length;

    public void WriteStatus(byte status)
    {
        if (status == 0)
        {
            Reset();
            return;
        }

        // A driver must not clear a bit, and sets them one after the other (3.1.1).
        if ((Status & ~status) != 0 || !IsStep((byte)(status & ~Status)))
        {
            throw new InvalidOperationException($"status 0x{Status:x} is followed by 0x{status:x}");
        }

        if (status == (Acknowledge | Driver | FeaturesOk) && (RefusesFeatures || (DriverFeatures & ~Features) != 0))
        {
            status &= unchecked((byte)~FeaturesOk);
        }

        Status = status;
    }

    public void WriteFeatures(int half, uint value)
    {
        Expect(Acknowledge | Driver, "features");
        DriverFeatures = half == 0
            ? (DriverFeatures & ~(ulong)uint.MaxValue) | value
            : (DriverFeatures & uint.MaxValue) | ((ulong)value << 32);
    }

    /// <summary>The queue that its registers are written of.</summary>
    public DeviceQueue Configure(uint queue)
    {
        Expect(Acknowledge | Driver | FeaturesOk, "a queue");
        return _queues[queue];
    }

    public void Enable(uint queue)
    {
        DeviceQueue configured = Configure(queue);
        if (configured.Size is <= 0 || configured.Size > configured.MaximumSize || !int.IsPow2(configured.Size)
            || configured.Descriptors % 16 != 0 || configured.Driver % 2 != 0 || configured.Device % 4 != 0)
        {
            throw new InvalidOperationException("a queue that cannot be");
        }

        configured.HasEventIndex = (DriverFeatures & EventIndex) != 0;
        configured.HasIndirect = (DriverFeatures & Indirect) != 0;
        configured.IsEnabled = true;
    }

    public void Notify(int queue)
    {
        if ((Status & DriverOk) == 0)
        {
            throw new InvalidOperationException("notified before it was started");
        }

        NotifyCount++;
        if ((Status & NeedsReset) == 0)
        {
            OnNotify?.Invoke(queue);
        }
    }

    /// <summary>Gives a chain back, and interrupts when the driver wants to hear of it.</summary>
    public void Return(int queue, DeviceChain chain, int length) => Return(queue, chain.Head, (uint)length);

    public void Return(int queue, uint id, uint length)
    {
        if (_queues[queue].Return(id, length))
        {
            Raise(1);
        }
    }

    public void Raise(uint reason)
    {
        Interrupts |= reason;
        OnInterrupt?.Invoke(reason);
    }

    public void AcknowledgeInterrupts(uint reasons) => Interrupts &= ~reasons;

    /// <summary>Says that it cannot go on.</summary>
    public void Break()
    {
        Status |= NeedsReset;
        Raise(2);
    }

    /// <summary>Forgets everything, as when the driver asks for it.</summary>
    public void Reset()
    {
        ResetCount++;
        DriverFeatures = 0;
        Interrupts = 0;
        Status = HangsInReset ? DriverOk : (byte)0;
        foreach (DeviceQueue queue in _queues)
        {
            queue.Reset();
        }
    }

    public uint ReadConfiguration(int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes.Clear();
        Configuration.AsSpan(Math.Min(offset, Configuration.Length)..Math.Min(offset + width, Configuration.Length)).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private static bool IsStep(byte added) => added is 0 or Acknowledge or Driver or FeaturesOk or DriverOk or Failed;

    private void Expect(int status, string what)
    {
        if (Status != status)
        {
            throw new InvalidOperationException($"{what} at status 0x{Status:x}");
        }
    }
}
