using System.Diagnostics;

namespace Semitone.Apps;

/// <summary>The command in a terminal and in scripts: keys, signals, jobs, and who reads what of standard input.</summary>
public sealed class TerminalTests
{
    private const string Interrupt = "\u0003";
    private const string Suspend = "\u001a";
    private const string EndOfInput = "\u0004";

    private static readonly string[] s_busybox = ["--rootfs", DebianRoots.Get(["busybox-static"]), "--", "/bin/busybox"];

    private static string Command(params string[] program) =>
        string.Join(
            ' ', ((string[])[Repository.Semitone, "run", "--timeout", "240", .. s_busybox, .. program]).Select(word => $"'{word}'"));

    [Fact]
    public void Run_InteractiveShell_LivesThroughCtrlCAndKnowsTheSize()
    {
        using PseudoTerminal terminal = new(Repository.Semitone, "run", "--timeout", "240", "/bin/bash", "--", "--norc", "-i");
        terminal.WaitFor("# ");
        terminal.Type("echo nothing");
        terminal.WaitFor("echo nothing");
        terminal.TypeUntilShown(Interrupt, "# ");
        terminal.Type("while :; do :; done\r");
        terminal.WaitFor("done");
        terminal.TypeUntilShown(Interrupt, "# ");
        terminal.Type("echo $LINES $COLUMNS\r");
        terminal.WaitFor("30 100\r\n");
        terminal.Resize(40, 120);
        terminal.WaitFor("# ");
        terminal.TypeUntilShown("echo $LINES $COLUMNS\r", "40 120\r\n");

        // Typed ahead, all at once: nothing of it is an end of the file.
        terminal.Type(string.Concat(Enumerable.Range(0, 20).Select(i => $"echo $((100 + {i}))\r")) + "exit 5\r");
        terminal.WaitFor("119\r\n");
        Assert.Equal(5, terminal.WaitForEnd().Status);
    }

    /// <summary>
    /// Jobs of a shell in the machine: stopped by a key, in the background, in the foreground again, stopped for reading.
    /// </summary>
    [Fact]
    public void Run_InteractiveShell_ControlsJobs()
    {
        string[] packages = ["bash", "coreutils"];
        using PseudoTerminal terminal =
            new(Repository.Semitone, "run", "--timeout", "240", "--rootfs", DebianRoots.Get(packages), "--", "/bin/bash", "--norc", "-i");
        terminal.WaitFor("# ");
        terminal.Type("sleep 1000\r");
        terminal.WaitFor("1000\r\n");
        terminal.TypeUntilShown(Suspend, "Stopped");
        terminal.WaitFor("# ");
        terminal.Type("bg; jobs\r");
        terminal.WaitFor("Running");
        terminal.WaitFor("# ");
        terminal.Type("fg\r");
        terminal.WaitFor("sleep 1000\r\n");
        terminal.TypeUntilShown(Interrupt, "# ");
        terminal.Type("echo status $?; cat &\r");
        terminal.WaitFor("status 130");
        terminal.TypeUntilShown("jobs\r", "Stopped");
        terminal.WaitFor("# ");
        terminal.Type("kill %1; wait; exit 6\r");
        Assert.Equal(6, terminal.WaitForEnd().Status);
    }

    /// <summary>The terminal's character set goes with its TERM, unless the user says something else.</summary>
    [Theory]
    [InlineData("C.UTF-8", "", "<C.UTF-8> 1\r\n")]
    [InlineData("C", "", "<> 2\r\n")]
    [InlineData("C.UTF-8", "-e LANG=C", "<> 2\r\n")]
    public void Run_TerminalOfUnicode_IsOneInTheGuest(string locale, string flag, string shown)
    {
        Assert.SkipUnless(Directory.Exists("/usr/lib/locale/C.utf8"), "there is no C.UTF-8 here");
        using PseudoTerminal terminal = new(
            "/usr/bin/env", "-u", "LC_ALL", "-u", "LC_CTYPE", $"LANG={locale}", "/bin/sh", "-c",
            $"'{Repository.Semitone}' run --quiet --timeout 240 {flag} /bin/bash -c 's=\u00e9; echo \"<$LC_CTYPE> ${{#s}}\"'");
        Assert.EndsWith(shown, terminal.WaitForEnd().Shown, StringComparison.Ordinal);
    }

