using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

public sealed class RepeatedKeyTests
{
    [Fact]
    public void Add_ThirdWithinASecond_IsRecognised()
    {
        RepeatedKey key = new();
        Assert.False(key.Add(0));
        Assert.False(key.Add(500));
        Assert.True(key.Add(1000));
    }

    [Fact]
    public void Add_ThreeOverALongerTime_AreThreeKeys()
    {
        RepeatedKey key = new();
        Assert.False(key.Add(0));
        Assert.False(key.Add(900));
        Assert.False(key.Add(1800));
        Assert.False(key.Add(2700));
        Assert.True(key.Add(2750));
    }
}
