using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;

namespace Semitone.Unit.Memory;

/// <summary>What a bug above the machine may try with a frame. The same on the real one: test/Guest, FrameCases.</summary>
public sealed class FrameMisuseTests
{
    private const ulong Address = 0x4000_0000;

    private readonly FakeMachine _machine = new(16);

    private FakeFrameAllocator Frames => _machine.Frames;

    public static TheoryData<uint> NotGivenOut => [0, 1, 9, 16, 17, uint.MaxValue];

    [Theory]
    [MemberData(nameof(NotGivenOut))]
    public void EveryUse_OfAFrameNeverGivenOut_IsRefused(uint number) => AssertUseless(FakeFrameAllocator.Forge(number));

    [Fact]
    public void EveryUse_OfAFreedFrame_IsRefused()
    {
        Assert.True(Frames.TryAllocate(out Frame frame));
        Frames.Release(frame);
        AssertUseless(frame);
        Assert.Equal(16, Frames.FreeCount);
    }

    [Fact]
    public void EveryUse_OfAPageTable_IsRefused()
    {
        using IPageTable table = MakeTable();
        Assert.True(Frames.TryAllocate(out Frame frame));
        Assert.True(table.TryMap(Address, frame, PageAccess.Read));
        for (uint number = 1; number <= 16; number++)
        {
            if (number != frame.Number && !Frames.IsFree(FakeFrameAllocator.Forge(number)))
            {
                AssertUseless(FakeFrameAllocator.Forge(number));
            }
        }

        Frames.Release(frame);
    }

    [Fact]
    public void Release_OfAMappedFrame_KeepsItUntilItIsUnmapped()
    {
        using IPageTable table = MakeTable();
        Assert.True(Frames.TryAllocateZeroed(out Frame frame));
        Assert.True(table.TryMap(Address, frame, PageAccess.Read | PageAccess.Write));
        Frames.Release(frame);
        Assert.False(Frames.IsFree(frame));
        Assert.Throws<InvalidOperationException>(() => Frames.Release(frame));
        Assert.True(Frames.IsExclusive(frame));
        Assert.Equal(1, table.CopyToGuest(Address, [7]));
        Assert.Equal(1, table.Unmap(Address, Address + Paging.PageSize));
        Assert.True(Frames.IsFree(frame));
    }

    [Fact]
    public void Map_InPlaceOfAnotherFrame_LetsThatGo()
    {
        using IPageTable table = MakeTable();
        Assert.True(Frames.TryAllocate(out Frame first));
        Assert.True(Frames.TryAllocate(out Frame second));
        Assert.True(table.TryMap(Address, first, PageAccess.Read) && table.TryMap(Address, second, PageAccess.Read));
        Frames.Release(first);
        Frames.Release(second);
        Assert.True(Frames.IsFree(first));
        Assert.False(Frames.IsFree(second));
        Assert.Equal(1, table.MappedCount);
    }

    [Fact]
    public void Dispose_OfATableWithPages_LetsTheirFramesGo()
    {
        IPageTable table = MakeTable();
        Assert.True(Frames.TryAllocate(out Frame frame));
        Assert.True(table.TryMap(Address, frame, PageAccess.Read));
        Frames.Release(frame);
        table.Dispose();
        Assert.Equal(16, Frames.FreeCount);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 4097)]
    [InlineData(4096, 1)]
    [InlineData(4095, 2)]
    [InlineData(int.MaxValue, 4096)]
    public void Bytes_BeyondTheFrame_AreRefused(int offset, int count)
    {
        Assert.True(Frames.TryAllocate(out Frame frame));
        Assert.ThrowsAny<ArgumentException>(() => Frames.Read(frame, offset, new byte[count]));
        Assert.ThrowsAny<ArgumentException>(() => Frames.Write(frame, offset, new byte[count]));
        Assert.ThrowsAny<ArgumentException>(() => Frames.Clear(frame, offset, count));
        Assert.ThrowsAny<ArgumentException>(() => Frames.Copy(frame, offset, frame, 0, count));
        Assert.ThrowsAny<ArgumentException>(() => Frames.Copy(frame, 0, frame, offset, count));
    }

    [Fact]
    public void InitialRamDisk_FramesThatItFillsInPart_CanOnlyBeRead()
    {
        using IPageTable table = MakeTable();
        PhysicalRange range = Frames.Reserve(new byte[2 * Paging.PageSize], offset: 100);
        Assert.Equal(3, range.FrameCount);
        Frames.Read(range[0], 0, new byte[1]);
        Frames.Read(range[2], 0, new byte[1]);
        foreach (Frame frame in (Frame[])[range[0], range[2]])
        {
            Assert.Throws<InvalidOperationException>(() => Frames.Write(frame, 0, [1]));
            Assert.Throws<InvalidOperationException>(() => Frames.Release(frame));
            Assert.Throws<InvalidOperationException>(() => table.TryMap(Address, frame, PageAccess.Read));
        }

        Frames.Write(range[1], 0, [1]);
        Frames.Release(range[1]);
        AssertUseless(range[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => range[3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => range[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => range.Slice(1, range.Length));
    }

    private IPageTable MakeTable()
    {
        Assert.True(_machine.TryCreatePageTable(out IPageTable? table));
        return table;
    }

    private void AssertUseless(Frame frame)
    {
        IPageTable table = MakeTable();
        Assert.Throws<InvalidOperationException>(() => Frames.Release(frame));
        Assert.Throws<InvalidOperationException>(() => Frames.TryAddReference(frame));
        Assert.Throws<InvalidOperationException>(() => Frames.IsExclusive(frame));
        Assert.Throws<InvalidOperationException>(() => Frames.Read(frame, 0, new byte[1]));
        Assert.Throws<InvalidOperationException>(() => Frames.Write(frame, 0, new byte[1]));
        Assert.Throws<InvalidOperationException>(() => Frames.Clear(frame, 0, 1));
        Assert.Throws<InvalidOperationException>(() => Frames.Copy(frame, 0, frame, 0, 1));
        Assert.Throws<InvalidOperationException>(() => table.TryMap(Address, frame, PageAccess.Read));
        Assert.Throws<InvalidOperationException>(() => table.CopyFromGuest(Address, frame, 0, 1));
        Assert.Throws<InvalidOperationException>(() => table.CopyToGuest(Address, frame, 0, 1));
        Assert.False(table.TryGet(Address, out _));
        table.Dispose();
    }
}
