using Semitone.Abi;
using Semitone.Machine;

namespace Semitone.Unit.Machine;

/// <summary>No frame is free that a CPU may still use: neither a page's nor a page table's.</summary>
public sealed class PageTableFlushTests
{
    private const ulong Page = Paging.PageSize;

    /// <summary>Places in three leaf tables side by side, in other tables of the second and of the third level, and at the end.</summary>
    private static readonly ulong[] s_places =
    [
        0x1000, 0x1F_F000, 0x20_0000, 0x3F_0000, 0x40_0000, 0x4000_0000, 0x4020_0000, 0x80_0000_0000, 0x80_4000_0000,
        Paging.UserEnd - 8 * Page,
    ];

    [Fact]
    public void FreeTables_OfTheCurrentSpace_FreesThemAfterTheFlushOnly()
    {
        using HostedPageTables memory = new();
        EagerMmu mmu = new(memory);
        IPageTable table = Make(memory);
        Activate(table);
        Map(memory, table, 0x1000, PageAccess.Read);
        mmu.Look("mapping");
        table.Unmap(0x1000, 0x2000);
        Assert.Equal(1, mmu.FreedCount);
        mmu.Look("unmapping");
        table.FreeTables(0x1000, 0x2000, 0, Paging.UserEnd);
        mmu.Look("freeing the tables");
        Assert.Equal(1 + 3, mmu.FreedCount);
        Assert.Empty(mmu.Findings);
    }

    [Fact]
    public void Dispose_OfTheCurrentSpace_LeavesItFirst()
    {
        using HostedPageTables memory = new();
        EagerMmu mmu = new(memory);
        IPageTable table = Make(memory);
        Activate(table);
        Map(memory, table, 0x1000, PageAccess.Read | PageAccess.Write);
        mmu.Look("mapping");
        table.Dispose();
        mmu.Look("disposing");
        Assert.Equal(1 + 4, mmu.FreedCount);
        Assert.Empty(mmu.Findings);
    }

    /// <summary>Whatever is done to two address spaces, in any order.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnyOperations_InAnyOrder_LeaveNothingInTheCachesThatIsGone(int seed)
    {
        Random random = new(seed);
        using HostedPageTables memory = new();
        EagerMmu mmu = new(memory);
        IPageTable[] tables = [Make(memory), Make(memory)];
        for (int step = 0; step < 1500 && mmu.Findings.Count == 0; step++)
        {
            int index = random.Next(tables.Length);
            IPageTable table = tables[index];
            ulong start = s_places[random.Next(s_places.Length)] + (ulong)random.Next(4) * Page;
            ulong end = start + (ulong)random.Next(1, random.Next(5) == 0 ? 300 : 4) * Page;
            end = Math.Min(end, Paging.UserEnd);
            PageAccess access = (PageAccess)random.Next(8);
            string what;
            switch (random.Next(12))
            {
                case < 5:
                    what = "mapping";
                    for (ulong address = start; address < Math.Min(end, start + 8 * Page); address += Page)
                    {
                        Map(memory, table, address, access);
                    }

                    break;
                case 5 or 6:
                    what = "unmapping";
                    table.Unmap(start, end);
                    break;
                case 7:
                    what = "unmapping and freeing the tables";
                    Remove(table, start, end);
                    break;
                case 8:
                    what = "changing the protection";
                    table.Protect(start, end, access);
                    break;
                case 9:
                    what = "protecting against writes";
                    table.WriteProtect(start, end);
                    break;
                case 10 when random.Next(8) == 0:
                    what = "disposing";
                    table.Dispose();
                    tables[index] = Make(memory);
                    break;
                default:
                    what = "changing the space";
                    Activate(table);
                    break;
            }

            mmu.Look(what);
        }

        Assert.Empty(mmu.Findings);
        Assert.InRange(mmu.FreedCount, 500, int.MaxValue);
        Assert.InRange(mmu.FlushCount, 500, int.MaxValue);
    }

    private static IPageTable Make(HostedPageTables memory)
    {
        Assert.True(memory.Machine.TryCreatePageTable(out IPageTable? table));
        return table;
    }

    /// <summary>A copy makes the space current whose memory it is to reach.</summary>
    private static void Activate(IPageTable table) => Assert.Equal(0, table.CopyFromGuest(0x1000, new byte[1]));

    /// <summary>Maps a new frame that nothing but this entry holds.</summary>
    private static void Map(HostedPageTables memory, IPageTable table, ulong address, PageAccess access)
    {
        IFrameAllocator frames = memory.Machine.Frames;
        Assert.True(frames.TryAllocateZeroed(out Frame frame));
        Assert.True(table.TryMap(address, frame, access));
        frames.Release(frame);
    }

    /// <summary>What munmap(2) does: pages first, then the tables that hold nothing of the neighbours.</summary>
    private static void Remove(IPageTable table, ulong start, ulong end)
    {
        table.Unmap(start, end);
        ulong floor = 0;
        for (ulong from = 0; table.TryFindMapped(from, start, out ulong address, out _); from = floor)
        {
            floor = address + Page;
        }

        ulong ceiling = table.TryFindMapped(end, Paging.UserEnd, out ulong next, out _) ? next : Paging.UserEnd;
        table.FreeTables(start, end, floor, ceiling);
    }
}
