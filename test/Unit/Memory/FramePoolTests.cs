using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Memory;

public sealed class FramePoolTests
{
    [Fact]
    public void Release_OfTheLastReference_FreesTheFrame()
    {
        FakeFrameAllocator allocator = new(8);
        FramePool pool = new(allocator);
        Assert.True(pool.TryAllocate(out Frame frame));
        Assert.True(pool.TryAddReference(frame));
        Assert.False(pool.IsExclusive(frame));
        pool.Release(frame);
        Assert.True(pool.IsExclusive(frame));
        Assert.Equal(7, allocator.FreeCount);
        pool.Release(frame);
        Assert.Equal(8, allocator.FreeCount);
        Assert.Equal((0, 1), (pool.UsedCount, pool.PeakUsedCount));
    }

    [Fact]
    public void Allocate_DownToTheReserve_Fails()
    {
        FakeFrameAllocator allocator = new(4);
        FramePool pool = new(allocator, reserveCount: 2);
        Assert.Equal(2, pool.FreeCount);
        Assert.True(pool.TryAllocate(out _));
        Assert.True(pool.TryAllocateZeroed(out _));
        Assert.False(pool.TryAllocate(out _));
        Assert.False(pool.TryAllocateZeroed(out _));
        Assert.Equal(2, pool.FailureCount);
    }

    [Fact]
    public void Write_FileThatFillsMemory_LeavesFramesToPrograms()
    {
        FakeFrameAllocator allocator = new(64);
        FramePool pool = new(allocator, reserveCount: 2);
        PageCache file = new(pool);
        byte[] page = new byte[4096];
        long offset = 0;
        IoResult result;
        do
        {
            IoCursor cursor = IoCursor.OverKernel(page, 0, page.Length);
            result = file.Write(offset, ref cursor);
            offset += result.Bytes;
        }
        while (result.Error == Errno.None);

        Assert.Equal(Errno.ENOSPC, result.Error);
        Assert.Equal(64 - 2 - pool.StorageReserveCount, offset / page.Length);
        Assert.InRange(pool.FreeCount, 1, pool.StorageReserveCount);
        Assert.True(pool.TryAllocateZeroed(out _));
    }

    [Fact]
    public void ManyReferences_AreCountedAndLimited()
    {
        FakeFrameAllocator allocator = new(2);
        FramePool pool = new(allocator);
        pool.TryAllocateZeroed(out Frame frame);
        for (int i = 1; i < 255; i++)
        {
            Assert.True(pool.TryAddReference(frame));
        }

        Assert.False(pool.TryAddReference(frame));
        for (int i = 1; i < 255; i++)
        {
            pool.Release(frame);
        }

        Assert.True(pool.IsExclusive(frame));
        Assert.Equal(1, allocator.FreeCount);
        pool.Release(frame);
        Assert.Throws<InvalidOperationException>(() => pool.Release(frame));
    }
}
