using Semitone.Cli.Commands;
using Semitone.Cli.Running;
using Semitone.Cli;

namespace Semitone.Unit.Cli;

/// <summary>Where our flags end and the program begins.</summary>
public sealed class RunArgumentsTests
{
    [Theory]
    [InlineData("run ls -la", "run", "ls -la")]
    [InlineData("run ls -- -la", "run", "ls -la")]
    [InlineData("run -- ls -la", "run", "ls -la")]
    [InlineData("run -- ls -- -la", "run", "ls -- -la")]
    [InlineData("run git checkout -- file", "run", "git checkout -- file")]
    [InlineData("run ls -- -- x", "run", "ls -- x")]
    [InlineData("run --strace ls --strace", "run --strace", "ls --strace")]
    [InlineData("run -M 64Mi ls -M", "run -M 64Mi", "ls -M")]
    [InlineData("run -M64Mi ls", "run -M64Mi", "ls")]
    [InlineData("run --memory=64Mi ls", "run --memory=64Mi", "ls")]
    [InlineData("run -e A=1 -e B env -i", "run -e A=1 -e B", "env -i")]
    [InlineData("run -M 1Gi --quiet -M 2Gi --memory=3Gi ls", "run --quiet --memory=3Gi", "ls")]
    [InlineData("run -M1Gi -u a -u b -M2Gi ls -l", "run -u b -M2Gi", "ls -l")]
    [InlineData("run -V ls", "run -V", "ls")]
    [InlineData("run -it ls -it", "run --interactive --tty", "ls -it")]
    [InlineData("run -dit --name x ls", "run --detach --interactive --tty --name x", "ls")]
    [InlineData("run -d -t qemu/x86_64 ls", "run -d -t qemu/x86_64", "ls")]
    [InlineData("run -v HOST:GUEST ls", "run -v HOST:GUEST", "ls")]
    [InlineData("run --rootfs DIR -- /bin/prog x", "run --rootfs DIR", "/bin/prog x")]
    [InlineData("run --rootfs DIR /bin/prog --help", "run --rootfs DIR", "/bin/prog --help")]
    [InlineData("run --help", "run --help", "")]
    [InlineData("run --unknown", "run --unknown", "")]
    [InlineData("run --rootfs", "run --rootfs", "")]
    [InlineData("r -W true", "r -W", "true")]
    [InlineData("run - x", "run", "- x")]
    [InlineData("bench --runs 3 -- x", "bench --runs 3 -- x", "")]
    [InlineData("", "", "")]
    public void TakeProgram_CommandLine_EndsOursAtTheProgram(string line, string ours, string program)
    {
        RunCommand command = new();
        Assert.Equal(Split(ours), command.TakeProgram(Split(line)));
        Assert.Equal(Split(program), command.ProgramWords);
    }

    [Fact]
    public void EnvironmentFile_AsDockerHasIt_GivesItsVariables()
    {
        const string Text = "\uFEFF# comment\r\nA=1\r\n  B = x \n\n\t# another\nFROM_HOST\nQUOTED=\"as it is\" # too\nEMPTY=\nE=a=b\n";
        Assert.Throws<CommandFailedException>(() => EnvironmentFile.Parse(Text, "f"));
        Assert.Equal(
            ["A=1", "B= x ", "FROM_HOST", "QUOTED=\"as it is\" # too", "EMPTY=", "E=a=b"],
            EnvironmentFile.Parse(Text.Replace("B =", "B=", StringComparison.Ordinal), "f"));
    }

    [Theory]
    [InlineData("=x", "line 1")]
    [InlineData("A=1\nA B=2", "line 2")]
    public void EnvironmentFile_LineWithoutAName_IsNamed(string text, string named) =>
        Assert.Contains(
            named, Assert.Throws<CommandFailedException>(() => EnvironmentFile.Parse(text, "f")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("/a", "/a", "/a")]
    [InlineData("/a:/b", "/a", "/b")]
    [InlineData("/a/:/b/", "/a/", "/b")]
    [InlineData("/a:b", "/a:b", "/a:b")]
    [InlineData("/a:/b:/c/../d", "/a:/b", "/d")]
    public void IncludedPath_Text_FallsIntoBothPaths(string text, string source, string target) =>
        Assert.Equal(new IncludedPath(source, target), IncludedPath.Parse(text));

    private static string[] Split(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
