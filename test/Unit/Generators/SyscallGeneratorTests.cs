using Microsoft.CodeAnalysis;
using Semitone.Unit.Support;

namespace Semitone.Unit.Generators;

public sealed class SyscallGeneratorTests
{
    /// <summary>One of each kind of parameter and result.</summary>
    private const string Handlers = """
        public static class Handlers
        {
            [Syscall(0, "read", Returns = Returns.Value)]
            public static ValueTask<SysResult> Read(SyscallContext context, Fd fd, [Out] UserPtr<byte> buffer, nuint count) => default;

            [Syscall(1, "write", Returns = Returns.Value)]
            public static SysResult Write(SyscallContext context, Fd fd, UserPtr<byte> buffer, nuint count) => default;

            [Syscall(2, "open", Returns = Returns.Fd)]
            public static SysResult Open(SyscallContext context, UserCString path, OpenFlags flags, [OnlyWith(nameof(flags), (ulong)OpenFlags.O_CREAT)] Mode mode) => default;

            [Syscall(5, "fstat")]
            public static SysResult Fstat(SyscallContext context, Fd fd, [Out] UserPtr<Stat> stat) => default;

            [Syscall(7, "poll", Returns = Returns.Value)]
            public static ValueTask<SysResult> Poll(SyscallContext context, [Out, Buffer(nameof(count))] UserPtr<PollFd> files, uint count, int timeoutMs) => default;

            [Syscall(9, "mmap", Returns = Returns.Address)]
            public static SysResult Mmap(SyscallContext context, ulong address, ulong length, MapProtection protection, MapFlags flags, Fd fd, ulong offset) => default;

            [Syscall(13, "rt_sigaction")]
            public static SysResult RtSigaction(SyscallContext context, Signal signal, UserPtr<Sigaction> action, [Out] UserPtr<Sigaction> oldAction, nuint size) => default;

            [Syscall(20, "writev", Returns = Returns.Value)]
            public static SysResult Writev(SyscallContext context, Fd fd, UserPtr<Iovec> vector, nuint count) => default;

            [Syscall(22, "pipe")]
            public static SysResult Pipe(SyscallContext context, [Out, Buffer(Length = 2), Trace(TraceFormat.Fd)] UserPtr<int> descriptors) => default;

            [Syscall(35, "nanosleep")]
            public static ValueTask<SysResult> Nanosleep(SyscallContext context, UserPtr<Timespec> request, [Out] UserPtr<Timespec> remaining) => default;

            [Syscall(39, "getpid", Returns = Returns.Pid)]
            public static SysResult Getpid(SyscallContext context) => default;

            [Syscall(59, "execve")]
            public static SysResult Execve(SyscallContext context, UserCString path, UserPtr<UserCString> arguments, UserPtr<UserCString> environment) => default;

            [Syscall(62, "kill")]
            public static SysResult Kill(SyscallContext context, int pid, Signal signal) => default;

            [Syscall(63, "uname")]
            public static SysResult Uname(SyscallContext context, [Out] UserPtr<UtsName> name) => default;

            [Syscall(228, "clock_gettime")]
            public static SysResult ClockGettime(SyscallContext context, ClockId clock, [Out] UserPtr<Timespec> time) => default;

            [Syscall(231, "exit_group", Returns = Returns.Never)]
            public static SysResult ExitGroup(SyscallContext context, int status) => default;
        }
        """;

    [Fact]
    public void Generator_OneOfEachKind_EmitsTheGoldenSource()
    {
        GeneratorRun run = new(Handlers);
        Assert.Empty(run.Complaints);
        GoldenFile.Verify(run.GetSource("SyscallDispatcher.g.cs"), "SyscallDispatcher.golden");
        GoldenFile.Verify(run.GetSource("SyscallTracer.g.cs"), "SyscallTracer.golden");
    }

    [Fact]
    public void Generator_OneOfEachKind_EmitsSourceThatCompiles() => Assert.Empty(new GeneratorRun(Handlers).CompilerErrors);

    [Fact]
    public void Generator_NoHandlers_EmitsSourceThatCompiles() => Assert.Empty(new GeneratorRun("class Nothing;").CompilerErrors);

    [Fact]
    public void Generator_UnrelatedEdit_EmitsNothingAnew() =>
        Assert.All(
            new GeneratorRun(Handlers).RunAfterUnrelatedEdit(),
            reason => Assert.True(reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged));

    [Theory]
    [InlineData("""[Syscall(0, "write")] public static SysResult M(SyscallContext context) => default;""", "SEMI001")]
    [InlineData("""[Syscall(9999, "read")] public static SysResult M(SyscallContext context) => default;""", "SEMI001")]
    [InlineData(
        """[Syscall(0, "read")] public static SysResult M(SyscallContext context) => default; [Syscall(0, "read")] public static """
            + """SysResult N(SyscallContext context) => default;""",
        "SEMI002")]
    [InlineData("""[Syscall(0, "read")] public static SysResult M(SyscallContext context, string text) => default;""", "SEMI003")]
    [InlineData("""[Syscall(0, "read")] public static SysResult M(SyscallContext context, double number) => default;""", "SEMI003")]
    [InlineData(
        """[Syscall(0, "read")] public static SysResult M(SyscallContext context, int a, int b, int c, int d, int e, int f, int g) => """
            + """default;""",
        "SEMI004")]
    [InlineData("""[Syscall(0, "read")] public SysResult M(SyscallContext context) => default;""", "SEMI005")]
    [InlineData("""[Syscall(0, "read")] private static SysResult M(SyscallContext context) => default;""", "SEMI005")]
    [InlineData("""[Syscall(0, "read")] public static SysResult M() => default;""", "SEMI005")]
    [InlineData("""[Syscall(0, "read")] public static long M(SyscallContext context) => default;""", "SEMI005")]
    [InlineData(
        """[Syscall(0, "read")] public static SysResult M(SyscallContext context, [Buffer("size")] UserPtr<byte> buffer) => default;""",
        "SEMI006")]
    public void Generator_WrongDeclaration_IsRefused(string member, string rule) =>
        Assert.Equal([rule], new GeneratorRun($"public class Handlers {{ {member} }}").Complaints);
}
