using CsCheck;
using Semitone.Abi;
using Semitone.Fakes;
using Semitone.Machine;
using Semitone.Memory;

namespace Semitone.Unit.Memory;

public sealed class PageCacheTests
{
    private const int Page = Paging.PageSize;

    private readonly FakeMachine _machine = new(256);
    private readonly FramePool _frames;
    private readonly long _freeAtStart;

    public PageCacheTests()
    {
        _frames = new FramePool(_machine.Frames);
        _freeAtStart = _machine.Frames.FreeCount;
    }

    [Fact]
    public void Write_ThenRead_GivesTheSameBytes()
    {
        PageCache file = new(_frames);
        byte[] data = Pattern(3 * Page);
        Assert.Equal(new IoResult(data.Length, Errno.None), Write(file, 1000, data));
        Assert.Equal(data, Read(file, 1000, data.Length + 50));
        Assert.Equal(new byte[1000], Read(file, 0, 1000));
        Assert.Equal(1000 + data.Length, file.Length);
        Finish(file);
    }

    [Fact]
    public void Write_FarBeyondTheEnd_LeavesAHole()
    {
        PageCache file = new(_frames);
        Write(file, 1L << 40, [1]);
        Assert.Equal(1, file.PageCount);
        Assert.Equal(new byte[100], Read(file, 1L << 39, 100));
        Assert.Equal(1L << 40, file.Seek(0, wantsData: true));
        Assert.Equal(0, file.Seek(0, wantsData: false));
        Assert.Equal((1L << 40) + 1, file.Seek(1L << 40, wantsData: false));
        Finish(file);
    }

    [Fact]
    public void Write_AtTheLargestOffset_IsTooBig()
    {
        PageCache file = new(_frames);
        Assert.Equal(new IoResult(0, Errno.EFBIG), Write(file, long.MaxValue, [1, 2]));
        Assert.Equal(new IoResult(1, Errno.EFBIG), Write(file, long.MaxValue - 1, [1, 2]));
        Assert.Equal(long.MaxValue, file.Length);
        Finish(file);
    }

    [Fact]
    public void Write_FramesRunOut_KeepsWhatFitted()
    {
        PageCache file = new(_frames);
        _machine.Frames.FailAfter = 2;
        Assert.Equal(new IoResult(2 * Page, Errno.ENOSPC), Write(file, 0, Pattern(3 * Page)));
        Assert.Equal(2 * Page, file.Length);
        _machine.Frames.FailAfter = null;
        Finish(file);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void Contents_OfTheInitialRamDisk_AreReadInPlace(int offset)
    {
        byte[] data = Pattern((2 * Page) + 300);
        PageCache file = new(_frames, _machine.Frames.Reserve(data, offset));
        long free = _machine.Frames.FreeCount;
        Assert.Equal(data, Read(file, 0, data.Length + 10));
        Assert.Equal(free, _machine.Frames.FreeCount);
        Assert.Equal(offset == 0 ? 2 : 0, file.ExtentPageCount);
    }

    [Fact]
    public void Contents_AlignedPages_AreMappedWithoutACopy()
    {
        PhysicalRange range = _machine.Frames.Reserve(Pattern(2 * Page));
        PageCache file = new(_frames, range);
        Assert.Equal(Errno.None, file.GetPage(1, out Frame frame));
        Assert.Equal(range[1], frame);
        file.Release();
        Assert.Equal(_freeAtStart, _machine.Frames.FreeCount);
    }

    [Fact]
    public void Contents_LastPartialPage_IsCopiedWithZerosBehind()
    {
        byte[] disk = Pattern(2 * Page);
        PhysicalRange range = _machine.Frames.Reserve(disk);
        PageCache file = new(_frames, range.Slice(0, Page + 10));
        Assert.Equal(Errno.None, file.GetPage(1, out Frame frame));
        Assert.NotEqual(range[1], frame);
        Assert.Equal(disk.AsSpan(Page, 10), _machine.Frames.GetBytes(frame).Slice(0, 10));
        Assert.False(_machine.Frames.GetBytes(frame).Slice(10).ContainsAnyExcept((byte)0));
        Assert.Equal(Errno.ENXIO, file.GetPage(2, out _));
        file.Release();
    }

    [Fact]
    public void Truncate_ThenGrow_ReadsZeros()
    {
        byte[] data = Pattern(3 * Page);
        PageCache file = new(_frames, _machine.Frames.Reserve(data));
        file.Truncate(Page + 7);
        file.Truncate(3 * Page);
        byte[] expected = new byte[3 * Page];
        data.AsSpan(0, Page + 7).CopyTo(expected);
        Assert.Equal(expected, Read(file, 0, 4 * Page));
        Finish(file);
    }

    [Fact]
    public void Truncate_MappedFile_TakesPagesAway()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(4);
        ulong address = fixture.Map(4, target: file);
        fixture.Write(address + (2 * MemoryFixture.Page), 9);
        fixture.Read(address);
        file.Truncate(Page);
        Assert.Equal(FaultResult.BusError, fixture.Space.HandleFault(address + (2 * MemoryFixture.Page), PageAccess.Read));
        Assert.Equal(1, fixture.Read(address));
        file.Release();
    }

