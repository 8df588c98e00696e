using Semitone.Abi;
using Semitone.Machine;
using Semitone.Memory;
using static Semitone.Unit.Memory.MemoryFixture;

namespace Semitone.Unit.Memory;

public sealed class AddressSpaceTests
{
    private const ulong Origin = 0x1000_0000;

    [Fact]
    public void Map_WithoutAddress_GoesTopDownBelowTheBase()
    {
        using MemoryFixture fixture = new();
        ulong first = fixture.Map(4);
        ulong second = fixture.Map(2, PageAccess.Read);
        Assert.Equal(fixture.Layout.MmapBase - (4 * Page), first);
        Assert.Equal(first - (2 * Page), second);
    }

    [Fact]
    public void Map_NextToALikeMapping_IsOneVma()
    {
        using MemoryFixture fixture = new();
        fixture.Map(4);
        fixture.Map(4);
        fixture.Map(1);
        Assert.Equal(1, fixture.Space.VmaCount);
    }

    [Fact]
    public void Map_BetweenTwoLikeMappings_JoinsThem()
    {
        using MemoryFixture fixture = new();
        Assert.Equal(Errno.None, fixture.MapAt(Origin, 2));
        Assert.Equal(Errno.None, fixture.MapAt(Origin + (4 * Page), 2));
        Assert.Equal(Errno.None, fixture.MapAt(Origin + (2 * Page), 2));
        Assert.Equal("0+6:rw-", fixture.Describe(Origin));
    }

