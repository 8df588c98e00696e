using Semitone.Core;

namespace Semitone.Unit.Core;

public class IdTableTests
{
    [Fact]
    public void TryAdd_AfterRemove_DoesNotReuseAtOnce()
    {
        IdTable<string> table = new(1000);
        table.TryAdd("a", out int first);
        table.TryAdd("b", out int second);
        table.Remove(second);
        table.TryAdd("c", out int third);
        Assert.Equal((1, 2, 3), (first, second, third));
        Assert.False(table.TryGet(second, out _));
    }

    [Fact]
    public void TryAdd_UpToTheLimit_GivesEachNumberOnceAndThenFails()
    {
        IdTable<string> table = new(100);
        HashSet<int> ids = [];
        while (table.TryAdd("x", out int id))
        {
            Assert.True(ids.Add(id));
        }

        Assert.Equal(99, table.Count);
        table.Remove(42);
        Assert.True(table.TryAdd("y", out int reused));
        Assert.Equal(42, reused);
    }

    [Fact]
    public void TryGet_AnyNumber_NeverThrows()
    {
        IdTable<string> table = new(100);
        Assert.False(table.TryGet(-1, out _));
        Assert.False(table.TryGet(int.MaxValue, out _));
        Assert.False(table.TryGet(int.MinValue, out _));
    }
}