    /// <summary>A file is read ahead for who reads byte by byte, as shells do, and what is left of it is there for the next.</summary>
    [Fact]
    public void Run_StandardInputIsAFile_LeavesWhatTheProgramLeaves()
    {
        string file = Path.GetTempFileName();
        try
        {
            string[] lines = [.. Enumerable.Range(0, 300).Select(i => $"line number {i}")];
            File.WriteAllLines(file, lines);
            const string Reader = "i=0; while [ $i -lt 100 ]; do read -r line; echo \"$line\"; i=$((i + 1)); done";
            string command = Command("sh", "-c", Reader);
            ProgramRun run = ProgramRun.Of(["/bin/sh", "-c", $"{{ {command}; {command}; cat; }} < '{file}'"]);
            Assert.Equal(lines, run.Output.TrimEnd('\n').Split('\n'));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Run_CtrlCInALoopOfAScript_EndsTheLoop()
    {
        using PseudoTerminal terminal = new("/bin/sh", "-c", $"for i in 1 2 3; do {Command("sh", "-c", "echo up; cat")}; echo after; done");
        terminal.WaitFor("up");
        terminal.Type(Interrupt);
        (int status, string shown) = terminal.WaitForEnd();
        Assert.Equal(130, status);
        Assert.DoesNotContain("after", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_ProgramIgnoresCtrlC_ThreeWithinASecondEndTheMachine()
    {
        using PseudoTerminal terminal = new("/bin/sh", "-c", Command("sh", "-c", "trap \"\" INT; echo up; while :; do :; done"));
        terminal.WaitFor("up");
        terminal.Type(Interrupt + Interrupt + Interrupt);
        Assert.Equal(130, terminal.WaitForEnd().Status);
    }

    [Fact]
    public void Run_JobOfAShell_StopsGoesOnAndLeavesTheTerminalAlone()
    {
        using PseudoTerminal terminal = new("/bin/bash", "--norc", "--noediting", "-i");
        terminal.Type("PS1='ho''st> '; set +o history\r");
        terminal.WaitFor("host> ");
        terminal.Type(Command("sh", "-c", "echo up; cat") + "\r");
        terminal.WaitFor("\nup\r\n");
        terminal.Type("one\r");
        terminal.WaitFor("one\r\none\r\n");
        terminal.Type(Suspend);
        terminal.WaitFor("Stopped");
        terminal.WaitFor("host> ");

        // In the background it may not read: it is stopped for that, as any program. The terminal is the shell's.
        terminal.Type("bg\r");
        terminal.WaitFor("host> ");
        terminal.Type("echo in the ''shell\r");
        terminal.WaitFor("\nin the shell\r\n");
        terminal.TypeUntilShown("jobs\r", "Stopped");
        terminal.Type("fg\r");
        terminal.TypeUntilShown("two\r", "two\r\ntwo\r\n");
        terminal.Type(EndOfInput);
        terminal.WaitFor("host> ");
        terminal.Type("exit\r");
        terminal.WaitForEnd();
    }

    [Fact]
    public void Run_KilledInATerminal_HasItPutBack()
    {
        using PseudoTerminal terminal = new(
            "/bin/sh",
            "-c",
            $"stty -g; {Command("sh", "-c", "echo up; cat")}; i=0; while [ $i -lt 50 ] && ! stty -a | grep -q ' opost'; do sleep 0.1; "
                + $"i=$((i + 1)); done; stty -g");

        terminal.WaitFor("up");
        foreach (string process in Directory.GetDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])))
        {
            if (IsChild(process, terminal.Process.Id))
            {
                Process.GetProcessById(int.Parse(Path.GetFileName(process))).Kill();
            }
        }

        string[] settings = [.. terminal.WaitForEnd().Shown
            .Split("\r\n")
            .SelectMany(line => line.Split('\n'))
            .Where(line => line.Count(letter => letter == ':') > 20)];
        Assert.Equal(2, settings.Length);
        Assert.Equal(settings[0], settings[1]);
    }

    [Theory]
    [InlineData("trap 'echo told; exit 3' TERM", "10", "told", 3)]
    [InlineData("trap '' TERM", "1", "", 143)]
    public void Run_Sigterm_GoesToTheProgramFirst(string trap, string stopTimeout, string output, int status)
    {
        using Process process = Process.Start(new ProcessStartInfo(
            Repository.Semitone,
            ["run", "--timeout", "240", "--stop-timeout", stopTimeout, .. s_busybox, "sh", "-c", trap + "; echo up; while :; do :; done"])
        { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("up", process.StandardOutput.ReadLine());
        Process.Start("/bin/kill", ["-TERM", $"{process.Id}"]).WaitForExit();
        Assert.True(process.WaitForExit(120_000));
        Assert.Equal((output, status), (process.StandardOutput.ReadToEnd().Trim(), process.ExitCode));
    }

    [Fact]
    public void Run_InALoopOverLines_LeavesItsInputToTheLoop()
    {
        ProgramRun run = ProgramRun.Of(["/bin/sh", "-c", $"while read line; do echo \"<$line>\"; {Command("true")}; done"], "one\ntwo\n");
        Assert.Equal(("<one>\n<two>\n", 0), (run.Output, run.Status));
    }

    [Fact]
    public void Run_ProgramReadsALine_LeavesTheRestOfThePipe()
    {
        ProgramRun run =
            ProgramRun.Of(["/bin/sh", "-c", $"{Command("sh", "-c", "read line; echo \"<$line>\"")}; cat"], "one\ntwo\nthree\n");
        Assert.Equal(("<one>\ntwo\nthree\n", 0), (run.Output, run.Status));
    }

    private static bool IsChild(string process, int parent)
    {
        try
        {
            string status = File.ReadAllText(process + "/stat");
            return status[(status.LastIndexOf(')') + 2)..].Split(' ')[1] == parent.ToString();
        }
        catch (IOException)
        {
            return false;
        }
    }
}
