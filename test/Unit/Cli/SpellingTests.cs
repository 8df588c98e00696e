using Semitone.Cli.Commands;

namespace Semitone.Unit.Cli;

public sealed class SpellingTests
{
    private static readonly string[] s_words =
    [
        "run", "bench", "kvm", "version", "--memory", "-M", "--rootfs", "--machine", "--env", "--quiet"
    ];

    [Theory]
    [InlineData("rum", "run")]
    [InlineData("rnu", "run")]
    [InlineData("benhc", "bench")]
    [InlineData("versoin", "version")]
    [InlineData("--memry", "--memory")]
    [InlineData("-memory", "--memory")]
    [InlineData("--root", "--rootfs")]
    [InlineData("--rotfs", "--rootfs")]
    [InlineData("--quite", "--quiet")]
    public void FindNearest_Typo_IsTheWordThatWasMeant(string typo, string word) => Assert.Equal(word, Spelling.FindNearest(typo, s_words));

    [Theory]
    [InlineData("ls")]
    [InlineData("/bin/ls")]
    [InlineData("-x")]
    [InlineData("--")]
    [InlineData("")]
    [InlineData("--something")]
    public void FindNearest_NothingLikeIt_IsNothing(string word) => Assert.Null(Spelling.FindNearest(word, s_words));
}