    [Fact]
    public void Grow_AfterASharedMappingWroteBeyondTheEnd_ReadsZeros()
    {
        using MemoryFixture fixture = new();
        PageCache file = new(fixture.Frames);
        file.Truncate(10);
        ulong address = fixture.Map(1, flags: VmaFlags.Shared, target: file);
        fixture.Write(address + 20, 7);
        file.Truncate(100);
        Assert.Equal(0, fixture.Read(address + 20));
        fixture.Write(address + 200, 7);
        IoCursor cursor = IoCursor.OverKernel([1]);
        file.Write(300, ref cursor);
        Assert.Equal(0, fixture.Read(address + 200));
        file.Release();
    }

    [Fact]
    public void Allocate_OutOfFrames_ChangesNoLength()
    {
        PageCache file = new(_frames);
        _machine.Frames.FailAfter = 2;
        Assert.Equal(Errno.ENOSPC, file.Allocate(0, 5 * Page, keepLength: false));
        _machine.Frames.FailAfter = null;
        Assert.Equal((0, 0), (file.Length, file.PageCount));
        Assert.Equal(Errno.ENOSPC, file.Allocate(0, 1L << 50, keepLength: false));
        Assert.Equal(Errno.EFBIG, file.Allocate(10, long.MaxValue, keepLength: false));
        Assert.Equal(Errno.None, file.Allocate(0, 5 * Page, keepLength: false));
        Assert.Equal((5 * Page, 5), (file.Length, file.PageCount));
        Finish(file);
    }

