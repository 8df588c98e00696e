using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Semitone.Apps;

/// <summary>Machines that have names and live on when the command that started them has ended.</summary>
public sealed class MachineTests : IDisposable
{
    private readonly string _state = Directory.CreateTempSubdirectory("semitone-machines-").FullName;

    private static string Lives => CompiledPrograms.Get("lives.c", ["gcc", "-O2", "-static"]);

    public void Dispose()
    {
        Command("rm", "--force", "--all");
        Directory.Delete(_state, recursive: true);
    }

    private string[] Words(params string[] arguments) =>
        ["/usr/bin/env", $"XDG_STATE_HOME={_state}", Repository.Semitone, .. arguments];

    private ProgramRun Command(params string[] arguments) => ProgramRun.Of(Words(arguments), limit: TimeSpan.FromMinutes(1));

    /// <summary>Runs a command that is to print something and to succeed.</summary>
    private string Succeed(params string[] arguments)
    {
        ProgramRun run = Command(arguments);
        Assert.True(run is { Status: 0, HasHung: false }, $"{string.Join(' ', arguments)}: {run.Describe()}");
        return run.Output;
    }

    private string Inspect(string name, string field) => Succeed("inspect", "-f", "{{" + field + "}}", name).TrimEnd('\n');

    /// <summary>Waits until a machine has said something: a program hears signals when it says that it is up.</summary>
    private void WaitForLog(string name, string text = "up\n", int times = 1)
    {
        Stopwatch time = Stopwatch.StartNew();
        while (Succeed("logs", name).Split(text).Length <= times)
        {
            Assert.True(time.Elapsed < TimeSpan.FromSeconds(180), $"'{text}' is not in the log: {Succeed("logs", name)}");
            Thread.Sleep(50);
        }
    }

