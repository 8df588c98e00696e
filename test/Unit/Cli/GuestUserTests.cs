using System.Text;
using Semitone.Cli;
using Semitone.Cli.Running;

namespace Semitone.Unit.Cli;

public sealed class GuestUserTests
{
    private const string Accounts =
        "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/var/www:/bin/false\n1000:x:7:8::/odd:/bin/sh\nbroken\n";
    private const string Groups = "root:x:0:\nwww:x:34:\nadm:x:4:www-data,root\nssl:x:107:www-data\nbad:x:y:www-data\n";

    [Theory]
    [InlineData("root", "0:0:4", "/root")]
    [InlineData("www-data", "33:34:4:107", "/var/www")]
    [InlineData("33", "33:34:4:107", "/var/www")]
    [InlineData("1000", "7:8", "/odd")]
    [InlineData("5000", "5000:0", null)]
    [InlineData("www-data:adm", "33:4", "/var/www")]
    [InlineData("5000:6000", "5000:6000", null)]
    [InlineData("33:107", "33:107", "/var/www")]
    public void Find_NameOrNumber_IsWhatTheGuestsFilesSay(string text, string parameter, string? home)
    {
        GuestUser user = GuestUser.Find(text, Read);
        Assert.Equal((parameter, home), (user.ToParameter(), user.Home));
    }

    [Theory]
    [InlineData("nobody", "nobody")]
    [InlineData("", "''")]
    [InlineData("root:nogroup", "nogroup")]
    [InlineData("-1", "-1")]
    [InlineData("4294967295", "4294967295")]
    public void Find_NobodyOfThatName_IsRefusedByName(string text, string named) =>
        Assert.Contains(named, Assert.Throws<CommandFailedException>(() => GuestUser.Find(text, Read)).Message, StringComparison.Ordinal);

    [Fact]
    public void Find_RootWithoutFiles_TakesNumbersOnly()
    {
        Assert.Equal("12:0", GuestUser.Find("12", _ => null).ToParameter());
        Assert.Throws<CommandFailedException>(() => GuestUser.Find("root", _ => null));
    }

    private static byte[]? Read(string path) => path switch
    {
        "/etc/passwd" => Encoding.UTF8.GetBytes(Accounts),
        "/etc/group" => Encoding.UTF8.GetBytes(Groups),
        _ => null,
    };
}
