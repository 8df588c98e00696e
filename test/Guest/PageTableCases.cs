using Semitone.Abi;
using Semitone.Machine;
using Semitone.Machine.X64;

namespace Semitone.Guest;

/// <summary>Page tables and the copies that go through them.</summary>
internal static class PageTableCases
{
    private const ulong Base = 0x4000_0000_0000;

    internal static readonly (string Name, Action<X64Machine> Body)[] All =
    [
        ("Copy_RoundTripsAcrossPages", RoundTrip),
        ("CopyFromGuest_StopsAtTheFirstMissingByte", StopReading),
        ("CopyToGuest_StopsAtAReadOnlyPage", StopWriting),
        ("Copies_OfEveryShortLength_StopWhereThePageEnds", StopAnywhere),
        ("Copy_OfKernelAddresses_CopiesNothing", RefuseKernel),
        ("CompareExchange_ExchangesOnlyWhenEqual", CompareExchange),
        ("Unmap_OfManyPages_RemovesEach", UnmapMany),
        ("Protect_TakesEffectAtOnce", Protect),
        ("Tables_OfTwoSpaces_AreSeparate", TwoSpaces),
        ("FreeTables_GivesBackWhatIsWhollyFree", FreeTables),
        ("Dispose_GivesEveryTableBack", GiveBack),
    ];

