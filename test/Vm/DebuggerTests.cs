using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Semitone.Cli.Qemu;

namespace Semitone.Vm;

/// <summary>What docs/debugging.md promises: source lines of C# and assembly, and stacks across the borders of the parts.</summary>
public sealed class DebuggerTests
{
    private const string Gdb = "/usr/bin/gdb";

    private static readonly Variant s_machine = new("debugger", MachineType.MicroVm);

    public static TheoryData<string, string, string> Lines => new()
    {
        { "dbg", "src/Metal/Boot/MetalMain.cs", "DescriptorTables.Install();" },
        { "dbg", "src/Metal/asm/traps.S", "call metal_syscall" },
        { "kernel.dbg", "src/Machine.X64/X64Machine.cs", "_console = new SerialConsole(door);" },
        { "kernel.dbg", "test/Guest/TestRun.cs", "Print($\"1..{cases.Length}\");" },
    };

    /// <summary>The addresses are those that the code runs at: nothing is relocated.</summary>
    [Theory]
    [MemberData(nameof(Lines))]
    public void SymbolFile_SourceLine_HasAnAddress(string file, string source, string text)
    {
        string output =
            RunGdb(["-ex", $"info line {Path.GetFileName(source)}:{FindLine(source, text)}", $"{Repository.GuestTests}.{file}"]);
        Assert.Matches(file == "dbg" ? "address 0xffffffff80[0-9a-f]{6}" : "address 0xffffffff9[0-9a-f]{7}", output);
        Assert.Contains("ends at", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Breakpoint_OnALineOfTheKernel_ShowsManagedCallersAndArguments()
    {
        const string Source = "test/Guest/TestRun.cs";
        string output = Attach("", $"hbreak TestRun.cs:{FindLine(Source, "Print($\"1..{cases.Length}\");")}", "continue", "backtrace");
        Assert.Matches(@"#0 .*TestRun__RunAll \(this=.*TestRun\.cs:", output);
        Assert.Matches(@"#1 .*Program___Main__ \(args=.*Program\.cs:", output);
        Assert.Matches(@"#\d .*start_program", output);
    }

    [Fact]
    public void Breakpoint_InMetal_ShowsTheKernelThatCalledItsDoor()
    {
        string output = Attach("", "hbreak Semitone_Metal_Semitone_Metal_Memory_Frames__TakeForGuest", "continue", "backtrace");
        Assert.Matches("#0 .*Frames__TakeForGuest", output);
        Assert.Matches("#1 .*Machine_X64_.*__TryCreatePageTable", output);
        Assert.Matches("TestRun__RunAll", output);
    }

    /// <summary>From Metal's stack over a system call of the runtime's.</summary>
    [Fact]
    public void Breakpoint_OnAPanic_ShowsWhoGaveUp()
    {
        string output = Attach("fatal=wild-pointer", "hbreak Semitone_Metal_Semitone_Metal_Panic__Die_0", "continue", "backtrace");
        Assert.Matches("#0 .*Panic__Die_0", output);
        Assert.Contains("signal handler called", output, StringComparison.Ordinal);
        Assert.Contains("RuntimeExceptionHelpers__FailFast", output, StringComparison.Ordinal);
    }

    /// <summary>From the trap stack over an exception of the CPU.</summary>
    [Fact]
    public void Breakpoint_OnAFaultOfTheKernel_ShowsTheManagedCodeThatFaulted()
    {
        string output = Attach(
            "fatal=write-to-code-by-the-direct-map",
            "hbreak Semitone_Metal_Semitone_Metal_Runtime_Signals__DeliverFault",
            "continue",
            "backtrace");
        Assert.Matches("#1 .*KernelTraps__Serve", output);
        Assert.Contains("signal handler called", output, StringComparison.Ordinal);
        Assert.Matches("FatalCases__WriteToCodeByDirectMap", output);
        Assert.Matches("TestRun__RunFatal", output);
    }

    /// <summary>
    /// Ring 0 with a guest's program counter or stack is the end: no handler's frame may be written where a guest has put the stack
    /// pointer.
    /// </summary>
    [Theory]
    [InlineData("set $rip = 0x400000", "set $rsp = 0x600f00")]
    [InlineData("set $rip = 0x400000")]
    [InlineData("set $rsp = 0x600f00", "set $rip = &copy_user", "set $rsi = 0x8000000000000000", "set $rdi = 0x8000000000000000")]
    public void Fault_WithForeignRegistersInRing0_IsAPanicThatWritesNothing(params string[] registers)
    {
        string output = Attach(
            "fatal=spinning-guest",
            [
                "hbreak enter_guest", "continue", "delete", .. registers, "hbreak Semitone_Metal_Semitone_Metal_Panic__Die_0",
                "hbreak Semitone_Metal_Semitone_Metal_Runtime_Signals__DeliverFault", "continue", "backtrace 3", "x/32gx 0x600e00",
            ]);
        Assert.Matches("#0 .*Panic__Die_0", output);
        Assert.Matches("#1 .*KernelTraps__Serve", output);
        Assert.Equal(16, Regex.Count(output, @"0x600e?f?\w+:\s+0x0{16}\s+0x0{16}"));
    }

    /// <summary>QEMU's monitor makes a machine that hangs say where it is; here, in a guest that spins.</summary>
    [Fact]
    public void Nmi_WhileAGuestSpins_IsAPanic()
    {
        string output = Attach(
            "fatal=spinning-guest",
            "hbreak *0x400000",
            "continue",
            "monitor nmi",
            "delete",
            "hbreak Semitone_Metal_Semitone_Metal_Panic__Die",
            "continue",
            "backtrace");
        Assert.Matches("Breakpoint 1, 0x0000000000400000", output);
        Assert.Matches("#0 .*Panic__Die", output);
    }

    [Fact]
    public void GuestRegisters_AreShownByTheGdbinit()
    {
        string script = File.ReadAllText(Path.Combine(Repository.Root, "tools/gdbinit"));
        int start = script.IndexOf("define guest\n", StringComparison.Ordinal);
        int end = script.IndexOf("\nend\ndocument", start, StringComparison.Ordinal);
        string definition = Path.GetTempFileName();
        try
        {
            File.WriteAllText(definition, script[start..end] + "\nend\n");
            const string Source = "test/Guest/RunLoopCases.cs";
            string line = $"hbreak RunLoopCases.cs:{FindLine(Source, "Check.Equal(Code + 2 * i, r.Rip, \"rip\");")}";
            string output = Attach("", $"source {definition}", line, "continue", "guest");
            Assert.Contains("rip 0000000000400002", output, StringComparison.Ordinal);
            Assert.Contains("rbp 0000000000005555", output, StringComparison.Ordinal);
            Assert.Contains("r14 000000000000000e", output, StringComparison.Ordinal);
            Assert.Contains("system call 39", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(definition);
        }
    }

    /// <summary>Starts a machine that waits for a debugger, and gives the debugger commands.</summary>
    private static string Attach(string words, params string[] commands)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("semitone-gdb-");
        string socket = Path.Combine(directory.FullName, "gdb");
        QemuOptions options =
            new() { MemoryBytes = s_machine.MemoryBytes, KernelPath = Repository.GuestTests, KernelCommandLine = $"tests {words}" };
        List<string> command = [.. QemuCommandLine.Build(options), "-S", "-gdb", $"unix:{socket},server=on,wait=off"];
        ProcessStartInfo start =
            new(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        Assert.SkipUnless(File.Exists(Gdb), "gdb is not installed");
        using Process machine = Process.Start(start)!;
        try
        {
            Task<string> console = machine.StandardOutput.ReadToEndAsync();
            for (int i = 0; i < 600 && !File.Exists(socket) && !machine.HasExited; i++)
            {
                Thread.Sleep(50);
            }

            string[] all =
            [
                $"file {Repository.GuestTests}.dbg",
                $"add-symbol-file {Repository.GuestTests}.kernel.dbg",
                $"target remote {socket}",
                .. commands,
                "kill",
            ];
            return RunGdb([.. all.SelectMany(line => (string[])["-ex", line])]);
        }
        finally
        {
            machine.Kill();
            machine.WaitForExit();
            directory.Delete(recursive: true);
        }
    }

    private static string RunGdb(IEnumerable<string> arguments)
    {
        Assert.SkipUnless(File.Exists(Gdb), "gdb is not installed");
        MachineRun run = MachineRun.Run(
            [Gdb, "-nx", "-q", "-batch", "-ex", "set pagination off", "-ex", "set confirm off", "-ex", "set width 0", .. arguments]);
        Assert.False(run.HasHung, run.Console);
        return run.Console + run.Problems;
    }

    /// <summary>The number of the only line that holds a text.</summary>
    private static int FindLine(string source, string text, [CallerFilePath] string thisFile = "")
    {
        string[] lines = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(thisFile)!, "../..", source));
        return Array.FindIndex(lines, line => line.Contains(text, StringComparison.Ordinal)) + 1;
    }
}
