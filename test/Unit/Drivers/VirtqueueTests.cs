using Semitone.Drivers;
using Semitone.Fakes;
using Semitone.Machine;

namespace Semitone.Unit.Drivers;

public sealed class VirtqueueTests
{
    private readonly FakeDevices _devices = new();

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(128)]
    [InlineData(256)]
    public void Chains_OfAnySize_ReachTheDeviceWholeAndComeBack(int size)
    {
        (Virtqueue queue, DeviceQueue device) = Make(size);
        IDmaPage page = TakePage();
        for (int round = 0; round < 70_000 / size; round++)
        {
            // Over the wrap of the indexes.
            for (int i = 0; i < size; i++)
            {
                Assert.True(queue.TryAdd([new DmaSegment(page, i, 1, IsForDevice: false)], 1000 + i));
            }

            Assert.False(queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: false)], 0));
            queue.Publish();
            for (int i = 0; i < size; i++)
            {
                DeviceChain chain = device.Take()!;
                Assert.Equal(page.DeviceAddress + (ulong)i, Assert.Single(chain.Readable).Address);
                device.Return(chain.Head, 0);
                Assert.True(queue.TryTake(out int token, out int length));
                Assert.Equal((1000 + i, 0), (token, length));
            }

            Assert.False(queue.TryTake(out _, out _));
        }

        Assert.False(queue.IsBroken);
        Assert.Equal(size, queue.FreeCount);
    }

    /// <summary>Any order of offering and returning, beside a list of what the device has.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Chains_InAnyOrder_ComeBackOnce(bool hasEventIndex, bool hasIndirect)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            (Virtqueue queue, DeviceQueue device) = Make(16, hasEventIndex, hasIndirect ? 6 : 0);
            IDmaPage page = TakePage();
            Dictionary<int, int> offered = [];
            List<DeviceChain> taken = [];
            int nextToken = 0;
            for (int step = 0; step < 2000; step++)
            {
                switch (random.Next(4))
                {
                    case 0:
                        int readable = random.Next(4);
                        int writable = random.Next(readable == 0 ? 1 : 0, 4);
                        List<DmaSegment> segments = [];
                        for (int i = 0; i < readable + writable; i++)
                        {
                            segments.Add(new DmaSegment(page, random.Next(4000), random.Next(1, 96), i >= readable));
                        }

                        int before = queue.FreeCount;
                        bool isAdded = queue.TryAdd([.. segments], nextToken);
                        Assert.Equal(hasIndirect ? before > 0 : before >= segments.Count, isAdded);
                        if (isAdded)
                        {
                            offered.Add(nextToken++, segments.Where(segment => segment.IsForDevice).Sum(segment => segment.Length));
                        }

                        break;
                    case 1:
                        queue.Publish();
                        break;
                    case 2:
                        while (device.Take() is { } chain)
                        {
                            taken.Add(chain);
                        }

                        break;
                    default:
                        if (taken.Count > 0)
                        {
                            int pick = random.Next(taken.Count);
                            int room = taken[pick].Writable.Sum(segment => segment.Length);
                            int written = random.Next(room + 1);
                            device.Return(taken[pick].Head, (uint)written);
                            taken.RemoveAt(pick);
                            Assert.True(queue.TryTake(out int token, out int length));
                            Assert.Equal(written, length);
                            Assert.Equal(room, offered[token]);
                            Assert.True(offered.Remove(token));
                        }

                        break;
                }

                Assert.Equal(offered.Count, queue.OutstandingCount);
            }

            Assert.False(queue.IsBroken);
        }
    }

    /// <summary>An id that the queue does not have, or that the device does not hold (any more).</summary>
    [Theory]
    [InlineData(8u)]
    [InlineData(7u)]
    [InlineData(0x1_0000u)]
    [InlineData(uint.MaxValue)]
    public void Take_IdThatTheDeviceDoesNotHold_BreaksTheQueue(uint id)
    {
        (Virtqueue queue, DeviceQueue device) = Make(8);
        IDmaPage page = TakePage();
        queue.TryAdd([new DmaSegment(page, 0, 16, IsForDevice: true)], 1);
        queue.TryAdd([new DmaSegment(page, 16, 16, IsForDevice: true)], 2);
        queue.Publish();
        device.Return(id, 0);
        CheckBroken(queue, page);
    }

    [Fact]
    public void Take_SameIdTwice_BreaksTheQueue()
    {
        (Virtqueue queue, DeviceQueue device) = Make(8);
        IDmaPage page = TakePage();
        queue.TryAdd([new DmaSegment(page, 0, 16, IsForDevice: true)], 1);
        queue.TryAdd([new DmaSegment(page, 16, 16, IsForDevice: true)], 2);
        queue.Publish();
        DeviceChain chain = device.Take()!;
        device.Return(chain.Head, 16);
        Assert.True(queue.TryTake(out _, out _));
        device.Return(chain.Head, 16);
        CheckBroken(queue, page);
    }

    [Theory]
    [InlineData(33u)]
    [InlineData(uint.MaxValue)]
    [InlineData(0x8000_0000u)]
    public void Take_MoreBytesThanWereOffered_BreaksTheQueue(uint length)
    {
        (Virtqueue queue, DeviceQueue device) = Make(8);
        IDmaPage page = TakePage();
        queue.TryAdd([new DmaSegment(page, 0, 64, IsForDevice: false), new DmaSegment(page, 64, 32, IsForDevice: true)], 1);
        queue.Publish();
        device.Return(device.Take()!.Head, length);
        CheckBroken(queue, page);
    }

    [Theory]
    [InlineData((ushort)2)]
    [InlineData((ushort)9)]
    [InlineData((ushort)0x8000)]
    [InlineData((ushort)0xFFFF)]
    public void Take_IndexThatJumps_BreaksTheQueue(ushort index)
    {
        (Virtqueue queue, DeviceQueue device) = Make(8);
        IDmaPage page = TakePage();
        queue.TryAdd([new DmaSegment(page, 0, 16, IsForDevice: true)], 1);
        queue.Publish();
        device.SetUsedIndex(index);
        CheckBroken(queue, page);
    }

    /// <summary>The device has the whole ring in its hands: what it scribbles over descriptors changes nothing of what is free.</summary>
    [Fact]
    public void Descriptors_ThatTheDeviceHasOverwritten_AreNotReadBack()
    {
        (Virtqueue queue, DeviceQueue device) = Make(8);
        IDmaPage page = TakePage();
        for (int round = 0; round < 100; round++)
        {
            queue.TryAdd([new DmaSegment(page, 0, 16, IsForDevice: false), new DmaSegment(page, 16, 16, IsForDevice: true)], round);
            queue.Publish();
            DeviceChain chain = device.Take()!;
            _devices.GetDeviceMemory(device.Descriptors, 8 * 16).Fill(0xFF);
            device.Return(chain.Head, 16);
            Assert.True(queue.TryTake(out int token, out int length));
            Assert.Equal((round, 16), (token, length));
        }

        Assert.Equal(8, queue.FreeCount);
    }

    [Fact]
    public void Publish_WithEventIndex_NotifiesWhenTheDeviceWantsIt()
    {
        (Virtqueue queue, DeviceQueue device) = Make(8, hasEventIndex: true);
        IDmaPage page = TakePage();
        device.AvailableEvent = 2;
        Assert.False(queue.Publish()); // nothing new
        for (int i = 0; i < 5; i++)
        {
            queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: false)], i);
            Assert.Equal(i == 2, queue.Publish());
        }
    }

    /// <summary>Every distance between the three indexes, around every place where 16 bits wrap.</summary>
    [Fact]
    public void EventIsDue_AtAnyWrap_WhenTheIndexPassesIt()
    {
        foreach (int start in (int[])[0, 1, 0x7FFF, 0x8000, 0xFFF0, 0xFFFF])
        {
            for (int step = 0; step < 20; step++)
            {
                for (int wanted = -5; wanted < 25; wanted++)
                {
                    bool passes = wanted >= 0 && wanted < step;
                    Assert.Equal(passes, Virtqueue.IsEventDue((ushort)(start + wanted), (ushort)(start + step), (ushort)start));
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Interrupts_Disabled_AreNotRaisedUntilEnabled(bool hasEventIndex)
    {
        (Virtqueue queue, DeviceQueue device) = Make(8, hasEventIndex);
        IDmaPage page = TakePage();
        queue.DisableInterrupts();
        for (int i = 0; i < 1000; i++)
        {
            queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: true)], i);
            queue.Publish();
            Assert.False(device.Return(device.Take()!.Head, 1));
            if (i % 2 == 0)
            {
                // What came while they were off is told of when they are turned on.
                Assert.False(queue.EnableInterrupts());
                queue.DisableInterrupts();
            }

            Assert.True(queue.TryTake(out _, out _));
        }

        queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: true)], 0);
        queue.Publish();
        Assert.True(queue.EnableInterrupts());
        Assert.True(device.Return(device.Take()!.Head, 1));
    }

    /// <summary>What a driver must never tell a device.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 4097)]
    [InlineData(4096, 1)]
    [InlineData(-1, 1)]
    [InlineData(1, 4096)]
    [InlineData(int.MaxValue, int.MaxValue)]
    [InlineData(0, int.MinValue)]
    public void Add_BytesOutsideOfThePage_IsRefused(int offset, int length)
    {
        (Virtqueue queue, DeviceQueue device) = Make(8, indirectLength: 4);
        IDmaPage page = TakePage();
        DmaSegment good = new(page, 0, 1, IsForDevice: false);
        DmaSegment bad = new(page, offset, length, IsForDevice: true);
        Assert.False(queue.TryAdd([bad], 0) || queue.TryAdd([good, bad], 0) || queue.TryAdd([good, good, good, good, bad], 0));
        queue.Publish();
        Assert.Null(device.Take());
        Assert.Equal(8, queue.FreeCount);
    }

    [Fact]
    public void AddAndTake_AllocateNothing()
    {
        (Virtqueue queue, DeviceQueue device) = Make(8, hasEventIndex: true, indirectLength: 4);
        IDmaPage page = TakePage();
        for (int round = 0; round < 3; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: false), new DmaSegment(page, 1, 1, IsForDevice: true)], round);
            queue.Publish();
            long after = GC.GetAllocatedBytesForCurrentThread();
            device.Return(device.Take()!.Head, 1);
            long beforeTake = GC.GetAllocatedBytesForCurrentThread();
            queue.TryTake(out _, out _);
            queue.EnableInterrupts();
            Assert.Equal((0, 0), (after - before, GC.GetAllocatedBytesForCurrentThread() - beforeTake));
        }
    }

    private (Virtqueue Queue, DeviceQueue Device) Make(int size, bool hasEventIndex = false, int indirectLength = 0)
    {
        Assert.True(VirtqueueLayout.TryCreate(_devices, size, out VirtqueueLayout layout));
        IDmaPage[] tables = indirectLength == 0 ? [] : [TakePage()];
        DeviceQueue device = new(_devices, size)
        {
            Size = size,
            IsEnabled = true,
            Descriptors = layout.DescriptorAddress,
            Driver = layout.AvailableAddress,
            Device = layout.UsedAddress,
            HasEventIndex = hasEventIndex,
            HasIndirect = indirectLength != 0,
        };
        return (new Virtqueue(layout, 0, hasEventIndex, tables, indirectLength), device);
    }

    private IDmaPage TakePage()
    {
        Assert.True(_devices.TryAllocateDmaPage(out IDmaPage? page));
        return page;
    }

    /// <summary>Nothing more comes out of it and goes into it, and nothing takes long.</summary>
    private static void CheckBroken(Virtqueue queue, IDmaPage page)
    {
        Assert.False(queue.TryTake(out _, out _));
        Assert.True(queue.IsBroken);
        Assert.False(queue.TryTake(out _, out _));
        Assert.False(queue.TryAdd([new DmaSegment(page, 0, 1, IsForDevice: false)], 0));
        Assert.False(queue.Publish());
        Assert.True(queue.EnableInterrupts());
    }
}
