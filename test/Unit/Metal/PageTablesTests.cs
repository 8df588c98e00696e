using System.Buffers.Binary;

namespace Semitone.Unit.Metal;

/// <summary>The kernel's own page tables, made by Metal's own code and read entry by entry.</summary>
public sealed class PageTablesTests
{
    private const ulong DirectMap = 0xFFFF_8000_0000_0000;
    private const ulong PageSize = 4096;
    private const ulong LargePageSize = 1 << 21;
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong Large = 0x80;
    private const ulong AddressMask = 0x000F_FFFF_FFFF_F000;

    /// <summary>Low memory, all of which exists here: the tables are taken from it.</summary>
    private static readonly MapEntry s_low = new(0, 0x180_0000, HostedMetal.Usable);

    /// <summary>Devices lie in the holes: no page of the direct map may touch one, and none may be missing where there is memory.</summary>
    [Fact]
    public void Install_MemoryWithHoles_MapsMemoryAndNothingElse()
    {
        Random random = new(11);
        for (int round = 0; round < 12; round++)
        {
            List<MapEntry> map = [s_low];
            for (int i = 0; i < 6; i++)
            {
                ulong start = ((ulong)random.Next(0x2000, 0x20_0000) << 12) + (ulong)random.Next(3) * 0x800;
                map.Add(new MapEntry(start, (ulong)random.Next(1, 0x1000) << 12, i == 5 ? HostedMetal.Reserved : HostedMetal.Usable));
            }

            HostedMetal.Boot(map, isPvh: true, metal =>
            {
                metal.Install();
                Assert.Equal(metal.Memory, FindDirectMap(metal));
            });
        }
    }

    /// <summary>
    /// Code and constants have no writable alias: of the image, the direct map lets the data of the kernel be written and what follows
    /// the constants.
    /// </summary>
    [Fact]
    public void Install_Image_IsWritableOnlyWhereItsDataLies() =>
        HostedMetal.Boot([s_low], isPvh: true, metal =>
        {
            metal.Install();
            for (ulong page = 0; page < LargePageSize; page += PageSize)
            {
                bool isImage = page is >= HostedMetal.ImageStart and < HostedMetal.RodataEnd;
                bool isData = page is >= HostedMetal.DataStart and < HostedMetal.DataEnd;
                Assert.Equal(!isImage || isData, (FindEntry(metal, DirectMap + page, 12) & Writable) != 0);
            }
        });

    /// <summary>A large page has no table below it: what it holds, which may be anything, is never taken for one.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Walk_LargePageFullOfWhatLooksLikeEntries_FindsNoTable(bool create) =>
        HostedMetal.Boot([s_low], isPvh: false, metal =>
        {
            metal.Install();
            ulong page = 0x100_0000;
            Assert.True((FindEntry(metal, DirectMap + page, 21) & Large) != 0, "this page is no large one");
            byte[] words = new byte[PageSize];
            for (int i = 0; i < words.Length; i += sizeof(ulong))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(words.AsSpan(i), page | 3);
            }

            metal.Write(page, words);
            for (ulong offset = 0; offset < LargePageSize; offset += 0x3_1000)
            {
                Assert.Equal(0UL, metal.Walk(DirectMap + page + offset, create));
            }

            for (ulong offset = 0; offset < PageSize; offset += sizeof(ulong))
            {
                Assert.Equal(page | 3, metal.Read(page + offset));
            }

            // A small page is found; so is none where nothing is mapped.
            Assert.NotEqual(0UL, metal.Walk(DirectMap + HostedMetal.ImageStart, create));
            Assert.Equal(0UL, metal.Walk(0x1234_5678_9000, false));
        });

    private static ulong FindEntry(HostedMetal metal, ulong address, int last)
    {
        ulong entry = metal.Root;
        for (int shift = 39; shift >= last; shift -= 9)
        {
            entry = metal.Read((entry & AddressMask) + (address >> shift & 511) * sizeof(ulong));
        }

        return entry;
    }

    /// <summary>All of physical memory that the direct map's slots reach, as ranges; each page must lie where its address says.</summary>
    private static (ulong Start, ulong End)[] FindDirectMap(HostedMetal metal)
    {
        const int FirstSlot = 256;
        const int EndSlot = 510;
        List<(ulong Start, ulong End)> ranges = [];
        for (int slot = FirstSlot; slot < EndSlot; slot++)
        {
            Collect(metal, metal.Read(metal.Root + (ulong)slot * sizeof(ulong)), 39, (ulong)(slot - FirstSlot) << 39, ranges);
        }

        return [.. ranges];
    }

    private static void Collect(HostedMetal metal, ulong entry, int shift, ulong offset, List<(ulong Start, ulong End)> ranges)
    {
        if ((entry & Present) == 0)
        {
            return;
        }

        if (shift > 12 && (entry & Large) == 0)
        {
            for (ulong i = 0; i < 512; i++)
            {
                Collect(metal, metal.Read((entry & AddressMask) + i * sizeof(ulong)), shift - 9, offset + (i << (shift - 9)), ranges);
            }

            return;
        }

        Assert.Equal(offset, entry & AddressMask);
        ulong end = offset + (1UL << shift);
        if (ranges.Count != 0 && ranges[^1].End == offset)
        {
            ranges[^1] = (ranges[^1].Start, end);
        }
        else
        {
            ranges.Add((offset, end));
        }
    }
}