    [Fact]
    public void Map_FileNextToItsContinuation_IsOneVmaOnlyWhereOffsetsMeet()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(8);
        fixture.MapAt(Origin, 2, PageAccess.Read, target: file, offset: 0);
        fixture.MapAt(Origin + (2 * Page), 2, PageAccess.Read, target: file, offset: 2 * Page);
        fixture.MapAt(Origin + (4 * Page), 2, PageAccess.Read, target: file, offset: 2 * Page);
        Assert.Equal("0+4:r-- 4+2:r--", fixture.Describe(Origin));
        Assert.Equal(4, fixture.Read(Origin + (3 * Page)));
        Assert.Equal(3, fixture.Read(Origin + (4 * Page)));
        file.Release();
    }

    [Fact]
    public void Map_FreedGapAbove_IsFoundAgain()
    {
        using MemoryFixture fixture = new();
        ulong first = fixture.Map(4);
        fixture.Map(4, PageAccess.Read);
        fixture.Map(4);
        Assert.Equal(Errno.None, fixture.Space.Unmap(first, 4 * Page));
        Assert.Equal(first + (2 * Page), fixture.Map(2, PageAccess.Execute));
        Assert.Equal(first, fixture.Map(2, PageAccess.None));
    }

    [Fact]
    public void Map_SmallGapWasSkippedForALargeMapping_IsUsedForASmallOneLater()
    {
        using MemoryFixture fixture = new();
        ulong first = fixture.Map(2);
        ulong second = fixture.Map(2, PageAccess.Read);
        Assert.Equal(Errno.None, fixture.Space.Unmap(first, 2 * Page));
        Assert.Equal(second - (3 * Page), fixture.Map(3, PageAccess.Execute));
        Assert.Equal(first, fixture.Map(2, PageAccess.None));
    }

    [Fact]
    public void Map_FreeHint_IsFollowed()
    {
        using MemoryFixture fixture = new();
        MapRequest request = new() { Address = Origin + 123, Length = 1, Access = ReadWrite };
        Assert.Equal(Errno.None, fixture.Space.Map(request, out ulong address));
        Assert.Equal(Origin, address);
        Assert.Equal(Errno.None, fixture.Space.Map(request, out address));
        Assert.NotEqual(Origin, address);
    }

    [Fact]
    public void Map_Low_StaysBelow2GiB()
    {
        using MemoryFixture fixture = new();
        MapRequest request = new() { Length = 5 * Page, Access = ReadWrite, Options = MapOptions.Low };
        Assert.Equal(Errno.None, fixture.Space.Map(request, out ulong address));
        Assert.Equal(0x8000_0000UL, address + (5 * Page));
    }

    [Theory]
    [InlineData(0UL, MapOptions.None, Errno.EINVAL)]
    [InlineData(ulong.MaxValue, MapOptions.None, Errno.ENOMEM)]
    [InlineData(ulong.MaxValue - 4095, MapOptions.None, Errno.ENOMEM)]
    [InlineData(Paging.UserEnd, MapOptions.None, Errno.ENOMEM)]
    [InlineData(Paging.UserEnd - Origin + 1, MapOptions.Fixed, Errno.ENOMEM)]
    public void Map_BadLength_Fails(ulong length, MapOptions options, Errno expected)
    {
        using MemoryFixture fixture = new();
        MapRequest request = new() { Address = Origin, Length = length, Access = PageAccess.None, Options = options };
        Assert.Equal(expected, fixture.Space.Map(request, out _));
        Assert.Equal(0, fixture.Space.VmaCount);
    }

    [Theory]
    [InlineData(Origin + 1, Errno.EINVAL)]
    [InlineData(0UL, Errno.EPERM)]
    [InlineData(Paging.UserEnd, Errno.ENOMEM)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, Errno.ENOMEM)]
    public void Map_FixedAtABadAddress_Fails(ulong address, Errno expected)
    {
        using MemoryFixture fixture = new();
        Assert.Equal(expected, fixture.MapAt(address, 1));
    }

    [Fact]
    public void Map_OffsetBeyondTheLargestFile_IsOverflow()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(1);
        Assert.Equal(Errno.EOVERFLOW, fixture.MapAt(Origin, 2, target: file, offset: 0x7FFF_FFFF_FFFF_F000));
        Assert.Equal(Errno.EOVERFLOW, fixture.MapAt(Origin, 2, target: file, offset: 0xFFFF_FFFF_FFFF_F000));
        Assert.Equal(Errno.EINVAL, fixture.MapAt(Origin, 2, target: file, offset: 1));
        file.Release();
    }

    [Fact]
    public void Map_FixedNoReplaceOverAMapping_FailsAndLeavesIt()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        Assert.Equal(Errno.EEXIST, fixture.MapAt(Origin + Page, 4, PageAccess.Read, MapOptions.FixedNoReplace));
        Assert.Equal("0+2:rw-", fixture.Describe(Origin));
    }

    [Fact]
    public void Map_FixedInTheMiddle_ReplacesThatPart()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 6);
        fixture.Write(Origin + (2 * Page), 7);
        fixture.MapAt(Origin + (2 * Page), 2, PageAccess.Read);
        Assert.Equal("0+2:rw- 2+2:r-- 4+2:rw-", fixture.Describe(Origin));
        Assert.Equal(0, fixture.Read(Origin + (2 * Page)));
    }

    [Fact]
    public void Map_SizeLimit_CountsWhatIsReplaced()
    {
        using MemoryFixture fixture = new();
        fixture.Space.SizeLimit = 4 * Page;
        Assert.Equal(Errno.None, fixture.MapAt(Origin, 4));
        Assert.Equal(Errno.None, fixture.MapAt(Origin, 4, PageAccess.Read));
        Assert.Equal(Errno.ENOMEM, fixture.MapAt(Origin + (4 * Page), 1));
    }

    [Fact]
    public void Map_DataLimit_HoldsPrivateWritableMappingsOnly()
    {
        using MemoryFixture fixture = new();
        fixture.Space.DataLimit = 2 * Page;
        Assert.Equal(Errno.None, fixture.MapAt(Origin, 2));
        Assert.Equal(Errno.ENOMEM, fixture.MapAt(Origin + (8 * Page), 1));
        Assert.Equal(Errno.None, fixture.MapAt(Origin + (8 * Page), 1, PageAccess.Read));
        Assert.Equal(Errno.ENOMEM, fixture.Space.Protect(Origin + (8 * Page), Page, ReadWrite));
    }

    [Fact]
    public void Map_MoreThanCouldEverBeHad_IsRefusedUnlessNotReserved()
    {
        using MemoryFixture fixture = new();
        MapRequest request = new() { Length = 1UL << 40, Access = ReadWrite };
        Assert.Equal(Errno.ENOMEM, fixture.Space.Map(request, out _));
        request.Flags = VmaFlags.NoReserve;
        Assert.Equal(Errno.None, fixture.Space.Map(request, out _));
    }

    [Fact]
    public void Map_Populate_TouchesPages()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 5, options: MapOptions.Fixed | MapOptions.Populate);
        Assert.Equal(5, fixture.Space.ResidentPageCount);
    }

    [Fact]
    public void Unmap_Middle_SplitsAndFreesFrames()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 5, options: MapOptions.Fixed | MapOptions.Populate);
        Assert.Equal(Errno.None, fixture.Space.Unmap(Origin + (2 * Page), 1));
        Assert.Equal("0+2:rw- 3+2:rw-", fixture.Describe(Origin));
        Assert.Equal(4, fixture.Frames.UsedCount);
        Assert.Equal(FaultResult.MapError, fixture.Space.HandleFault(Origin + (2 * Page), PageAccess.Read));
    }

    [Theory]
    [InlineData(Origin + 1, Page)]
    [InlineData(Origin, 0UL)]
    [InlineData(Origin, ulong.MaxValue)]
    [InlineData(Paging.UserEnd, Page)]
    public void Unmap_BadRange_IsInvalid(ulong address, ulong length)
    {
        using MemoryFixture fixture = new();
        Assert.Equal(Errno.EINVAL, fixture.Space.Unmap(address, length));
    }

    /// <summary>Or a program that maps here and there would use all memory up, with nothing mapped.</summary>
    [Fact]
    public void Unmap_LastPagesInATable_FreesTheTable()
    {
        const ulong Table = 1UL << 21;
        using MemoryFixture fixture = new();
        long free = fixture.Machine.Frames.FreeCount;
        for (ulong place = Origin; place < Origin + (100 * Table); place += Table)
        {
            fixture.MapAt(place, 1);
            fixture.Write(place, 1);
            Assert.Equal(Errno.None, fixture.Space.Unmap(place, Page));
        }

        Assert.Equal(free, fixture.Machine.Frames.FreeCount);
    }

    [Fact]
    public void Unmap_SomePagesOfATable_KeepsTheTableAndTheOtherPages()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 3);
        for (ulong i = 0; i < 3; i++)
        {
            fixture.Write(Origin + (i * Page), (byte)(i + 1));
        }

        Assert.Equal(Errno.None, fixture.Space.Unmap(Origin + Page, Page));
        Assert.Equal(1, fixture.Table.TableCount);
        Assert.Equal((1, 3), (fixture.Read(Origin), fixture.Read(Origin + (2 * Page))));
    }

    [Fact]
    public void Unmap_Nothing_Succeeds()
    {
        using MemoryFixture fixture = new();
        Assert.Equal(Errno.None, fixture.Space.Unmap(Origin, Paging.UserEnd - Origin));
    }

    [Fact]
    public void Protect_PartOfAMapping_SplitsAndJoinsAgain()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 6, options: MapOptions.Fixed | MapOptions.Populate);
        Assert.Equal(Errno.None, fixture.Space.Protect(Origin + Page, 2 * Page, PageAccess.Read));
        Assert.Equal("0+1:rw- 1+2:r-- 3+3:rw-", fixture.Describe(Origin));
        Assert.False(fixture.Memory.TryWrite(new UserPtr<byte>(Origin + Page), (byte)1));
        Assert.Equal(Errno.None, fixture.Space.Protect(Origin, 6 * Page, ReadWrite));
        Assert.Equal("0+6:rw-", fixture.Describe(Origin));
        fixture.Write(Origin + Page, 1);
    }

    [Fact]
    public void Protect_None_KeepsContents()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 1);
        fixture.Write(Origin, 42);
        fixture.Space.Protect(Origin, Page, PageAccess.None);
        Assert.Equal(FaultResult.AccessError, fixture.Space.HandleFault(Origin, PageAccess.Read));
        fixture.Space.Protect(Origin, Page, PageAccess.Read);
        Assert.Equal(42, fixture.Read(Origin));
    }

    [Fact]
    public void Protect_OverAHole_ChangesWhatLiesBeforeIt()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 1);
        fixture.MapAt(Origin + (2 * Page), 1);
        Assert.Equal(Errno.ENOMEM, fixture.Space.Protect(Origin, 3 * Page, PageAccess.Read));
        Assert.Equal("0+1:r-- 2+1:rw-", fixture.Describe(Origin));
    }

    [Fact]
    public void Protect_BeyondTheMostThatIsAllowed_IsDenied()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(1);
        MapRequest request =
            new() { Length = Page, Access = PageAccess.Read, MaxAccess = PageAccess.Read, Flags = VmaFlags.Shared, Object = file };
        Assert.Equal(Errno.None, fixture.Space.Map(request, out ulong address));
        Assert.Equal(Errno.EACCES, fixture.Space.Protect(address, Page, ReadWrite));
        file.Release();
    }

    [Fact]
    public void Protect_PrivateFilePageMadeWritable_IsStillCopiedOnWrite()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(2);
        fixture.MapAt(Origin, 2, PageAccess.Read, target: file);
        Assert.Equal(1, fixture.Read(Origin));
        fixture.Space.Protect(Origin, 2 * Page, ReadWrite);
        fixture.Write(Origin, 99);
        Assert.Equal(99, fixture.Read(Origin));
        byte[] stored = new byte[1];
        IoCursor cursor = IoCursor.OverKernel(stored);
        file.Read(0, ref cursor);
        Assert.Equal(1, stored[0]);
        file.Release();
    }

    [Fact]
    public void Protect_FromStackStart_CoversTheGrownPart()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 4, flags: VmaFlags.GrowsDown);
        Assert.Equal(Errno.None, fixture.Space.Protect(Origin + (3 * Page), Page, PageAccess.Read, fromStackStart: true));
        Assert.Equal("0+4:r--", fixture.Describe(Origin));
        fixture.MapAt(Origin + (64 * Page), 1);
        Assert.Equal(Errno.EINVAL, fixture.Space.Protect(Origin + (64 * Page), Page, PageAccess.Read, fromStackStart: true));
    }

    [Fact]
    public void Fault_Anonymous_IsZeroAndPrivate()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        Assert.Equal(FaultResult.Resolved, fixture.Space.HandleFault(Origin + 5, PageFaultFlags.User | PageFaultFlags.Write));
        Assert.Equal(0, fixture.Read(Origin));
        Assert.Equal(1, fixture.Space.ResidentPageCount);
    }

    [Fact]
    public void Fault_WalkUpwards_BringsPagesInAhead()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 16);
        fixture.Space.HandleFault(Origin, PageAccess.Write);
        Assert.Equal(1, fixture.Space.ResidentPageCount);
        fixture.Space.HandleFault(Origin + Page, PageAccess.Write);
        Assert.Equal(9, fixture.Space.ResidentPageCount);
    }

    [Fact]
    public void Fault_WalkUpwardsWhileMemoryIsScarce_BringsInOnePage()
    {
        using MemoryFixture fixture = new(64);
        fixture.MapAt(Origin, 60);
        fixture.MapAt(Origin + (64 * Page), 50, options: MapOptions.Fixed | MapOptions.Populate);
        long before = fixture.Space.ResidentPageCount;
        fixture.Space.HandleFault(Origin, PageAccess.Write);
        fixture.Space.HandleFault(Origin + Page, PageAccess.Write);
        Assert.Equal(before + 2, fixture.Space.ResidentPageCount);
    }

    [Theory]
    [InlineData(PageAccess.Read, PageAccess.Write, FaultResult.AccessError)]
    [InlineData(PageAccess.Read, PageAccess.Execute, FaultResult.AccessError)]
    [InlineData(PageAccess.None, PageAccess.Read, FaultResult.AccessError)]
    [InlineData(PageAccess.Write, PageAccess.Read, FaultResult.Resolved)]
    [InlineData(PageAccess.Execute, PageAccess.Read, FaultResult.Resolved)]
    [InlineData(PageAccess.Execute, PageAccess.Write, FaultResult.AccessError)]
    public void Fault_Access_IsCheckedAgainstTheVma(PageAccess granted, PageAccess wanted, FaultResult expected)
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 1, granted);
        Assert.Equal(expected, fixture.Space.HandleFault(Origin, wanted));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Paging.UserEnd)]
    [InlineData(0x8000_0000_0000)]
    [InlineData(0xFFFF_FFFF_8000_0000)]
    [InlineData(ulong.MaxValue)]
    public void Fault_WhereNothingIs_IsAMapError(ulong address)
    {
        using MemoryFixture fixture = new();
        Assert.Equal(FaultResult.MapError, fixture.Space.HandleFault(address, PageAccess.Read));
    }

    [Fact]
    public void Fault_FilePage_MapsCachedNeighboursToo()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(20);
        fixture.MapAt(Origin, 20, PageAccess.Read | PageAccess.Execute, target: file);
        fixture.Space.HandleFault(Origin + (3 * Page), PageAccess.Execute);
        Assert.Equal(16, fixture.Space.ResidentPageCount);
        Assert.Equal(16, fixture.Read(Origin + (15 * Page)));
        file.Release();
    }

    [Fact]
    public void Fault_BeyondTheEndOfTheFile_IsABusError()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(2);
        fixture.MapAt(Origin, 4, PageAccess.Read, target: file);
        fixture.Read(Origin + Page);
        Assert.Equal(FaultResult.BusError, fixture.Space.HandleFault(Origin + (2 * Page), PageAccess.Read));
        Assert.Equal(2, fixture.Space.ResidentPageCount);
        file.Release();
    }

    [Fact]
    public void Fault_SharedFile_WritesReachTheFileAndOtherMappings()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(2);
        fixture.MapAt(Origin, 2, flags: VmaFlags.Shared, target: file);
        fixture.MapAt(Origin + (16 * Page), 2, PageAccess.Read, flags: VmaFlags.Shared, target: file);
        fixture.Write(Origin + Page, 77);
        Assert.Equal(77, fixture.Read(Origin + (17 * Page)));
        byte[] stored = new byte[1];
        IoCursor cursor = IoCursor.OverKernel(stored);
        file.Read((long)Page, ref cursor);
        Assert.Equal(77, stored[0]);
        file.Release();
    }

    [Fact]
    public void Fault_OutOfFrames_SaysSoAndKeepsCount()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.Machine.Frames.FailAfter = 0;
        Assert.Equal(FaultResult.OutOfMemory, fixture.Space.HandleFault(Origin, PageAccess.Write));
        fixture.Machine.Frames.FailAfter = 1;
        Assert.Equal(FaultResult.OutOfMemory, fixture.Space.HandleFault(Origin, PageAccess.Write));
        Assert.Equal(0, fixture.Frames.UsedCount);
    }

    [Fact]
    public void Stack_TouchedBelow_GrowsWithinItsLimit()
    {
        using MemoryFixture fixture = new();
        fixture.Space.StackLimit = 64 * Page;
        ulong top = Origin + (1024 * Page);
        fixture.MapAt(top - (2 * Page), 2, flags: VmaFlags.GrowsDown);
        fixture.Write(top - (50 * Page), 1);
        Assert.Equal(50 * Page, fixture.Space.Vmas[0].Length);
        Assert.Equal(FaultResult.MapError, fixture.Space.HandleFault(top - (65 * Page), PageAccess.Write));
        Assert.Equal(FaultResult.Resolved, fixture.Space.HandleFault(top - (64 * Page), PageAccess.Write));
    }

    [Fact]
    public void Stack_NearAnotherMapping_KeepsTheGuardGap()
    {
        using MemoryFixture fixture = new();
        ulong top = Origin + (1024 * Page);
        fixture.MapAt(top - (2 * Page), 2, flags: VmaFlags.GrowsDown);
        ulong gapPages = AddressSpace.StackGuardGap / Page;
        fixture.MapAt(top - ((12 + gapPages) * Page), 2);
        Assert.Equal(FaultResult.Resolved, fixture.Space.HandleFault(top - (10 * Page), PageAccess.Write));
        Assert.Equal(FaultResult.MapError, fixture.Space.HandleFault(top - (11 * Page), PageAccess.Write));
    }

    [Fact]
    public void Map_BelowAStack_KeepsTheGuardGap()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(fixture.Layout.MmapBase - (2 * Page), 2, flags: VmaFlags.GrowsDown);
        ulong address = fixture.Map(1);
        Assert.Equal(fixture.Layout.MmapBase - (3 * Page) - AddressSpace.StackGuardGap, address);
    }

    [Fact]
    public void Break_MovesUpAndDown()
    {
        using MemoryFixture fixture = new();
        fixture.Space.SetBreakStart(Origin + 100);
        Assert.Equal(Origin + 100, fixture.Space.SetBreak(0));
        Assert.Equal(Origin + (3 * Page) + 5, fixture.Space.SetBreak(Origin + (3 * Page) + 5));
        fixture.Write(Origin + (3 * Page) + 4, 9);
        Assert.Equal("1+3:rw-", fixture.Describe(Origin));
        Assert.Equal(Origin + (2 * Page), fixture.Space.SetBreak(Origin + (2 * Page)));
        Assert.Equal("1+1:rw-", fixture.Describe(Origin));
        fixture.Space.SetBreak(Origin + (4 * Page));
        Assert.Equal(0, fixture.Read(Origin + (3 * Page) + 4));
        Assert.Equal(1, fixture.Space.VmaCount);
        Assert.True(fixture.Space.IsHeap(fixture.Space.Vmas[0]));
    }

    [Theory]
    [InlineData(Origin - 1)]
    [InlineData(ulong.MaxValue)]
    [InlineData(Paging.UserEnd)]
    [InlineData(Origin + (9 * Page))]
    public void Break_ThatCannotMove_StaysWhereItIs(ulong wanted)
    {
        using MemoryFixture fixture = new();
        fixture.Space.SetBreakStart(Origin);
        fixture.MapAt(Origin + (9 * Page), 1);
        Assert.Equal(Origin + Page, fixture.Space.SetBreak(Origin + Page));
        Assert.Equal(Origin + Page, fixture.Space.SetBreak(wanted));
    }

    [Fact]
    public void Break_DataLimit_Holds()
    {
        using MemoryFixture fixture = new();
        fixture.Space.SetBreakStart(Origin);
        fixture.Space.DataLimit = 2 * Page;
        Assert.Equal(Origin, fixture.Space.SetBreak(Origin + (2 * Page) + 1));
        Assert.Equal(Origin + (2 * Page), fixture.Space.SetBreak(Origin + (2 * Page)));
    }

    [Fact]
    public void Remap_RoomAbove_GrowsInPlace()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.Write(Origin + Page, 3);
        Assert.Equal(Errno.None, fixture.Space.Remap(Origin, 2 * Page, 5 * Page, RemapOptions.None, 0, out ulong address));
        Assert.Equal(Origin, address);
        Assert.Equal("0+5:rw-", fixture.Describe(Origin));
        Assert.Equal(3, fixture.Read(Origin + Page));
    }

    [Fact]
    public void Remap_NoRoomAbove_MovesOnlyWhenItMay()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.MapAt(Origin + (2 * Page), 1, PageAccess.Read);
        fixture.Write(Origin + Page, 3);
        Assert.Equal(Errno.ENOMEM, fixture.Space.Remap(Origin, 2 * Page, 3 * Page, RemapOptions.None, 0, out _));
        Assert.Equal(Errno.None, fixture.Space.Remap(Origin, 2 * Page, 3 * Page, RemapOptions.MayMove, 0, out ulong address));
        Assert.Equal(3, fixture.Read(address + Page));
        Assert.Equal(0, fixture.Read(address + (2 * Page)));
        Assert.Equal(FaultResult.MapError, fixture.Space.HandleFault(Origin, PageAccess.Read));
    }

    [Fact]
    public void Remap_TablesRunOut_ChangesNothing()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.MapAt(Origin + (2 * Page), 1, PageAccess.Read);
        fixture.Write(Origin, 1);
        fixture.Write(Origin + Page, 2);
        fixture.Machine.Frames.FailAfter = 0;
        Assert.Equal(Errno.ENOMEM, fixture.Space.Remap(Origin, 2 * Page, 3 * Page, RemapOptions.MayMove, 0, out _));
        Assert.Equal("0+2:rw- 2+1:r--", fixture.Describe(Origin));
        Assert.Equal(2, fixture.Read(Origin + Page));
    }

    [Fact]
    public void Remap_SharedWithOldLengthZero_MapsItTwice()
    {
        using MemoryFixture fixture = new();
        ulong first = fixture.Map(2, flags: VmaFlags.Shared);
        Assert.Equal(Errno.None, fixture.Space.Remap(first, 0, 2 * Page, RemapOptions.MayMove, 0, out ulong second));
        fixture.Write(first, 5);
        Assert.Equal(5, fixture.Read(second));
    }

    [Fact]
    public void Remap_DontUnmap_LeavesZeroPagesBehind()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.Write(Origin, 5);
        Assert.Equal(
            Errno.None, fixture.Space.Remap(Origin, 2 * Page, 2 * Page, RemapOptions.MayMove | RemapOptions.DontUnmap, 0, out ulong moved));
        Assert.Equal(5, fixture.Read(moved));
        Assert.Equal(0, fixture.Read(Origin));
    }

    [Theory]
    [InlineData(Origin + 1, Page, Page, RemapOptions.None, 0UL, Errno.EINVAL)]
    [InlineData(Origin, Page, 0UL, RemapOptions.None, 0UL, Errno.EINVAL)]
    [InlineData(Origin, Page, Page, RemapOptions.Fixed, 0x2000_0000UL, Errno.EINVAL)]
    [InlineData(Origin, Page, Page, RemapOptions.Fixed | RemapOptions.MayMove, 0x2000_0001UL, Errno.EINVAL)]
    [InlineData(Origin, 2 * Page, 2 * Page, RemapOptions.Fixed | RemapOptions.MayMove, Origin + Page, Errno.EINVAL)]
    [InlineData(Origin, 0UL, Page, RemapOptions.MayMove, 0UL, Errno.EINVAL)]
    [InlineData(Origin, 8 * Page, 9 * Page, RemapOptions.MayMove, 0UL, Errno.EFAULT)]
    [InlineData(Origin + (64 * Page), Page, Page, RemapOptions.MayMove, 0UL, Errno.EFAULT)]
    [InlineData(Origin, Page, ulong.MaxValue, RemapOptions.MayMove, 0UL, Errno.EINVAL)]
    [InlineData(Origin, Page, 1UL << 46, RemapOptions.MayMove, 0UL, Errno.ENOMEM)]
    public void Remap_BadArguments_Fail(ulong address, ulong oldLength, ulong newLength, RemapOptions options, ulong target, Errno expected)
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        Assert.Equal(expected, fixture.Space.Remap(address, oldLength, newLength, options, target, out _));
        Assert.Equal("0+2:rw-", fixture.Describe(Origin));
    }

    [Fact]
    public void Advise_DontNeed_ZeroesAnonymousAndRestoresFilePages()
    {
        using MemoryFixture fixture = new();
        PageCache file = fixture.MakeFile(1);
        fixture.MapAt(Origin, 1);
        fixture.MapAt(Origin + Page, 1, target: file);
        fixture.Write(Origin, 8);
        fixture.Write(Origin + Page, 8);
        Assert.Equal(Errno.None, fixture.Space.Advise(Origin, 2 * Page, MadviseAdvice.MADV_DONTNEED));
        Assert.Equal(0, fixture.Read(Origin));
        Assert.Equal(1, fixture.Read(Origin + Page));
        file.Release();
    }

    [Theory]
    [InlineData(Origin, Page, (MadviseAdvice)5, Errno.EINVAL)]
    [InlineData(Origin + 1, Page, MadviseAdvice.MADV_DONTNEED, Errno.EINVAL)]
    [InlineData(Origin, 0UL, MadviseAdvice.MADV_DONTNEED, Errno.None)]
    [InlineData(Origin, ulong.MaxValue, MadviseAdvice.MADV_DONTNEED, Errno.EINVAL)]
    [InlineData(Origin, 4 * Page, MadviseAdvice.MADV_WILLNEED, Errno.ENOMEM)]
    [InlineData(Origin, 2 * Page, MadviseAdvice.MADV_HUGEPAGE, Errno.None)]
    [InlineData(Origin, 2 * Page, MadviseAdvice.MADV_REMOVE, Errno.EINVAL)]
    [InlineData(Origin, 2 * Page, MadviseAdvice.MADV_FREE, Errno.None)]
    [InlineData(Origin, 2 * Page, MadviseAdvice.MADV_POPULATE_WRITE, Errno.None)]
    public void Advise_Errors_AreLinuxs(ulong address, ulong length, MadviseAdvice advice, Errno expected)
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        Assert.Equal(expected, fixture.Space.Advise(address, length, advice));
    }

    [Fact]
    public void Clone_WritesOfEitherSide_StayItsOwn()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 2);
        fixture.Write(Origin, 1);
        Assert.True(fixture.Space.TryClone(out AddressSpace? child));
        Assert.Equal(fixture.Frames.UsedCount, fixture.Space.ResidentPageCount);
        fixture.Write(Origin, 2);
        Assert.True(child.Memory.TryRead(new UserPtr<byte>(Origin), out byte seen));
        Assert.Equal(1, seen);
        Assert.True(child.Memory.TryWrite(new UserPtr<byte>(Origin), (byte)3));
        Assert.Equal(2, fixture.Read(Origin));
        child.Dispose();
    }

    [Fact]
    public void Clone_LastSharer_WritesWithoutCopying()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 1);
        fixture.Write(Origin, 1);
        Assert.True(fixture.Space.TryClone(out AddressSpace? child));
        child.Dispose();
        fixture.Machine.Frames.FailAfter = 0;
        fixture.Write(Origin, 2);
    }

    [Fact]
    public void Clone_ForkAdvice_IsFollowed()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 3);
        for (ulong i = 0; i < 3; i++)
        {
            fixture.Write(Origin + (i * Page), 1);
        }

        fixture.Space.Advise(Origin, Page, MadviseAdvice.MADV_DONTFORK);
        fixture.Space.Advise(Origin + Page, Page, MadviseAdvice.MADV_WIPEONFORK);
        Assert.Equal(3, fixture.Space.VmaCount);
        Assert.True(fixture.Space.TryClone(out AddressSpace? child));
        Assert.False(child.Memory.TryRead(new UserPtr<byte>(Origin), out byte _));
        Assert.True(child.Memory.TryRead(new UserPtr<byte>(Origin + Page), out byte wiped));
        Assert.True(child.Memory.TryRead(new UserPtr<byte>(Origin + (2 * Page)), out byte kept));
        Assert.Equal((0, 1), (wiped, kept));
        child.Dispose();
        fixture.Space.Advise(Origin, Page, MadviseAdvice.MADV_DOFORK);
        fixture.Space.Advise(Origin + Page, Page, MadviseAdvice.MADV_KEEPONFORK);
        Assert.Equal(1, fixture.Space.VmaCount);
    }

    [Fact]
    public void MapTouchUnmap_SteadyState_AllocatesNothing()
    {
        using MemoryFixture fixture = new();
        fixture.MapAt(Origin, 4);
        fixture.MapAt(Origin, 4, PageAccess.Read);
        MapRequest request = new() { Length = 4 * Page, Access = ReadWrite };
        for (int i = 0; i < 3; i++)
        {
            fixture.Space.Map(request, out ulong warm);
            fixture.Space.Unmap(warm, 4 * Page);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        fixture.Space.Map(request, out ulong address);
        long after = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(0, after - before);
        Assert.Equal(fixture.Layout.MmapBase - (4 * Page), address);
    }

    [Fact]
    public void Layout_AnyEntropy_LeavesRoomForTheStack()
    {
        foreach (ulong entropy in new ulong[] { 0, 1, ulong.MaxValue, 0x8000_0000_8000_0000, 0x1234_5678_9ABC_DEF0 })
        {
            foreach (ulong limit in new ulong[] { 0, 8 << 20, 1UL << 40, ulong.MaxValue })
            {
                AddressSpaceLayout layout = AddressSpaceLayout.Choose(entropy, limit);
                Assert.Equal(0UL, (layout.StackTop | layout.MmapBase) & Paging.PageMask);
                Assert.True(layout.StackTop < Paging.UserEnd);
                Assert.True(layout.MmapBase > Paging.UserEnd / 16);
                ulong wanted = Math.Clamp(limit, 128 << 20, Paging.UserEnd / 6 * 5);
                Assert.True(layout.StackTop - layout.MmapBase >= wanted - Page);
            }
        }
    }
}