    private static void RoundTrip(X64Machine machine)
    {
        using IPageTable table = Make(machine, 3, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        byte[] sent = new byte[3 * Paging.PageSize - 77];
        new Random(1).NextBytes(sent);
        Check.Equal(sent.Length, table.CopyToGuest(Base + 33, sent), "bytes written");
        byte[] received = new byte[sent.Length];
        Check.Equal(sent.Length, table.CopyFromGuest(Base + 33, received), "bytes read");
        Check.True(sent.AsSpan().SequenceEqual(received), "the bytes differ");
        Check.Equal(sent[0], machine.GetPage(frames[0])[33], "the frame's byte");
        Free(machine, frames);
    }

    private static void StopReading(X64Machine machine)
    {
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        for (int distance = 1; distance < 100; distance += 7)
        {
            byte[] buffer = new byte[200];
            Check.Equal(distance, table.CopyFromGuest(Base + Paging.PageSize - (ulong)distance, buffer), "bytes before the hole");
        }

        Check.Equal(0, table.CopyFromGuest(Base + Paging.PageSize, new byte[8]), "bytes in the hole");
        Free(machine, frames);
    }

    private static void StopWriting(X64Machine machine)
    {
        using IPageTable table = Make(machine, 2, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        table.Protect(Base + Paging.PageSize, Base + 2 * Paging.PageSize, PageAccess.Read);
        Check.Equal(13, table.CopyToGuest(Base + Paging.PageSize - 13, new byte[64]), "bytes before the read-only page");
        Check.Equal(64, table.CopyFromGuest(Base + Paging.PageSize - 13, new byte[64]), "bytes that can be read");
        Free(machine, frames);
    }

    /// <summary>Short copies move several bytes at a time; each of them may be the one that meets the end.</summary>
    private static void StopAnywhere(X64Machine machine)
    {
        const int Longest = 90;
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        Span<byte> page = machine.GetPage(frames[0]);
        byte[] sent = new byte[Longest];
        new Random(2).NextBytes(sent);
        byte[] received = new byte[Longest];
        for (int length = 0; length <= Longest; length++)
        {
            for (int room = 0; room <= length; room++)
            {
                int offset = Paging.PageSize - room;
                page.Clear();
                Check.Equal(room, table.CopyToGuest(Base + (ulong)offset, sent.AsSpan(0, length)), "bytes written");
                Check.True(page[offset..].SequenceEqual(sent.AsSpan(0, room))
                    && !page[..offset].ContainsAnyExcept((byte)0), "written wrong");
                received.AsSpan().Clear();
                Check.Equal(room, table.CopyFromGuest(Base + (ulong)offset, received.AsSpan(0, length)), "bytes read");
                Check.True(received.AsSpan(0, room).SequenceEqual(sent.AsSpan(0, room))
                    && !received.AsSpan(length).ContainsAnyExcept((byte)0), "read wrong");
            }
        }

        Free(machine, frames);
    }

    private static void RefuseKernel(X64Machine machine)
    {
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        byte[] buffer = new byte[16];
        foreach (ulong address in (ulong[])[
            0xFFFF_8000_0000_0000, 0xFFFF_FFFF_9000_0000, Paging.UserEnd, 0x8000_0000_0000, ulong.MaxValue - 3
        ])
        {
            Check.Equal(0, table.CopyFromGuest(address, buffer), "bytes read from the kernel");
            Check.Equal(0, table.CopyToGuest(address, buffer), "bytes written to the kernel");
            Check.True(!table.TryLoad(address & ~3UL, out _), "a word was read from the kernel");
        }

        Free(machine, frames);
    }

    private static void CompareExchange(X64Machine machine)
    {
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        Check.True(table.TryCompareExchange(Base, 0, 0xFFFF_FFFF, out uint observed) && observed == 0, "first exchange");
        Check.True(table.TryCompareExchange(Base, 5, 7, out observed) && observed == 0xFFFF_FFFF, "second exchange");
        Check.True(table.TryLoad(Base, out uint value) && value == 0xFFFF_FFFF, "the word");
        Check.True(!table.TryCompareExchange(Base + Paging.PageSize, 0, 1, out _), "an exchange in a hole");
        Free(machine, frames);
    }

    private static void UnmapMany(X64Machine machine)
    {
        using IPageTable table = Make(machine, 100, PageAccess.Read, out Frame[] frames);
        Check.Equal(100L, table.Unmap(Base - 0x1000_0000, Base + 0x4000_0000), "pages removed");
        Check.True(!table.TryFindMapped(0x10000, Paging.UserEnd, out _, out _), "something is left");
        Free(machine, frames);
    }

    private static void Protect(X64Machine machine)
    {
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        Check.Equal(8, table.CopyToGuest(Base, new byte[8]), "written while it may be");
        table.Protect(Base, Base + Paging.PageSize, PageAccess.None);
        Check.Equal(0, table.CopyFromGuest(Base, new byte[8]), "read while it may not be");
        Check.True(table.TryGet(Base, out PageMapping mapping)
            && mapping.Frame == frames[0]
            && mapping.Access == PageAccess.None, "the page was lost");
        table.Protect(Base, Base + Paging.PageSize, PageAccess.Read);
        Check.Equal(0, table.CopyToGuest(Base, new byte[8]), "written while it may only be read");
        Check.Equal(8, table.CopyFromGuest(Base, new byte[8]), "read again");
        Free(machine, frames);
    }

    private static void TwoSpaces(X64Machine machine)
    {
        using IPageTable first = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] firstFrames);
        using IPageTable second = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] secondFrames);
        for (byte i = 0; i < 10; i++)
        {
            first.CopyToGuest(Base, [i]);
            second.CopyToGuest(Base, [(byte)(i + 100)]);
            byte[] seen = new byte[1];
            first.CopyFromGuest(Base, seen);
            Check.Equal(i, seen[0], "the first space's byte");
        }

        Free(machine, firstFrames);
        Free(machine, secondFrames);
    }

    /// <summary>Three pages, each in a table of its own level, come and go; what others still use stays.</summary>
    private static void FreeTables(X64Machine machine)
    {
        const ulong LargePage = 1UL << 21;
        const ulong Gibi = 1UL << 30;
        using IPageTable table = Make(machine, 1, PageAccess.Read | PageAccess.Write, out Frame[] frames);
        Check.True(machine.Frames.TryAllocateZeroed(out Frame frame), "no frame");
        ulong[] places = [Base + LargePage, Base + Gibi, Base + (Gibi << 9)];
        int[] tables = [1, 2, 3];
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < places.Length; i++)
            {
                long before = machine.Frames.FreeCount;
                Check.True(table.TryMap(places[i], frame, PageAccess.Read | PageAccess.Write), "not mapped");
                Check.Equal((long)tables[i], before - machine.Frames.FreeCount, "tables made");
                Check.Equal(1, table.CopyToGuest(places[i], new byte[1]), "bytes written");
                Check.Equal(1L, table.Unmap(places[i], places[i] + Paging.PageSize), "pages removed");

                // The next page, which is in the same table, is somebody's.
                table.FreeTables(places[i], places[i] + Paging.PageSize, Base + Paging.PageSize, places[i] + Paging.PageSize);
                Check.Equal(before - tables[i], machine.Frames.FreeCount, "free frames, with a neighbour");
                table.FreeTables(places[i], places[i] + Paging.PageSize, Base + Paging.PageSize, Paging.UserEnd);
                Check.Equal(before, machine.Frames.FreeCount, "free frames");
                Check.Equal(0, table.CopyFromGuest(places[i], new byte[1]), "bytes read where nothing is");
            }
        }

        Check.Equal(1, table.CopyToGuest(Base, new byte[1]), "bytes written next to what went");
        Free(machine, [.. frames, frame]);
    }

    private static void GiveBack(X64Machine machine)
    {
        // The collector may commit memory meanwhile: compare after it has settled.
        Frame[] frames = [];
        long before = 0;
        for (int round = 0; round < 3; round++)
        {
            before = machine.Frames.FreeCount;
            IPageTable table = Make(machine, 1, PageAccess.Read, out frames);
            table.Unmap(Base, Base + Paging.PageSize);
            table.Dispose();
            Free(machine, frames);
        }

        Check.Equal(before, machine.Frames.FreeCount, "free frames");
    }

    private static IPageTable Make(X64Machine machine, int pages, PageAccess access, out Frame[] frames)
    {
        Check.True(machine.TryCreatePageTable(out IPageTable? table), "no page table");
        frames = new Frame[pages];
        for (int i = 0; i < pages; i++)
        {
            Check.True(machine.Frames.TryAllocateZeroed(out frames[i]), "no frame");
            Check.True(table!.TryMap(Base + (ulong)i * Paging.PageSize, frames[i], access), "not mapped");
        }

        return table!;
    }

    private static void Free(X64Machine machine, Frame[] frames)
    {
        foreach (Frame frame in frames)
        {
            machine.Frames.Release(frame);
        }
    }
}
