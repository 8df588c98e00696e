using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Semitone.Apps;

/// <summary>What <c>semitone run</c> itself promises.</summary>
public sealed class CommandTests
{
    private static readonly string[] s_busybox = ["--rootfs", DebianRoots.Get(["busybox-static"]), "--", "/bin/busybox"];

    private static string StaticHello => CompiledPrograms.Get("hello.c", ["gcc", "-O2", "-static", "-no-pie"]);

    private static string DynamicHello => CompiledPrograms.Get("hello.c", ["gcc", "-O2", "-pie", "-fPIE"]);

    [Fact]
    public void Run_Q35_GivesTheSameOutput()
    {
        ProgramRun run = Guest.Run(["--machine", "q35", StaticHello]);
        Assert.Equal(("Hello, World! 0 arguments\n", "", 7), (run.Output, run.Errors, run.Status));
    }

    [Theory]
    [InlineData("10Mi", false)]
    [InlineData("16Mi", true)]
    public void Run_LittleMemory_Suffices(string memory, bool isDynamic)
    {
        ProgramRun run = Guest.Run(["-M", memory, isDynamic ? DynamicHello : StaticHello]);
        Assert.Equal(("Hello, World! 0 arguments\n", 7), (run.Output, run.Status));
    }

    /// <summary>
    /// Somewhere between what holds the root file system and what is enough, and the command or the kernel says what to do.
    /// </summary>
    [Fact]
    public void Run_TooLittleMemory_SaysSo()
    {
        int working = 0;
        for (int mebibytes = 1; working < 2; mebibytes++)
        {
            Assert.InRange(mebibytes, 1, 64);
            ProgramRun run = Guest.Run(["-M", $"{mebibytes}M", DynamicHello]);
            if (run.Status == 7)
            {
                working++;
                continue;
            }

            Assert.Contains(run.Status, (int[])[121, 122, 125, 126]);
            Assert.Contains("memory", run.Errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("rum prog", "did you mean 'run'?")]
    [InlineData("benhc", "did you mean 'bench'?")]
    [InlineData("run --memry 64Mi prog", "did you mean '--memory'?")]
    [InlineData("run --rootf=dir prog", "did you mean '--rootfs'?")]
    [InlineData("bench --rnus 3", "did you mean '--runs'?")]
    [InlineData("run --xyzzy prog", "the program's own flags stand behind it")]
    [InlineData("version --help-me", "unknown flag '--help-me'")]
    [InlineData("run -v HOST:GUEST prog", "is not HOST:/path/in/the/guest")]
    [InlineData("run -M 64 prog", "write 64Mi")]
    [InlineData("run -e =x prog", "--env: '=x' names no variable")]
    [InlineData("run --env= prog", "Required argument missing for option")]
    [InlineData("run --machine pc prog", "there are microvm and q35")]
    public void Command_Typo_IsToldWhatWasMeant(string arguments, string hint)
    {
        ProgramRun run = ProgramRun.Of([Repository.Semitone, .. arguments.Split(' ')]);
        Assert.Equal(("", 125), (run.Output, run.Status));
        Assert.Contains(hint, run.Errors, StringComparison.Ordinal);
    }

    /// <summary>A program that asks for what is not there yet seldom says so.</summary>
    [Theory]
    [InlineData("3", "", true)]
    [InlineData("0", "", false)]
    [InlineData("3", "--quiet", false)]
    public void Run_ProgramFailsAfterACallThatIsNotThere_NamesItInALine(string status, string flag, bool isTold)
    {
        string program = CompiledPrograms.Get("missing.c", ["gcc", "-O2", "-static"]);
        ProgramRun run = ProgramRun.Of(
            ["/usr/bin/env", "SEMITONE_QUIET=", "SEMITONE_ACCEL=tcg", Repository.Semitone, "run", "--timeout", "60", .. flag.Length > 0
                ? (string[])[flag]
                : [], program, "--", status]);
        Assert.Equal(int.Parse(status, CultureInfo.InvariantCulture), run.Status);
        Assert.Equal(isTold ? "semitone: the program made system calls that are not there yet: number 335 (2 times)\n" : "", run.Errors);
    }

    [Fact]
    public void Run_Statistics_CountCallsByTheirNames()
    {
        ProgramRun run = Guest.Run(["--stats", CompiledPrograms.Get("missing.c", ["gcc", "-O2", "-static"])]);
        Assert.Equal(0, run.Status);
        using JsonDocument statistics = JsonDocument.Parse(run.Errors);
        Assert.Equal(1, statistics.RootElement.GetProperty("system_calls").GetProperty("exit_group").GetInt32());
        Assert.Equal(2, statistics.RootElement.GetProperty("missing_system_calls").GetProperty("number 335").GetInt32());
    }

    [Fact]
    public void Run_Help_HasExamplesAndStatuses()
    {
        ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "--help"]);
        Assert.Equal(0, run.Status);
        Assert.Contains("Examples:\n  semitone run ls -la /", run.Output, StringComparison.Ordinal);
        Assert.Contains("  124      --timeout ran out", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_Command_IsTheHelpOfThatCommandAlone()
    {
        Assert.Equal(ProgramRun.Of([Repository.Semitone, "run", "--help"]), ProgramRun.Of([Repository.Semitone, "help", "run"]));
        Assert.Equal(ProgramRun.Of([Repository.Semitone, "--help"]), ProgramRun.Of([Repository.Semitone, "help"]));
        Assert.DoesNotContain("Exit statuses", ProgramRun.Of([Repository.Semitone, "kvm", "--help"]).Output, StringComparison.Ordinal);
    }

    /// <summary>What nobody hears is lost, as the output of a program of the host is; that is not the machine's failure.</summary>
    [Theory]
    [InlineData(">&-")]
    [InlineData("<&- >&- 2>&-")]
    public void Run_StandardStreamsAreClosed_EndsAsTheProgramDoes(string redirections)
    {
        ProgramRun run =
            ProgramRun.Of(["/bin/sh", "-c", $"'{Repository.Semitone}' run --quiet --timeout 60 '{StaticHello}' {redirections}; echo $?"]);
        Assert.Equal(("7\n", ""), (run.Output, run.Errors));
    }

    /// <summary>A limit on the size of files stands for a disk that is full.</summary>
    [Fact]
    public void Run_DiskIsFull_KeepsNoHalfArchive()
    {
        string folder = Directory.CreateTempSubdirectory("semitone-full-").FullName;
        try
        {
            ProgramRun run = ProgramRun.Of([
                "/bin/sh",
                "-c",
                $"trap '' XFSZ; ulimit -f 100; exec '{Repository.Semitone}' run --keep-initrd {folder}/root.cpio '{StaticHello}'"
            ]);
            Assert.Equal(125, run.Status);
            Assert.Contains("the root file system cannot be packed", run.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("4 GiB", run.Errors, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("while :; do :; done")]
    [InlineData("read line")]
    public void Run_TimeoutRunsOut_EndsWith124(string script)
    {
        Stopwatch time = Stopwatch.StartNew();
        using Process process = Start(["run", "--timeout", "1", .. s_busybox, "sh", "-c", script]);
        Assert.True(process.WaitForExit(120_000));
        Assert.Equal(124, process.ExitCode);
        Assert.InRange(time.Elapsed.TotalSeconds, 1, 20);
    }

    private static bool IsIgnored(int process, int signal)
    {
        string ignored = File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        ulong signals = ulong.Parse(ignored.AsSpan("SigIgn:".Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return ((signals >> (signal - 1)) & 1) != 0;
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("KILL", 137)]
    public void Run_CommandGetsSignal_EndsAndLeavesNothingBehind(string signal, int status)
    {
        string name = "test" + Guid.NewGuid().ToString("N");
        using Process process = Start(["run", "--name", name, .. s_busybox, "sh", "-c", "echo up; while :; do :; done"]);
        Assert.Equal("up", process.StandardOutput.ReadLine());
        if (signal == "HUP" && IsIgnored(process.Id, signal: 1))
        {
            process.Kill(entireProcessTree: true);
            Assert.Skip("SIGHUP is ignored where these tests run (nohup), and so by the command");
        }
        Assert.NotEmpty(FindProcesses(name));
        Process.Start("/bin/sh", ["-c", $"kill -{signal} {process.Id}"]).WaitForExit();
        Assert.True(process.WaitForExit(120_000));
        Assert.Equal(status, process.ExitCode);
        SpinWait.SpinUntil(() => FindProcesses(name).Count == 0, 2_000);
        Assert.Empty(FindProcesses(name));
    }

    [Fact]
    public void Run_ReaderOfOutputGoes_EndsTheMachine()
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh",
            ["-c", $"'{Repository.Semitone}' run --timeout 60 {string.Join(' ', s_busybox)} yes | head -n 2; echo ${{PIPESTATUS}}"])
        {
            RedirectStandardOutput = true
        })!;
        Assert.True(process.WaitForExit(120_000));
        Assert.StartsWith("y\ny\n", process.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_LargeInputAndOutput_ArriveWhole()
    {
        string input = string.Concat(Enumerable.Range(0, 20_000).Select(i => (char)(i * 7 % 256)));
        ProgramRun run = Guest.Run([.. s_busybox, "cat"], input);
        Assert.Equal(0, run.Status);
        Assert.True(input == run.Output, $"{run.Output.Length} characters came back");
    }

    [Fact]
    public void Run_VariableWithoutValue_TakesTheHosts()
    {
        ProgramRun run = ProgramRun.Of(
            [
                "/usr/bin/env", "FROM_HOST=seen", Repository.Semitone, "run", "--timeout", "60", "-e", "FROM_HOST", "-e", "NOT_THERE",
                .. s_busybox, "env"
            ]);
        Assert.Contains("FROM_HOST=seen\n", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("NOT_THERE", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Terminal_IsOneInTheGuestAndIsLeftAsItWas()
    {
        // script(1) makes a terminal; what is typed comes late, when the guest surely reads.
        string inner =
            $"stty -a; '{Repository.Semitone}' run --timeout 60 {string.Join(' ', s_busybox)} sh -c '\\''test -t 0 && test -t 1 && echo "
                + $"terminal; read line; echo \"<$line>\"'\\''; stty -a";
        ProgramRun run = ProgramRun.Of(["/bin/sh", "-c", $"(sleep 3; echo typed; sleep 1) | script -qec '{inner}' /dev/null"]);
        Assert.Contains("terminal\r\ntyped\r\n<typed>\r\n", run.Output, StringComparison.Ordinal);
        string[] settings = [.. run.Output.Split("speed ").Skip(1).Select(text => text.Split("\r\nterminal")[0].Trim())];
        Assert.Equal(2, settings.Length);
        Assert.Equal(settings[0], settings[1]);
    }

    [Fact]
    public void Run_Strace_PrintsCallsInTheKnownFormat()
    {
        ProgramRun run = Guest.Run(["--target", "qemu/x86_64-initrd-strace", DynamicHello]);
        Assert.Equal("Hello, World! 0 arguments\n", run.Output);
        string[] lines = run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string pattern in (string[])
            [
                @"^brk\(NULL\) = va:0x[0-9a-f]+$",
                @"^openat\(AT_FDCWD, ""/lib/x86_64-linux-gnu/libc.so.6"", O_RDONLY\|O_CLOEXEC\) = fd:\d$",
                @"^read\(fd:\d, <out>""\\x7FELF\\x02\\x01\\x01\\x03\\x00.*""\.\.\., 832\) = 832$",
                @"^write\(fd:1, ""Hello, World! 0 argument""\.\.\., 26\) = 26$",
                @"^exit_group\(7\) = \?$",
            ])
        {
            Assert.Contains(lines, line => Regex.IsMatch(line, pattern));
        }
    }

    [Fact]
    public void Run_DryRun_PrintsACommandThatWorks()
    {
        string archive = Path.Combine(Path.GetTempPath(), $"semitone-{Guid.NewGuid():N}.cpio");
        try
        {
            ProgramRun plan = ProgramRun.Of([Repository.Semitone, "run", "--dry-run", "--keep-initrd", archive, StaticHello]);
            Assert.Equal(0, plan.Status);

            // Without the link the serial line is what a user of bare QEMU sees.
            ProgramRun run = ProgramRun.Of(
                ["/usr/bin/timeout", "60", "/bin/sh", "-c", plan.Output.Replace("host.link=1", "host.link=0", StringComparison.Ordinal)]);
            Assert.Contains(
                "Hello, World! 0 arguments\n", run.Output.Replace("\r", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.Equal((7 << 1) | 1, run.Status);
        }
        finally
        {
            File.Delete(archive);
        }
    }

    [Fact]
    public void Run_CommandLineOfUnikraft_Works()
    {
        // As a script for its elfloader has it: no machine type, no debug-exit device, a gzipped archive.
        string archive = Path.Combine(Path.GetTempPath(), $"semitone-{Guid.NewGuid():N}.cpio");
        try
        {
            ProgramRun.Of([Repository.Semitone, "run", "--dry-run", "--keep-initrd", archive, .. s_busybox, "true"]);
            ProgramRun.Of(["/bin/gzip", "-1", archive]);
            ProgramRun run = ProgramRun.Of(
            [
                "/usr/bin/timeout", "60", "qemu-system-x86_64", "-cpu", "max", "-m", "64M", "-nographic", "-vga", "none", "-no-reboot",
                "-nodefaults", "-serial", "stdio",
                "-kernel", Path.Combine(Repository.Root, "out", "semitone_qemu-x86_64"), "-initrd", archive + ".gz",
                "-append", "elfloader env.vars=[ \"GREETING=good day\" PATH=/bin ] -- /bin/busybox env",
            ]);
            Assert.Contains("GREETING=good day", run.Output, StringComparison.Ordinal);
            Assert.Equal(0, run.Status);
        }
        finally
        {
            File.Delete(archive);
            File.Delete(archive + ".gz");
        }
    }

    [Theory]
    [InlineData("./say")]
    [InlineData("say")]
    public void Run_ScriptInTheCurrentFolder_BringsItsInterpreter(string name)
    {
        string folder = Directory.CreateTempSubdirectory("semitone-script-").FullName;
        try
        {
            File.WriteAllText(folder + "/say", "#!/bin/sh\necho \"$0 $1 $PWD\"\n");
            File.SetUnixFileMode(folder + "/say", (UnixFileMode)0x1ED);
            ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "--timeout", "60", name, "--", "this"], folder: folder);
            Assert.Equal(($"./say this {folder}\n", "", 0), (run.Output, run.Errors, run.Status));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What a program writes to /dev/kmsg, dmesg of util-linux shows, in both of its ways.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("-S")]
    public void Run_Dmesg_ShowsTheKernelsLog(string flag)
    {
        const string Script = "echo '<14>from the program' > /dev/kmsg; exec dmesg -x ";
        ProgramRun run = Guest.Run(["--rootfs", DebianRoots.Get(["util-linux", "dash"]), "--", "/bin/dash", "-c", Script + flag]);
        Assert.Equal((0, ""), (run.Status, run.Errors));
        Assert.Matches(@"^user  :info  : \[ +\d+\.\d{6}\] from the program\n$", run.Output);
    }

    /// <summary>The caches are those that CPUID tells of, and lscpu finds its way there.</summary>
    [Fact]
    public void Run_Lscpu_ShowsTheCaches()
    {
        ProgramRun run = Guest.Run(
            ["--accel", "tcg", "--rootfs", DebianRoots.Get(["util-linux"]), "--", "/usr/bin/lscpu", "-C=NAME,LEVEL,TYPE"]);
        Assert.Equal((0, ""), (run.Status, run.Errors));
        Assert.Matches(@"^NAME LEVEL TYPE\nL1d +1 Data\nL1i +1 Instruction\nL2 +2 Unified\n", run.Output);
    }

    [Fact]
    public void Run_LibrariesMissing_NamesThemAllAndStartsNothing()
    {
        string folder = Directory.CreateTempSubdirectory("semitone-libraries-").FullName;
        try
        {
            // A program whose two libraries are gone since it was linked.
            File.WriteAllText(folder + "/l.c", "int f(void) { return 0; } int g(void) { return 0; }");
            File.WriteAllText(folder + "/p.c", "int f(void), g(void); int main(void) { return f() + g(); }");
            foreach (string[] command in (string[][])
                [
                    ["gcc", "-shared", "-fPIC", "-o", "libfirst.so", "l.c"],
                    ["gcc", "-shared", "-fPIC", "-o", "libsecond.so", "l.c"],
                    ["gcc", "-Wl,--no-as-needed", "-o", "prog", "p.c", "-L.", "-lfirst", "-lsecond"],
                ])
            {
                Assert.Equal(0, ProgramRun.Of(command, folder: folder).Status);
            }

            File.Delete(folder + "/libfirst.so");
            File.Delete(folder + "/libsecond.so");
            ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "./prog"], folder: folder);
            Assert.Equal(127, run.Status);
            Assert.Contains("libfirst.so", run.Errors, StringComparison.Ordinal);
            Assert.Contains("libsecond.so", run.Errors, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Run_QemuFails_SaysWhatItSaid()
    {
        ProgramRun run = ProgramRun.Of([Repository.Semitone, "run", "--cpu", "nosuchcpu", StaticHello]);
        Assert.Equal(122, run.Status);
        Assert.Contains("nosuchcpu", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_Command_TakesTensOfMilliseconds()
    {
        List<double> times = [];
        for (int i = 0; i < 5; i++)
        {
            Stopwatch time = Stopwatch.StartNew();
            Assert.Equal(0, ProgramRun.Of([Repository.Semitone, "version"]).Status);
            times.Add(time.Elapsed.TotalMilliseconds);
        }

        // The least of several: others may be at work on this host.
        Assert.InRange(times.Min(), 0, 100);
    }

    /// <summary>Starts the command with Ctrl-C in effect: who runs the tests in a shell's background has it ignored.</summary>
    private static Process Start(IEnumerable<string> arguments) =>
        Process.Start(new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,QUIT", Repository.Semitone, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        })!;

    /// <summary>Finds the processes whose command line has a word in it, zombies aside.</summary>
    private static List<string> FindProcesses(string word) => [.. Directory.GetDirectories("/proc").Where(folder =>
    {
        try
        {
            return char.IsAsciiDigit(Path.GetFileName(folder)[0])
                && File.ReadAllText(folder + "/cmdline").Contains(word, StringComparison.Ordinal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    })];
}
