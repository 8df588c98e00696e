using System.Reflection;

namespace Semitone.Unit.Metal;

/// <summary>The list that the memory map becomes: ranges overlap, run into each other, come in any order and in any number.</summary>
public sealed class RangeListTests
{
    private const int Capacity = 256;

    [Fact]
    public void Add_Overlapping_IsOneRange()
    {
        RangeList list = new();
        list.Add(0x3000, 0x5000);
        list.Add(0x1000, 0x2000);
        list.Add(0x4000, 0x8000);
        list.Add(0x2000, 0x3000);
        Assert.Equal([(0x1000UL, 0x8000UL)], list.Ranges);
    }

    [Fact]
    public void Add_Empty_IsNothing()
    {
        RangeList list = new();
        list.Add(0x3000, 0x3000);
        list.Add(0x5000, 0x4000);
        Assert.Empty(list.Ranges);
    }

    [Fact]
    public void Remove_FromTheMiddle_LeavesBothSides()
    {
        RangeList list = new();
        list.Add(0x1000, 0x9000);
        list.Remove(0x3000, 0x4000);
        list.Remove(0x8000, 0xA000);
        list.Remove(0, 0x2000);
        Assert.Equal([(0x2000UL, 0x3000UL), (0x4000UL, 0x8000UL)], list.Ranges);
    }

    /// <summary>What does not fit costs the smallest range, and is counted.</summary>
    [Fact]
    public void Add_MoreThanThereIsRoomFor_DropsTheSmallest()
    {
        RangeList list = new();
        for (ulong i = 0; i < Capacity; i++)
        {
            list.Add(i * 0x10_0000, i * 0x10_0000 + (i == 7 ? 0x1000UL : 0x8000));
        }

        list.Add(0xFFF_0000_0000, 0xFFF_0000_4000);
        Assert.Equal(Capacity, list.Ranges.Count);
        Assert.DoesNotContain(list.Ranges, range => range.Start == 7 * 0x10_0000);
        Assert.Equal((0xFFF_0000_0000UL, 0xFFF_0000_4000UL), list.Ranges[^1]);
        Assert.Equal(0x1000UL, list.Dropped);
        list.Add(0xFFF_1000_0000, 0xFFF_1000_1000);
        Assert.Equal(0x2000UL, list.Dropped);
    }

    /// <summary>Against a set of pages.</summary>
    [Fact]
    public void AddAndRemove_Random_IsWhatASetOfPagesIs()
    {
        Random random = new(1);
        for (int round = 0; round < 200; round++)
        {
            RangeList list = new();
            bool[] pages = new bool[100];
            for (int step = 0; step < 60; step++)
            {
                int start = random.Next(100);
                int end = random.Next(start, Math.Min(100, start + 30) + 1);
                bool isAdded = random.Next(3) != 0;
                pages.AsSpan(start, end - start).Fill(isAdded);
                if (isAdded)
                {
                    list.Add((ulong)start, (ulong)end);
                }
                else
                {
                    list.Remove((ulong)start, (ulong)end);
                }
            }

            bool[] seen = new bool[100];
            ulong last = 0;
            foreach ((ulong start, ulong end) in list.Ranges)
            {
                Assert.True(start < end && (last == 0 || start > last), "sorted, apart and not empty");
                last = end;
                seen.AsSpan((int)start, (int)(end - start)).Fill(true);
            }

            Assert.Equal(pages, seen);
            Assert.Equal(0UL, list.Dropped);
        }
    }

    /// <summary>Metal's structure, by reflection: its assembly cannot be referenced.</summary>
    private sealed class RangeList
    {
        private static readonly Type s_type = MetalSources.GetStructure("Semitone.Metal.Memory.RangeList");
        private readonly object _list = Activator.CreateInstance(s_type)!;

        public IReadOnlyList<(ulong Start, ulong End)> Ranges =>
            [.. Enumerable.Range(0, (int)Get("Count")).Select(i => ((ulong)Call("GetStart", i)!, (ulong)Call("GetEnd", i)!))];

        public ulong Dropped => (ulong)Get("Dropped");

        public void Add(ulong start, ulong end) => Call("Add", start, end);

        public void Remove(ulong start, ulong end) => Call("Remove", start, end);

        private object Get(string name) => s_type.GetProperty(name, BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(_list)!;

        private object? Call(string name, params object[] arguments) =>
            s_type.GetMethod(name, BindingFlags.Instance | BindingFlags.NonPublic)!.Invoke(_list, arguments);
    }
}
