using Semitone.Machine;

namespace Semitone.Drivers;

/// <summary>Where the three parts of a split virtqueue lie (virtio 1.2, 2.7), as its device is told.</summary>
/// <remarks>
/// Up to 128 descriptors all of it fits in one page; 256 fill a page of their own. The gaps satisfy the alignments: 16, 2 and 4 bytes.
/// </remarks>
internal readonly struct VirtqueueLayout
{
    private const int MostInOnePage = 128;

    private VirtqueueLayout(int size, IDmaPage descriptors, IDmaPage rings)
    {
        Size = size;
        Descriptors = descriptors;
        Rings = rings;
        bool isOnePage = size <= MostInOnePage;
        AvailableOffset = isOnePage ? 2048 : 0;
        UsedOffset = isOnePage ? 2560 : 1024;
    }

    /// <summary>Descriptors, and entries of each ring.</summary>
    public int Size { get; }

    public IDmaPage Descriptors { get; }

    public IDmaPage Rings { get; }

    /// <summary>Of the driver area (flags, index, ring, used_event) in its page.</summary>
    public int AvailableOffset { get; }

    /// <summary>Of the device area (flags, index, ring, avail_event) in its page.</summary>
    public int UsedOffset { get; }

    public ulong DescriptorAddress => Descriptors.DeviceAddress;

    public ulong AvailableAddress => Rings.DeviceAddress + (ulong)AvailableOffset;

    public ulong UsedAddress => Rings.DeviceAddress + (ulong)UsedOffset;

    /// <summary>Takes the memory, with rings of zeros.</summary>
    /// <returns>False when memory has run out.</returns>
    public static bool TryCreate(IDeviceAccess devices, int size, out VirtqueueLayout layout)
    {
        layout = default;
        if (!devices.TryAllocateDmaPage(out IDmaPage? descriptors))
        {
            return false;
        }

        IDmaPage? rings = descriptors;
        if (size > MostInOnePage && !devices.TryAllocateDmaPage(out rings))
        {
            return false;
        }

        layout = new VirtqueueLayout(size, descriptors, rings);
        Clear(rings, layout.AvailableOffset, VirtqueueRing.AvailableLength(size));
        Clear(rings, layout.UsedOffset, VirtqueueRing.UsedLength(size));
        return true;
    }

    private static void Clear(IDmaPage page, int offset, int length)
    {
        Span<byte> zeros = stackalloc byte[64];
        zeros.Clear();
        for (int done = 0; done < length; done += zeros.Length)
        {
            page.Write(offset + done, zeros[..Math.Min(zeros.Length, length - done)]);
        }
    }
}

/// <summary>Offsets and bits of a split virtqueue (virtio 1.2, 2.7.5 to 2.7.8).</summary>
internal static class VirtqueueRing
{
    public const int DescriptorSize = 16;
    public const int DescriptorLength = 8;
    public const int DescriptorFlags = 12;
    public const int DescriptorNext = 14;

    public const int Flags = 0;
    public const int Index = 2;
    public const int Entries = 4;
    public const int AvailableEntrySize = 2;
    public const int UsedEntrySize = 8;

    public const ushort HasNext = 1;
    public const ushort DeviceWrites = 2;
    public const ushort IsIndirect = 4;

    /// <summary>In the driver area: the device need not interrupt. Without event indexes only.</summary>
    public const ushort NoInterrupt = 1;

    /// <summary>In the device area: the driver need not notify. Without event indexes only.</summary>
    public const ushort NoNotify = 1;

    public static int AvailableLength(int size) => Entries + (size * AvailableEntrySize) + sizeof(ushort);

    public static int UsedLength(int size) => Entries + (size * UsedEntrySize) + sizeof(ushort);

    /// <summary>Of used_event, in the driver area.</summary>
    public static int UsedEvent(int size) => Entries + (size * AvailableEntrySize);

    /// <summary>Of avail_event, in the device area.</summary>
    public static int AvailableEvent(int size) => Entries + (size * UsedEntrySize);
}