    [Fact]
    public void PunchHole_MappedShared_FreesPagesForAll()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(4);
        ulong shared = fixture.Map(4, flags: VmaFlags.Shared, target: file);
        ulong own = fixture.Map(4, target: file);
        fixture.Write(own + MemoryFixture.Page, 50);
        fixture.Read(own + (2 * MemoryFixture.Page));
        fixture.Read(shared + (2 * MemoryFixture.Page));
        Assert.Equal(Errno.None, fixture.Space.Advise(shared + MemoryFixture.Page, 2 * MemoryFixture.Page, MadviseAdvice.MADV_REMOVE));
        Assert.Equal(2, file.PageCount);
        Assert.Equal(0, fixture.Read(shared + (2 * MemoryFixture.Page)));
        Assert.Equal(0, fixture.Read(own + (2 * MemoryFixture.Page)));
        Assert.Equal(50, fixture.Read(own + MemoryFixture.Page));
        file.Release();
    }

    [Fact]
    public void RandomOperations_BehaveAsAnArrayOfBytes()
    {
        const int Most = 80 * Page;
        Gen<(int Operation, int Offset, int Count, int Value)[]> operations =
            Gen.Select(Gen.Int[0, 4], Gen.Int[0, Most], Gen.Int[0, 3 * Page], Gen.Int[1, 255]).Array[1, 30];
        Gen.Select(operations, Gen.Int[0, 2], Gen.Int[0, 5 * Page]).Sample(
            (steps, kind, initialLength) =>
            {
                FakeMachine machine = new(256);
                FramePool frames = new(machine.Frames);
                byte[] initial = Pattern(initialLength);
                PhysicalRange range = kind == 0 ? default : machine.Frames.Reserve(initial, kind == 1 ? 0 : 36);
                long free = machine.Frames.FreeCount;
                PageCache file = kind == 0 ? new PageCache(frames) : new PageCache(frames, range);
                long adopted = file.ExtentPageCount;
                byte[] model = new byte[Most + (4 * Page)];
                int length = kind == 0 ? 0 : initialLength;
                initial.AsSpan(0, length).CopyTo(model);
                foreach ((int operation, int offset, int count, int value) in steps)
                {
                    switch (operation)
                    {
                        case 0 or 1:
                            byte[] data = new byte[count];
                            Array.Fill(data, (byte)value);
                            Assert.Equal(new IoResult(count, Errno.None), Write(file, offset, data));
                            data.CopyTo(model, offset);
                            length = count == 0 ? length : Math.Max(length, offset + count);
                            break;
                        case 2:
                            file.Truncate(offset);
                            Array.Clear(model, offset, model.Length - offset);
                            length = offset;
                            break;
                        case 3:
                            Assert.Equal(Errno.None, file.PunchHole(offset, count));
                            Array.Clear(model, Math.Min(offset, length), Math.Min(count, Math.Max(0, length - offset)));
                            break;
                        case 4:
                            if (file.GetPage(offset / Page, out Frame frame) == Errno.None)
                            {
                                Assert.Equal(model.AsSpan(offset / Page * Page, Page), machine.Frames.GetBytes(frame));
                            }
                            else
                            {
                                Assert.True(offset / Page * Page >= length);
                            }

                            break;
                    }

                    Assert.Equal(length, file.Length);
                }

                Assert.Equal(model.AsSpan(0, length).ToArray(), Read(file, 0, model.Length));
                file.Release();
                Assert.Equal(free + adopted, machine.Frames.FreeCount);
            },
            iter: 150);
    }

    [Fact]
    public void ReadAndWrite_SteadyState_AllocateNothing()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(70);
        ulong address = fixture.Map(4);
        fixture.Space.Populate(address, address + (4 * MemoryFixture.Page), PageAccess.Write);
        Transfer(fixture, file, address);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Transfer(fixture, file, address);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(0, allocated);
        file.Release();
    }

    private static void Transfer(MemoryFixture fixture, PageCache file, ulong address)
    {
        IoCursor cursor = IoCursor.OverUser(fixture.Memory, address, 3 * Page);
        file.Read((66 * Page) + 5, ref cursor);
        cursor = IoCursor.OverUser(fixture.Memory, address, 3 * Page);
        file.Write(17, ref cursor);
    }

    private static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)((i * 7) + (i >> 8) + 1);
        }

        return bytes;
    }

    private static IoResult Write(PageCache file, long offset, byte[] bytes)
    {
        IoCursor cursor = IoCursor.OverKernel(bytes);
        return file.Write(offset, ref cursor);
    }

    private static byte[] Read(PageCache file, long offset, int count)
    {
        byte[] bytes = new byte[count];
        IoCursor cursor = IoCursor.OverKernel(bytes);
        IoResult result = file.Read(offset, ref cursor);
        Assert.Equal(Errno.None, result.Error);
        return bytes.AsSpan(0, (int)result.Bytes).ToArray();
    }

    private void Finish(PageCache file)
    {
        file.Release();
        Assert.Equal(0, _frames.UsedCount);
    }
}
