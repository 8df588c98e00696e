using System.Buffers.Binary;
using Semitone.Fakes;

namespace Semitone.Unit.Drivers;

/// <summary>A chain of buffers as a device finds it.</summary>
internal sealed record DeviceChain(ushort Head, List<(ulong Address, int Length)> Readable, List<(ulong Address, int Length)> Writable);

/// <summary>The device's side of a split virtqueue, written from virtio 1.2, 2.7: it knows nothing of the driver's code.</summary>
/// <remarks>What a driver must not do fails the test (<see cref="InvalidOperationException"/>).</remarks>
internal sealed class DeviceQueue(FakeDevices devices, int maximumSize)
{
    private const ushort Next = 1;
    private const ushort Write = 2;
    private const ushort Indirect = 4;

    private ushort _available;
    private ushort _used;

    public int MaximumSize => maximumSize;

    public int Size { get; set; }

    public bool IsEnabled { get; set; }

    public ulong Descriptors { get; set; }

    public ulong Driver { get; set; }

    public ulong Device { get; set; }

    public bool HasEventIndex { get; set; }

    /// <summary>It has given back what it had not taken: there is no telling any more what the driver may do.</summary>
    public bool HasLied { get; set; }

    public bool HasIndirect { get; set; }

    public ushort UsedIndex => _used;

    /// <summary>Chains that are there to be taken.</summary>
    public int AvailableCount => (ushort)(Load16(Driver + 2) - _available);

    /// <summary>What the driver has to notify after (avail_event).</summary>
    public ushort AvailableEvent
    {
        set => Store16(Device + 4 + (8 * (ulong)Size), value);
    }

    public void Reset()
    {
        _available = 0;
        _used = 0;
        Size = 0;
        IsEnabled = false;
    }

    /// <summary>Takes the next chain.</summary>
    public DeviceChain? Take()
    {
        if (!IsEnabled || AvailableCount == 0)
        {
            return null;
        }

        if (AvailableCount > Size)
        {
            if (HasLied)
            {
                return null;
            }

            throw new InvalidOperationException("the driver offers more chains than there are descriptors");
        }

        ushort head = Load16(Driver + 4 + (2 * (ulong)(_available % Size)));
        _available++;
        if (HasEventIndex)
        {
            AvailableEvent = _available;
        }

        DeviceChain chain = new(head, [], []);
        Walk(chain, Descriptors, head, Size, mayBeIndirect: true);
        return chain;
    }

    /// <summary>Gives a chain back.</summary>
    /// <returns>Whether the driver wants an interrupt.</returns>
    public bool Return(uint id, uint length)
    {
        ulong entry = Device + 4 + (8 * (ulong)(_used % Size));
        BinaryPrimitives.WriteUInt32LittleEndian(devices.GetDeviceMemory(entry, 4), id);
        BinaryPrimitives.WriteUInt32LittleEndian(devices.GetDeviceMemory(entry + 4, 4), length);
        ushort before = _used;
        SetUsedIndex((ushort)(_used + 1));
        if (!HasEventIndex)
        {
            return (Load16(Driver) & 1) == 0;
        }

        ushort wanted = Load16(Driver + 4 + (2 * (ulong)Size));
        return (ushort)(_used - wanted - 1) < (ushort)(_used - before);
    }

    /// <summary>Sets the index that the driver reads, whatever sense it makes.</summary>
    public void SetUsedIndex(ushort index)
    {
        _used = index;
        Store16(Device + 2, index);
    }

    public byte[] ReadAll(DeviceChain chain)
    {
        MemoryStream bytes = new();
        foreach ((ulong address, int length) in chain.Readable)
        {
            bytes.Write(devices.GetDeviceMemory(address, length));
        }

        return bytes.ToArray();
    }

    /// <summary>Fills a chain's buffers.</summary>
    /// <returns>Bytes written.</returns>
    public int Fill(DeviceChain chain, ReadOnlySpan<byte> bytes)
    {
        int done = 0;
        foreach ((ulong address, int length) in chain.Writable)
        {
            int count = Math.Min(length, bytes.Length - done);
            bytes.Slice(done, count).CopyTo(devices.GetDeviceMemory(address, count));
            done += count;
        }

        return done;
    }

    private void Walk(DeviceChain chain, ulong table, ushort first, int count, bool mayBeIndirect)
    {
        int index = first;
        for (int i = 0; i < count; i++)
        {
            if (index >= count)
            {
                throw new InvalidOperationException($"descriptor {index} of {count}");
            }

            Span<byte> descriptor = devices.GetDeviceMemory(table + (16 * (ulong)index), 16);
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            int length = BinaryPrimitives.ReadInt32LittleEndian(descriptor[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[12..]);
            if ((flags & Indirect) != 0)
            {
                if (!mayBeIndirect || !HasIndirect || (flags & Next) != 0 || length == 0 || length % 16 != 0)
                {
                    throw new InvalidOperationException("an indirect descriptor that must not be");
                }

                Walk(chain, address, 0, length / 16, mayBeIndirect: false);
                return;
            }

            devices.GetDeviceMemory(address, length);
            if (length == 0 || ((flags & Write) == 0 && chain.Writable.Count > 0))
            {
                throw new InvalidOperationException("an empty buffer, or one to read behind one to write");
            }

            ((flags & Write) != 0 ? chain.Writable : chain.Readable).Add((address, length));
            if ((flags & Next) == 0)
            {
                return;
            }

            index = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[14..]);
        }

        throw new InvalidOperationException("a chain that has no end");
    }

    private ushort Load16(ulong address) => BinaryPrimitives.ReadUInt16LittleEndian(devices.GetDeviceMemory(address, 2));

    private void Store16(ulong address, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(devices.GetDeviceMemory(address, 2), value);
}