    private static bool IsAlive(int process) =>
        File.Exists($"/proc/{process}/stat") && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);

    [Fact]
    public void RunDetached_StopAndRemove_GoAsDockerHasThem()
    {
        Assert.Equal("web\n", Succeed("run", "-d", "--name", "web", Lives));
        WaitForLog("web", "tick 1\n");
        string[] lines = Succeed("ps").Split('\n');
        Assert.Matches("^NAME +KERNEL +ARGS +CREATED +STATUS +MEM +PORTS +PLAT$", lines[0]);
        Assert.Matches("^web +semitone_qemu-x86_64 +.* running +", lines[1]);
        Assert.Equal(Inspect("web", ".Id")[..12] + "\n", Succeed("ps", "-q"));

        // Whoever follows sees the end, and ends with it; standard error is standard error.
        using Process follower = Process.Start(new ProcessStartInfo(Words()[0], Words("logs", "-f", "web").Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Assert.Equal("up", follower.StandardOutput.ReadLine());
        Assert.Equal("web\n", Succeed("stop", "web"));
        Assert.EndsWith("told 15\n", follower.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal("to standard error\n", follower.StandardError.ReadToEnd());
        Assert.True(follower.WaitForExit(120_000));

        Assert.Matches("^NAME [^\n]*\n$", Succeed("ps"));
        Assert.Contains(" exited (5) ", Succeed("ps", "-a"), StringComparison.Ordinal);
        Assert.Equal("5\n", Succeed("wait", "web"));
        Assert.Equal("told 15\n", Succeed("logs", "--tail", "1", "web"));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z told 15\n$", Succeed("logs", "-t", "-n", "1", "web"));
        Assert.Equal("web\n", Succeed("rm", "web"));
        Assert.Empty(Directory.GetFileSystemEntries(_state + "/semitone/machines"));
        ProgramRun gone = Command("logs", "web");
        Assert.Equal(("", 1), (gone.Output, gone.Status));
        Assert.Contains("there is no machine 'web'", gone.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Stop_ProgramIsDeaf_EndsTheMachineAfterItsTime()
    {
        Succeed("run", "-d", "--name", "web", Lives, "deaf");
        WaitForLog("web");
        Stopwatch time = Stopwatch.StartNew();
        Assert.Equal("web\n", Succeed("stop", "--time", "1", "web"));
        Assert.InRange(time.Elapsed.TotalSeconds, 1, 30);
        Assert.Equal("137", Inspect("web", ".State.ExitCode"));
    }

    [Fact]
    public void Kill_Signals_GoToTheProgram()
    {
        Succeed("run", "-d", "--name", "web", "--stop-signal", "USR1", Lives);
        ProgramRun bad = Command("kill", "-s", "NOSUCH", "web");
        Assert.Equal(125, bad.Status);
        WaitForLog("web");
        Succeed("kill", "-s", "SIGUSR1", "web");
        Assert.Equal("5\n", Succeed("wait", "web"));
        Assert.EndsWith("told 10\n", Succeed("logs", "web"), StringComparison.Ordinal);
        Assert.Equal(1, Command("kill", "web").Status);
        Succeed("start", "web");
        WaitForLog("web", times: 2);
        Succeed("stop", "web");
        Assert.EndsWith("told 10\n", Succeed("logs", "web"), StringComparison.Ordinal);
        Succeed("start", "web");
        Succeed("kill", "web");
        Assert.Equal("137\n", Succeed("wait", "web"));
    }

    /// <summary>Nothing of a machine outlives its supervisor, and what is left tells what happened.</summary>
    [Fact]
    public void Supervisor_IsKilled_LeavesAnExitedMachineThatCanBeStarted()
    {
        Succeed("run", "-d", "--name", "web", Lives);
        WaitForLog("web");
        int qemu = int.Parse(Inspect("web", ".State.Pid"), CultureInfo.InvariantCulture);
        int supervisor = int.Parse(
            Regex.Match(File.ReadAllText($"/proc/{qemu}/status"), @"PPid:\s+(\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        Process.Start("/bin/kill", ["-KILL", $"{supervisor}"]).WaitForExit();
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(supervisor) && !IsAlive(qemu), 10_000), "QEMU outlives its supervisor");
        Assert.Equal("exited 255", Inspect("web", ".State.Status") + " " + Inspect("web", ".State.ExitCode"));
        Assert.Equal("web\n", Succeed("start", "web"));
        Assert.Equal("running", Inspect("web", ".State.Status"));
        WaitForLog("web", times: 2);
        Succeed("stop", "web");
        Assert.Equal("5", Inspect("web", ".State.ExitCode"));
    }

    /// <summary>Nobody waits for ever for one that does not answer.</summary>
    [Fact]
    public void Supervisor_DoesNotAnswer_IsEndedByKill()
    {
        Succeed("run", "-d", "--name", "web", Lives);
        int qemu = int.Parse(Inspect("web", ".State.Pid"), CultureInfo.InvariantCulture);
        string supervisor = Regex.Match(File.ReadAllText($"/proc/{qemu}/status"), @"PPid:\s+(\d+)").Groups[1].Value;
        Process.Start("/bin/kill", ["-STOP", supervisor]).WaitForExit();
        ProgramRun pause = Command("pause", "web");
        Assert.Equal(1, pause.Status);
        Assert.Contains("does not answer", pause.Errors, StringComparison.Ordinal);
        Assert.Equal("web\n", Succeed("kill", "web"));
        Assert.True(SpinWait.SpinUntil(() => !IsAlive(qemu), 10_000), "QEMU lives on");
        Assert.Equal("web\n", Succeed("rm", "web"));
    }

    [Fact]
    public void Qemu_IsKilled_EndsTheMachineWithAReason()
    {
        Succeed("run", "-d", "--name", "web", Lives);
        Process.Start("/bin/kill", ["-KILL", Inspect("web", ".State.Pid")]).WaitForExit();
        Assert.Equal("122\n", Succeed("wait", "web"));
        Assert.Contains("QEMU was killed by signal 9", Inspect("web", ".State.Error"), StringComparison.Ordinal);
    }

    [Fact]
    public void RunDetached_ProgramThatDoesNotStart_SaysWhyAndEndsAsRunDoes()
    {
        string root = Directory.CreateTempSubdirectory("semitone-root-").FullName;
        try
        {
            ProgramRun run = Command("run", "-d", "--rm", "--name", "web", "--rootfs", root, "/bin/none");
            Assert.Equal(("", 127), (run.Output, run.Status));
            Assert.Contains("/bin/none: No such file or directory", run.Errors, StringComparison.Ordinal);
            Assert.Equal(127, Command("run", "-d", "/no/such/program").Status);
            Assert.Empty(Directory.GetFileSystemEntries(_state + "/semitone/machines"));
        }
        finally
        {
            Directory.Delete(root);
        }
    }

    [Fact]
    public void Run_RemovesItself_IsGoneAfterItsEnd()
    {
        Succeed("run", "-d", "--rm", "--name", "web", Lives);
        Assert.Equal(1, Command("rm", "web").Status);
        Succeed("stop", "web");
        Assert.Equal("", Succeed("ps", "-a", "-q"));
        Assert.Empty(Directory.GetFileSystemEntries(_state + "/semitone/machines"));
    }

    [Fact]
    public void Pause_Machine_StandsStillUntilItMayGoOn()
    {
        Succeed("run", "-d", "--name", "web", Lives);
        WaitForLog("web", "tick 1\n");
        Assert.Equal("web\n", Succeed("pause", "web"));
        Assert.Equal("paused", Inspect("web", ".State.Status"));
        string said = Succeed("logs", "web");
        Thread.Sleep(500);
        Assert.Equal(said, Succeed("logs", "web"));
        Assert.Equal(1, Command("pause", "web").Status);
        Assert.Equal("web\n", Succeed("unpause", "web"));
        Assert.Equal("running", Inspect("web", ".State.Status"));
        int last = said.Split("tick ").Length - 1;
        WaitForLog("web", $"tick {last + 1}\n");
        Succeed("pause", "web");
        Succeed("stop", "web");
        Assert.Equal("5", Inspect("web", ".State.ExitCode"));
    }

    [Fact]
    public void Attach_InteractiveMachine_TakesInputAndGivesOutputAndStatus()
    {
        Succeed("run", "--no-start", "-i", "--name", "web", Lives, "echo");
        Assert.Equal("created", Inspect("web", ".State.Status"));
        ProgramRun run = ProgramRun.Of(Words("start", "--attach", "web"), input: "one\ntwo\n", limit: TimeSpan.FromMinutes(1));
        Assert.Equal(("up\n<one>\n<two>\n", "to standard error\n", 6), (run.Output, run.Errors, run.Status));
        Assert.Equal(1, Command("attach", "web").Status);
    }

    /// <summary>Without --interactive standard input is at its end, whatever the command's is.</summary>
    [Fact]
    public void RunDetached_StandardInput_IsAtItsEnd()
    {
        Succeed("run", "-d", "--name", "web", Lives, "echo");
        Assert.Equal("6\n", Succeed("wait", "web"));
    }

    [Fact]
    public void RunDetached_ManyAtOnceWantOneName_OneGetsIt()
    {
        ProgramRun[] runs = [.. Enumerable.Range(0, 6).AsParallel().WithDegreeOfParallelism(6)
            .Select(_ => Command("run", "--no-start", "--name", "web", Lives))];
        Assert.Equal(1, runs.Count(run => run.Status == 0));
        Assert.All(runs.Where(run => run.Status != 0), run =>
        {
            Assert.Equal(125, run.Status);
            Assert.Contains("the name 'web' is taken", run.Errors, StringComparison.Ordinal);
        });
        Assert.Equal([_state + "/semitone/machines/web"], Directory.GetFileSystemEntries(_state + "/semitone/machines"));
    }

    [Fact]
    public void Start_ManyAtOnce_StartOneMachine()
    {
        Succeed("run", "--no-start", "--name", "web", Lives);
        ProgramRun[] runs = [.. Enumerable.Range(0, 4).AsParallel().WithDegreeOfParallelism(4).Select(_ => Command("start", "web"))];
        Assert.All(runs, run => Assert.True(run.Status == 0, run.Describe()));
        WaitForLog("web");
        Succeed("stop", "web");
        Assert.Equal("told 15\n", Succeed("logs", "-n", "1", "web"));
        Assert.Single(Succeed("logs", "web").Split('\n'), "up");
    }

    [Fact]
    public void Ps_Formats_AreWhatProgramsRead()
    {
        Succeed("run", "--no-start", "--name", "web", "-M", "64Mi", Lives, "a b", "\"c\"");
        Assert.Equal("", Succeed("ps", "-q"));
        using JsonDocument json = JsonDocument.Parse(Succeed("ps", "-a", "-o", "json"));
        JsonElement machine = Assert.Single(json.RootElement.EnumerateArray());
        Assert.Equal("web", machine.GetProperty("name").GetString());
        Assert.Equal("created", machine.GetProperty("status").GetString());
        Assert.Equal("64Mi", machine.GetProperty("mem").GetString());
        Assert.Equal($"{Lives} a b \"c\"", machine.GetProperty("args").GetString());
        Assert.Contains("\n  name: \"web\"\n", Succeed("ps", "-a", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Contains("\nname: web\n", Succeed("ps", "-a", "-o", "list"), StringComparison.Ordinal);
        Assert.StartsWith("MACHINE ID ", Succeed("ps", "-a", "-l"), StringComparison.Ordinal);
        using JsonDocument inspected = JsonDocument.Parse(Succeed("inspect", "web"));
        Assert.Equal("a b", inspected.RootElement[0].GetProperty("Args")[0].GetString());
    }

    /// <summary>The command that started it is killed, or its terminal goes: the machine does not notice.</summary>
    [Fact]
    public void RunDetached_TerminalGoes_LivesOn()
    {
        using (PseudoTerminal terminal = new([.. Words("run", "-d", "--name", "web", Lives)]))
        {
            Assert.Equal(0, terminal.WaitForEnd().Status);
        }

        WaitForLog("web", "tick 5\n");
        Assert.Equal("running", Inspect("web", ".State.Status"));
    }

    [Fact]
    public void Attach_Terminal_IsOneInTheGuestAndIsLeftByItsKeys()
    {
        Succeed("run", "-d", "--tty", "--name", "web", "--rootfs", DebianRoots.Get(["busybox-static"]), "/bin/busybox", "sh");
        using PseudoTerminal terminal = new([.. Words("attach", "web")]);
        terminal.Type("\r");
        terminal.WaitFor("# ");
        terminal.Type("test -t 0 && echo is $((40 + 2))\r");
        terminal.WaitFor("is 42\r\n");
        terminal.Type("\u0010\u0011");
        Assert.Equal(0, terminal.WaitForEnd().Status);
        Assert.Equal("running", Inspect("web", ".State.Status"));
    }

    [Theory]
    [InlineData("version")]
    [InlineData("ps")]
    [InlineData("inspect web")]
    public void Command_StandardOutputIsFull_SaysSo(string arguments)
    {
        Succeed("run", "--no-start", "--name", "web", Lives);
        ProgramRun run = ProgramRun.Of(
            ["/bin/sh", "-c", $"XDG_STATE_HOME='{_state}' '{Repository.Semitone}' {arguments} > /dev/full"]);
        Assert.Equal(125, run.Status);
        Assert.Contains("standard output cannot be written: No space left on device", run.Errors, StringComparison.Ordinal);
    }
}
