using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>What ends a machine ends it with a panic that says why; and what a test run must notice, it notices.</summary>
public sealed class FatalTests
{
    private const string Abort = "kernel panic: the kernel gave up (SIGABRT)";

    private static readonly Variant s_machine = new("fatal", MachineType.MicroVm);

    [Theory]
    [InlineData("wild-pointer", "Access Violation", Abort)]
    [InlineData("non-canonical-pointer", "AccessViolationException", Abort)]
    [InlineData("wild-jump", "rip 0x123456780000", "kernel panic: exception in ring 0 outside of the kernel")]
    [InlineData("write-to-code", "Access Violation", Abort)]
    [InlineData("write-to-code-by-the-direct-map", "Access Violation", Abort)]
    [InlineData("guest-memory", "Access Violation", Abort)]
    [InlineData("guest-memory-with-alignment-check-on", "Access Violation", Abort)]
    [InlineData("guest-memory-with-alignment-check-on-in-a-call", "Access Violation", Abort)]
    [InlineData("unhandled-exception", "System.InvalidOperationException: nobody catches this", Abort)]
    [InlineData("unhandled-exception-of-a-thread", "System.InvalidOperationException: nobody catches this", Abort)]
    [InlineData("guest-registers", "Access Violation", "rbx 0xfeedfacecafe")]
    [InlineData("non-maskable-interrupt", "kernel panic: non-maskable interrupt", "vector 0x2")]
    [InlineData("stack-overflow", "kernel panic: a kernel thread's stack overflowed", "rip 0xffffffff9")]
    public void Kernel_DoesWhatItMustNot_Panics(string name, string reason, string panic)
    {
        MachineRun run = MachineRun.Boot(s_machine, $"fatal={name}");
        Assert.True(run.Status == MachineRun.PanicStatus && !run.HasHung, run.Describe());
        Assert.Contains(reason, run.Console, StringComparison.Ordinal);
        Assert.Contains(panic, run.Console, StringComparison.Ordinal);
        Assert.DoesNotContain("survived", run.Console, StringComparison.Ordinal);
    }

    /// <summary>All that the guest had when it last left ring 3; nothing of one that is no more, whose page may be another's.</summary>
    [Fact]
    public void Panic_AfterAGuestRan_HasItsRegisters()
    {
        string console = MachineRun.Boot(s_machine, "fatal=guest-registers").Console;
        Assert.Matches("the guest that ran last:\r?\n  rax 0x0 rbx 0xfeedfacecafe ", console);
        Assert.Matches("r15 0x1515\r?\n  rip 0x400000 fl  0x[0-9a-f]+ fs  0x0 nr  0xffffffffffffffff\r?\n  vec 0x6 err 0x0", console);
        Assert.DoesNotContain(
            "the guest that ran last", MachineRun.Boot(s_machine, "fatal=guest-is-gone").Console, StringComparison.Ordinal);
    }

    /// <summary>A panic names the managed methods that led to it.</summary>
    [Fact]
    public void Panic_OfManagedCode_HasAStackTrace()
    {
        MachineRun run = MachineRun.Boot(s_machine, "fatal=wild-pointer");
        Assert.Contains("at Semitone.Guest.TestRun.RunFatal", run.Console, StringComparison.Ordinal);
        Assert.Contains("at Program.<Main>$", run.Console, StringComparison.Ordinal);
    }

    [Fact]
    public void TestRun_MachineHangs_IsNoticed()
    {
        MachineRun run = MachineRun.Boot(s_machine, "fatal=hang", TimeSpan.FromSeconds(5));
        Assert.True(run.HasHung);
        Assert.Equal("it hung", CaseReport.FindFault(run));
    }

    [Fact]
    public void TestRun_MachineEndsEarly_IsNoticed()
    {
        MachineRun run = MachineRun.Boot(s_machine, "fatal=silent-end");
        Assert.Equal(0, run.Status);
        Assert.Equal("it announced no cases", CaseReport.FindFault(run));
    }

    [Theory]
    [InlineData("1..2\nok 1 A\nok 2 B\ndone, 0 failed\n", 0, null)]
    [InlineData("Booting from ROM..1..2\r\nok 1 A\r\nok 2 B\r\ndone, 0 failed\r\n", 0, null)]
    [InlineData("1..2\nok 1 A\nnot ok 2 B: why\ndone, 1 failed\n", 3, null)]
    [InlineData("1..2\nok 1 A\nnot ok 2 B: why\ndone, 1 failed\n", 0, "QEMU ended with 0")]
    [InlineData("1..3\nok 1 A\nok 2 B\n", 0, "it ran 2 of 3 cases")]
    [InlineData("1..2\nok 1 A\nok 2 B\n", 0, "it did not reach the end")]
    [InlineData("1..2\nok 1 A\nok 1 A\ndone, 0 failed\n", 0, "it numbered its cases wrong")]
    [InlineData("1..2\nok 1 A\nkernel panic: x\n", 121, "it panicked")]
    [InlineData("", 0, "it announced no cases")]
    public void FindFault_Console_TellsACompleteRunFromAnyOther(string console, int status, string? fault) =>
        Assert.Equal(fault, CaseReport.FindFault(new MachineRun(console, "", status, false)));
}
