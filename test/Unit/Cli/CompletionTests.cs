using System.CommandLine;
using System.Diagnostics;
using Semitone.Cli;
using Semitone.Cli.Commands;

namespace Semitone.Unit.Cli;

public sealed class CompletionTests
{
    [Theory]
    [InlineData("", "run stop halt --help")]
    [InlineData("st", "stop")]
    [InlineData("stop ", "web worker")]
    [InlineData("stop web wo", "worker")]
    [InlineData("halt --t", "--time")]
    [InlineData("stop --time ", "")]
    [InlineData("stop --time 3 we", "web")]
    [InlineData("stop --time = 3 we", "web")]
    [InlineData("run --e", "--env")]
    [InlineData("run -e A --e", "--env")]
    [InlineData("run -q --e", "--env")]
    [InlineData("run /bin/ls --e", "")]
    [InlineData("run -- --e", "")]
    [InlineData("hold --", "")]
    [InlineData("nothing --", "")]
    public void Bash_Words_AreCompleted(string typed, string expected)
    {
        // The last word is the one that is being typed; the command is a stand-in with two machines.
        string script = CompletionCommand.MakeScript("bash", MakeRoot())
            .Replace(
                "command semitone ps -a -o list",
                "printf '%b' 'id: 1\\nname: web\\n\\nid: 2\\nname: worker\\nname: $(echo bad)\\n'",
                StringComparison.Ordinal)
            + "IFS=' ' read -r -a typed <<<\"$1\"\n"
            + "case $1 in ''|*' ') typed+=('') ;; esac\n"
            + "COMP_WORDS=(semitone \"${typed[@]}\") COMP_CWORD=${#typed[@]}\n"
            + "_semitone\necho \"${COMPREPLY[*]}\"\n";
        Assert.Equal(expected, RunBash(script, typed));
    }

    [Fact]
    public void Zsh_Description_IsQuoted() => Assert.Contains(
        @"'stop:End a machine, if it'\''s there'", CompletionCommand.MakeScript("zsh", MakeRoot()), StringComparison.Ordinal);

    [Fact]
    public void Fish_Flag_HasItsNamesAndWhetherItTakesAValue()
    {
        string script = CompletionCommand.MakeScript("fish", MakeRoot());
        Assert.Contains(
            "complete -c semitone -n '__semitone_in stop halt' -l time -s t -r -d 'Seconds'\n", script, StringComparison.Ordinal);
        Assert.Contains("-f -a stop -d 'End a machine, if it\\'s there'\n", script, StringComparison.Ordinal);
        Assert.DoesNotContain("hold", script, StringComparison.Ordinal);
    }

    [Fact]
    public void UnknownShell_IsAWrongCommandLine()
    {
        CommandFailedException failure =
            Assert.Throws<CommandFailedException>(() => CompletionCommand.MakeScript("tcsh", MakeRoot()));
        Assert.Equal(ExitStatus.Usage, failure.Status);
    }

    private static RootCommand MakeRoot()
    {
        Command run = new("run", "Run a program") { new Option<string[]>("--env", "-e"), new Option<bool>("--quiet", "-q") };
        Command stop = new("stop", "End a machine, if it's there")
        {
            new Option<int>("--time", "-t") { Description = "Seconds" },
            MachineArguments.Several(),
        };
        stop.Aliases.Add("halt");
        return new RootCommand { run, stop, new Command("hold") { Hidden = true } };
    }

    private static string RunBash(string script, string argument)
    {
        using Process bash = Process.Start(new ProcessStartInfo("bash", ["--norc", "-c", script, "bash", argument])
        {
            RedirectStandardOutput = true,
        })!;
        string said = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        return said.TrimEnd('\n');
    }
}
