using System.Diagnostics;

namespace Semitone.Apps;

/// <summary>
/// A program runs whatever /dev/kvm is, and the command says in one line why it is not used. KVM itself is played here: see Doubles.
/// </summary>
public sealed class KvmTests : IDisposable
{
    private const string Device = "/dev/kvm";

    private readonly string _folder = Directory.CreateTempSubdirectory("semitone-kvm-").FullName;

    private static string StaticHello => CompiledPrograms.Get("hello.c", ["gcc", "-O2", "-static", "-no-pie"]);

    private static string FakeKvm => CompiledPrograms.Get("../Doubles/fake_kvm.c", ["gcc", "-O1", "-Wall", "-shared", "-fPIC"]);

    private static string FakeQemu => Path.Combine(Repository.Root, "test/Apps/Doubles/fake_qemu.sh");

    private string Log => Path.Combine(_folder, "machines");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Run_NoDevice_SaysNothing()
    {
        ProgramRun run = Run("absent", ["run", StaticHello]);
        Assert.Equal(("Hello, World! 0 arguments\n", "", 7), (run.Output, run.Errors, run.Status));
    }

    [Theory]
    [InlineData("forbidden", "permission denied")]
    [InlineData("busy", "busy: another hypervisor")]
    [InlineData("stops", "made KVM stop with an internal error")]
    [InlineData("hangs", "hung at the first instruction")]
    public void Run_DeviceThatCannotBeUsed_RunsWithoutItAndSaysSoInALine(string mode, string reason)
    {
        Stopwatch time = Stopwatch.StartNew();
        ProgramRun run = Run(mode, ["run", StaticHello]);
        Assert.Equal(("Hello, World! 0 arguments\n", 7), (run.Output, run.Status));
        Assert.Contains(reason, Assert.Single(run.Errors.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
        Assert.InRange(time.Elapsed.TotalSeconds, 0, 60);
        Assert.Equal("", Run(mode, ["run", "--quiet", StaticHello]).Errors);
        Assert.Equal("", Run(mode, ["run", StaticHello], "SEMITONE_QUIET=1").Errors);
    }

    /// <summary>Where QEMU fails with and without KVM, it is not KVM that matters.</summary>
    [Theory]
    [InlineData("stops")]
    [InlineData("usable")]
    public void Run_QemuFailsForAnotherReason_SaysThatAlone(string mode)
    {
        string qemu = Path.Combine(_folder, "qemu");
        File.WriteAllText(qemu, "#!/bin/sh\necho 'qemu: another reason' >&2\nexit 1\n");
        File.SetUnixFileMode(qemu, (UnixFileMode)0x1ED);
        ProgramRun run = Run(mode, ["run", StaticHello], $"SEMITONE_QEMU={qemu}");
        Assert.Equal(
            ("", "semitone: QEMU ended with status 1 before the program did:\nsemitone: qemu: another reason\n", 122),
            (run.Output, run.Errors, run.Status));
    }

    [Theory]
    [InlineData("absent", "there is no /dev/kvm")]
    [InlineData("forbidden", "permission denied")]
    [InlineData("busy", "busy: another hypervisor")]
    [InlineData("stops", "internal error")]
    [InlineData("hangs", "hung at")]
    public void Run_KvmAskedForWhereItCannotBeUsed_SaysExactlyWhyAndStartsNothing(string mode, string reason)
    {
        foreach (ProgramRun run in (ProgramRun[])[Run(
            mode, ["run", "--accel", "kvm", StaticHello]), Run(mode, ["run", StaticHello], "SEMITONE_ACCEL=kvm")])
        {
            Assert.Equal(("", 122), (run.Output, run.Status));
            Assert.Contains(reason, run.Errors, StringComparison.Ordinal);
            Assert.Contains("--accel tcg", run.Errors, StringComparison.Ordinal);
        }
    }

    /// <summary>What stays so is asked once for each boot of the host; that somebody else has the CPU may end any time.</summary>
    [Theory]
    [InlineData("stops", 1)]
    [InlineData("usable", 1)]
    [InlineData("hangs", 1)]
    [InlineData("busy", 3)]
    public void Kvm_AskedThreeTimes_TriesAsOftenAsTheAnswerMayChange(string mode, int machines)
    {
        string[] answers = [.. Enumerable.Range(0, 3).Select(_ => Run(mode, ["kvm"]).Output)];
        Assert.Single(answers.Distinct());
        Assert.Equal(machines, new FileInfo(Log).Length);
    }

    [Fact]
    public void Kvm_NoPlaceToKeepTheAnswer_AnswersAllTheSame()
    {
        foreach (string home in (string[])["HOME=/nonexistent/home", "HOME=/proc/1", "HOME=relative", "HOME="])
        {
            ProgramRun run = Run("usable", ["kvm"], home, "XDG_RUNTIME_DIR=");
            Assert.Equal(("KVM can be used\n", "", 0), (run.Output, run.Errors, run.Status));
        }

        Assert.False(Directory.Exists("/nonexistent"));
    }

    [Fact]
    public void Kvm_FileThatIsNoDevice_IsNoKvm()
    {
        string file = Path.Combine(_folder, "kvm");
        File.WriteAllText(file, "");
        ProgramRun run = Run(null, ["run", StaticHello], $"SEMITONE_KVM={file}");
        Assert.Equal(("Hello, World! 0 arguments\n", 7), (run.Output, run.Status));
        Assert.Contains("it is no KVM device", Assert.Single(run.Errors.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usable", " -accel kvm -cpu host -m ")]
    [InlineData("no-arch-capabilities", " -accel kvm -cpu host,-arch-capabilities -m ")]
    [InlineData("stops", " -accel tcg -cpu max -m ")]
    public void Run_KvmLacksWhatItPromises_QemuIsToldSo(string mode, string flags) =>
        Assert.Contains(flags, Run(mode, ["run", "--dry-run", StaticHello]).Output, StringComparison.Ordinal);

    /// <summary>The second net; what the program reads is all there.</summary>
    [Theory]
    [InlineData("dies", "QEMU ended with status 1 (qemu: no KVM today)")]
    [InlineData("killed", "QEMU was killed by signal 6")]
    [InlineData("stops", "QEMU has stopped the machine")]
    public void Run_QemuFailsBeforeTheFirstByte_StartsOnceMoreWithoutKvm(string failure, string reason)
    {
        string input = string.Concat(Enumerable.Range(0, 500).Select(i => $"line {i}\n"));
        string[] command =
        [
            "run", "--rootfs", DebianRoots.Get(["busybox-static"]), "--", "/bin/busybox", "sh", "-c",
            "while read -r line; do echo \"$line\"; done; exit 9"
        ];
        ProgramRun run = RunWithInput("usable", command, input, $"SEMITONE_QEMU={FakeQemu}", $"FAKE_QEMU={failure}");
        Assert.Equal((input, 9), (run.Output, run.Status));
        Assert.Contains(reason, Assert.Single(run.Errors.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);

        // It is known from now on.
        Assert.Equal(1, Run("usable", ["kvm"], $"SEMITONE_QEMU={FakeQemu}").Status);
    }

    [Theory]
    [InlineData("dies", "no KVM today")]
    [InlineData("stops", "QEMU has stopped the machine")]
    public void Run_QemuFailsWithKvmThatWasAskedFor_SaysWhatItSaid(string failure, string reason)
    {
        ProgramRun run = Run("usable", ["run", "--accel", "kvm", StaticHello], $"SEMITONE_QEMU={FakeQemu}", $"FAKE_QEMU={failure}");
        Assert.Equal(("", 122), (run.Output, run.Status));
        Assert.Contains(reason, run.Errors, StringComparison.Ordinal);
    }

    private ProgramRun Run(string? mode, string[] command, params string[] environment) => RunWithInput(mode, command, "", environment);

    private ProgramRun RunWithInput(string? mode, string[] command, string input, params string[] environment)
    {
        string[] fake = mode is null ? [] : [$"LD_PRELOAD={FakeKvm}", $"FAKE_KVM={mode}", $"FAKE_KVM_LOG={Log}", $"SEMITONE_KVM={Device}"];
        ProgramRun run = ProgramRun.Of(
            [Repository.Semitone, .. command],
            input,
            [$"PATH={Environment.GetEnvironmentVariable("PATH")}", $"XDG_RUNTIME_DIR={_folder}", .. fake, .. environment]);
        Assert.False(run.HasHung, run.Describe());
        return run;
    }
}
