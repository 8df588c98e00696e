using System.Globalization;

namespace Semitone.Unit.Metal;

/// <summary>
/// What firmware says of memory, however it says it: entries overlap, contradict each other, run past the end of all addresses and are
/// many.
/// </summary>
public sealed class MemoryMapTests
{
    private const ulong PageSize = 4096;
    private const ulong Highest = 1UL << HostedMetal.AddressBits;

    /// <summary>
    /// Against a rule for a single page: some entry says that all of it is usable, none says of a part of it that it is not.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_RandomMaps_AreWhatEachPageSays(bool isPvh)
    {
        Random random = new(7);
        for (int round = 0; round < 60; round++)
        {
            List<MapEntry> map = MakeMap(random, random.Next(1, round % 6 == 0 ? 240 : 30));
            HostedMetal.Boot(map, isPvh, metal =>
            {
                (ulong Start, ulong End)[] memory = metal.Memory;
                (ulong Start, ulong End)[] free = metal.Free;
                AssertSorted(memory);
                AssertSorted(free);
                foreach (ulong page in PagesToLookAt())
                {
                    bool isData = IsBootData(page);
                    bool isUsable = IsUsable(map, page);
                    if (Contains(memory, page) != (isUsable || isData) || Contains(free, page) != (isUsable && !isData && page != 0))
                    {
                        Assert.Fail(Describe(map, page));
                    }
                }

                Assert.Equal("", metal.Console);
            });
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_MoreRangesThanFit_KeepsTheLargestAndSaysSo(bool isPvh)
    {
        List<MapEntry> map =
        [
            .. Enumerable.Range(0, 600)
            .Select(i => new MapEntry(0x100_0000 + (ulong)i * 0x1_0000, (ulong)(i % 7 + 1) * PageSize, HostedMetal.Usable))
        ];
        HostedMetal.Boot(map, isPvh, metal =>
        {
            Assert.Contains("the memory map is in too many pieces", metal.Console, StringComparison.Ordinal);
            (ulong Start, ulong End)[] kept = [.. metal.Free.Where(range => range.End > range.Start)];
            Assert.InRange(kept.Length, 200, 256);
            Assert.All(kept, range => Assert.Contains(map, entry => entry.Start == range.Start && entry.Start + entry.Size == range.End));

            // 600 ranges of 1 to 7 pages: the 256 largest have at least 5.
            Assert.All(kept, range => Assert.True(range.End - range.Start >= 5 * PageSize));
        });
    }

    /// <summary>Beyond what a frame's number can say there is no memory, whatever the map says.</summary>
    [Fact]
    public void Read_EntriesThatWrapAround_EndWithTheAddresses() =>
        HostedMetal.Boot(
            [
                new MapEntry(0x20_0000, ulong.MaxValue, HostedMetal.Usable),
                new MapEntry(ulong.MaxValue - 0xFFF, 0x2000, HostedMetal.Usable),
                new MapEntry(Highest - 0x1000, ulong.MaxValue - 5, HostedMetal.Reserved),
                new MapEntry(ulong.MaxValue - 0xFFFF, ulong.MaxValue, HostedMetal.Reserved),
            ],
            isPvh: true,
            metal =>
            {
                Assert.Equal((0x20_0000UL, Highest - 0x1000), metal.Free[^1]);
                Assert.DoesNotContain(metal.Free, range => range.Start < 0x10_0000);
            });

    private static List<MapEntry> MakeMap(Random random, int count)
    {
        List<MapEntry> map = [];
        for (int i = 0; i < count; i++)
        {
            uint type = random.Next(3) != 0 ? HostedMetal.Usable : (uint)random.Next(2, 6);
            ulong start = (ulong)random.Next(0x40_0000) & (random.Next(2) == 0 ? ~0xFFFUL : ulong.MaxValue);
            ulong size = (ulong)random.Next(random.Next(4) == 0 ? 0x20_0000 : 0x1_0000);
            map.Add(random.Next(12) switch
            {
                0 => new MapEntry(Highest - (ulong)random.Next(0x1_0000), size, type),
                1 => new MapEntry(ulong.MaxValue - (ulong)random.Next(0x1_0000), size, type),
                2 => new MapEntry(start, 0, type),
                3 when random.Next(8) == 0 => new MapEntry(start, ulong.MaxValue - (ulong)random.Next(0x1_0000), type),
                _ => new MapEntry(start, size, type),
            });
        }

        return map;
    }

    private static IEnumerable<ulong> PagesToLookAt()
    {
        for (ulong page = 0; page < 0x70_0000; page += PageSize)
        {
            yield return page;
        }

        for (ulong page = Highest - 0x2_0000; page < Highest + 0x2000; page += PageSize)
        {
            yield return page;
        }

        yield return ulong.MaxValue - 0xFFF;
    }

    private static bool IsUsable(List<MapEntry> map, ulong page) =>
        page < Highest
        && map.Exists(entry => entry.Type == HostedMetal.Usable
            && entry.Start <= page
            && (UInt128)entry.Start + entry.Size >= (UInt128)page + PageSize)
        && !map.Exists(entry => entry.Type != HostedMetal.Usable
            && entry.Size != 0
            && entry.Start < page + PageSize
            && (UInt128)entry.Start + entry.Size > page);

    /// <summary>
    /// Whether the boot loader's data or the image lie in a page: those are memory even if the map does not say so, and nobody's to take.
    /// </summary>
    private static bool IsBootData(ulong page) =>
        Overlaps(page, HostedMetal.CommandLine, 6)
        || Overlaps(page, HostedMetal.InitialRamDisk, HostedMetal.InitialRamDiskLength)
        || (page >= HostedMetal.ImageStart && page < HostedMetal.ImageEnd);

    private static bool Overlaps(ulong page, ulong start, ulong size) => start < page + PageSize && start + size > page;

    private static bool Contains((ulong Start, ulong End)[] ranges, ulong page) =>
        Array.Exists(ranges, range => range.Start <= page && page < range.End);

    private static void AssertSorted((ulong Start, ulong End)[] ranges)
    {
        for (int i = 0; i < ranges.Length; i++)
        {
            Assert.True(ranges[i].Start < ranges[i].End && ranges[i].End <= Highest);
            Assert.True(i == 0 || ranges[i - 1].End < ranges[i].Start);
            Assert.Equal(0UL, (ranges[i].Start | ranges[i].End) & (PageSize - 1));
        }
    }

    private static string Describe(List<MapEntry> map, ulong page) =>
        string.Create(CultureInfo.InvariantCulture, $"the page at 0x{page:x}:\n")
        + string.Join(
            '\n', map.Select(entry => string.Create(CultureInfo.InvariantCulture, $"0x{entry.Start:x} + 0x{entry.Size:x}: {entry.Type}")));
}
