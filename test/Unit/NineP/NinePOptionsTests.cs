using System.Text;
using Semitone.Files;

namespace Semitone.Unit.NineP;

public sealed class NinePOptionsTests
{
    [Fact]
    public void Options_AsLinuxSpellsThem_AreUnderstood()
    {
        NinePOptions options = Parse("trans=virtio,version=9p2000.L,msize=65536,cache=loose,access=client,uname=me,aname=/tree,,nodevmap")!;
        Assert.Equal((CacheMode.Loose, 65536), (options.Cache, options.MessageSize));
        Assert.Equal("me", Encoding.ASCII.GetString(options.UserName));
        Assert.Equal(("/tree", 0u), (Encoding.ASCII.GetString(options.Tree), options.UserId));
        Assert.Equal(1000u, Parse("access=1000")!.UserId);
        NinePOptions defaults = Parse(string.Empty)!;
        Assert.Equal((CacheMode.Check, (512 * 1024) + 24), (defaults.Cache, defaults.MessageSize));
        Assert.Equal(1 << 30, Parse("msize=4000000000")!.MessageSize);
    }

    [Theory]
    [InlineData("cache=fscache")]
    [InlineData("cache")]
    [InlineData("msize=4095")]
    [InlineData("msize=-1")]
    [InlineData("msize=99999999999")]
    [InlineData("msize=5000x")]
    [InlineData("version=9p2000.u")]
    [InlineData("access=user")]
    [InlineData("trans=fd")]
    [InlineData("uname=")]
    [InlineData("sync")]
    public void Options_ThatMeanNothingHere_AreNamed(string option)
    {
        Assert.Null(NinePOptions.Parse(Encoding.ASCII.GetBytes("cache=none," + option), out string bad));
        Assert.Equal(option, bad);
    }

    private static NinePOptions? Parse(string text) => NinePOptions.Parse(Encoding.ASCII.GetBytes(text), out _);
}
