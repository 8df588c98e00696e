using System.Runtime.InteropServices;
using Semitone.Abi;
using Semitone.Syscalls;

namespace Semitone.Unit.Syscalls;

/// <summary>The lines of strace, call by call.</summary>
public sealed class StraceTests
{
    [Fact]
    public void Uname_Answered_ShowsTheStructureAfterTheCall()
    {
        using TraceFixture fixture = new();
        ulong address = fixture.Put(default(UtsName));
        UtsName name = default;
        "Linux"u8.CopyTo(name.sysname);
        "semitone"u8.CopyTo(name.nodename);
        string line = fixture.Trace(SyscallNumber.uname, 0, () => fixture.Memory.TryWrite(new UserPtr<UtsName>(address), name), address);
        Assert.Equal("uname(<out>utsname:{sysname=\"Linux\", nodename=\"semitone\", ...}) = OK", line);
    }

    [Fact]
    public void Uname_Failed_ShowsTheAddressOnly()
    {
        using TraceFixture fixture = new();
        Assert.Equal(
            "uname(<out>utsname:0x1234) = Bad address (-14)",
            fixture.Trace(SyscallNumber.uname, Errno.EFAULT, null, 0x1234));
    }

    [Fact]
    public void ClockGettime_NullPointer_IsWrittenAsNull()
    {
        using TraceFixture fixture = new();
        Assert.Equal("clock_gettime(CLOCK_MONOTONIC, NULL) = Bad address (-14)", fixture.Trace(SyscallNumber.clock_gettime, Errno.EFAULT, null, 1, 0));
    }

    [Fact]
    public void Nanosleep_Interrupted_ShowsTheRequestAndNoAnswer()
    {
        using TraceFixture fixture = new();
        ulong request = fixture.Put(new Timespec { tv_sec = 1, tv_nsec = 500_000_000 });
        Assert.Equal(
            "nanosleep(timespec:{tv_sec=1, tv_nsec=500000000}, NULL) = Interrupted system call (-4)",
            fixture.Trace(SyscallNumber.nanosleep, Errno.EINTR, null, request, 0));
    }

    [Fact]
    public void Execve_MemoryGoneAfterwards_ShowsTheArgumentsOfBefore()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/bin/echo");
        ulong argument = fixture.PutString("a \"b\"\n");
        ulong arguments = fixture.Put(MemoryMarshal.AsBytes<ulong>([path, argument, 0]));
        string line = fixture.Trace(
            SyscallNumber.execve, 0, () => fixture.Memory.TryWrite(new UserPtr<byte>(path), (byte)0), path, arguments, 0);
        Assert.Equal("execve(\"/bin/echo\", [\"/bin/echo\", \"a \\x22b\\x22\\x0A\"], NULL) = OK", line);
    }

    [Fact]
    public void ExitGroup_DoesNotReturn() =>
        Assert.Equal("exit_group(3) = ?", Trace(SyscallNumber.exit_group, 0, 3));

    [Fact]
    public void Kill_ShowsThePidAndTheSignal() =>
        Assert.Equal("kill(pid:-1, SIGTERM) = No such process (-3)", Trace(SyscallNumber.kill, Errno.ESRCH, ulong.MaxValue, 15));

    [Fact]
    public void Getpid_ShowsAPid() => Assert.Equal("getpid() = pid:1", Trace(SyscallNumber.getpid, 1));

    [Fact]
    public void RtSigaction_ShowsFlagsAndMask()
    {
        using TraceFixture fixture = new();
        ulong action = fixture.Put(new Sigaction
        {
            sa_handler = 0x400100,
            sa_flags = SigactionFlags.SA_RESTORER | SigactionFlags.SA_RESTART | (SigactionFlags)0x100,
            sa_restorer = 0x400200,
            sa_mask = SignalSet.Of(Signal.SIGINT) | SignalSet.Of((Signal)34),
        });
        Assert.Equal(
            "rt_sigaction(SIGCHLD, sigaction:{sa_handler=va:0x400100, sa_flags=SA_RESTORER|SA_RESTART|0x100, sa_restorer=va:0x400200, sa_mask=[INT RT_2]}, NULL, 8) = OK",
            fixture.Trace(SyscallNumber.rt_sigaction, 0, null, 17, action, 0, 8));
    }

    [Fact]
    public void RtSigprocmask_FullMask_ShowsWhatIsNotInIt()
    {
        using TraceFixture fixture = new();
        ulong set = fixture.Put(~(SignalSet.Of(Signal.SIGKILL) | SignalSet.Of(Signal.SIGSTOP)));
        Assert.Equal(
            "rt_sigprocmask(SIG_SETMASK, [~[KILL STOP]], NULL, 8) = OK",
            fixture.Trace(SyscallNumber.rt_sigprocmask, 0, null, 2, set, 0, 8));
    }

    [Theory]
    [InlineData(0, 3, 0x22, -1, "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, fd:-1, 0) = va:0x400200000")]
    [InlineData(0x10000, 5, 0x812, 3, "mmap(va:0x10000, 8192, PROT_EXEC|PROT_READ, MAP_PRIVATE|MAP_DENYWRITE|MAP_FIXED, fd:3, 0) = va:0x400200000")]
    [InlineData(0, 0, 0x4000000, 3, "mmap(NULL, 8192, PROT_NONE, 0x4000000, fd:3, 0) = va:0x400200000")]
    public void Mmap_ShowsProtectionAndFlagsInUnikraftsOrder(ulong address, ulong protection, ulong flags, int fd, string line) =>
        Assert.Equal(line, Trace(SyscallNumber.mmap, 0x400200000, address, 8192, protection, flags, (ulong)fd, 0));

    [Fact]
    public void Mprotect_Done_IsOk() =>
        Assert.Equal("mprotect(va:0x10001e9000, 2097152, PROT_NONE) = OK", Trace(SyscallNumber.mprotect, 0, 0x10001e9000, 2097152, 0));

    [Fact]
    public void Brk_ShowsAddresses() => Assert.Equal("brk(NULL) = va:0x400200000", Trace(SyscallNumber.brk, 0x400200000, 0));

    [Fact]
    public void Futex_ShowsTheOperationAndItsFlags() =>
        Assert.Equal(
            "futex(va:0x1000, FUTEX_WAIT|FUTEX_PRIVATE_FLAG, 2, 0x0, NULL, 0x0) = Resource temporarily unavailable (-11)",
            Trace(SyscallNumber.futex, Errno.EAGAIN, 0x1000, 0x80, 2));

    [Fact]
    public void CallWithoutHandler_ShowsItsNameAndRegisters() =>
        Assert.Equal(
            "add_key(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = Function not implemented (-38)",
            Trace(SyscallNumber.add_key, Errno.ENOSYS, 1, 2, 3, 4, 5, 6));

    [Fact]
    public void NumberBeyondLinux_ShowsTheNumber() =>
        Assert.Equal(
            "syscall_9999(0x0, 0x0, 0x0, 0x0, 0x0, 0x0) = Function not implemented (-38)",
            Trace((SyscallNumber)9999, Errno.ENOSYS));

    [Fact]
    public void CallThatWaits_OvertakenByAnother_KeepsItsArguments()
    {
        using TraceFixture fixture = new();
        ulong request = fixture.Put(new Timespec { tv_sec = 1 });
        Action<SysResult> end = fixture.Begin(SyscallNumber.nanosleep, request, 0);
        fixture.Trace(SyscallNumber.getpid, 1, null);
        end(0);
        Assert.Equal("getpid() = pid:1\nnanosleep(timespec:{tv_sec=1, tv_nsec=0}, NULL) = OK\n", fixture.Output);
    }

    [Fact]
    public void ShowsThread_EveryLineBeginsWithIt()
    {
        using TraceFixture fixture = new(showsThread: true);
        Assert.Equal("[pid     7] getpid() = pid:1", fixture.Trace(SyscallNumber.getpid, 1, null));
    }

    [Fact]
    public void Strace_SecondLine_AllocatesNothing()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/bin/true");
        SilentOutput output = new();
        Strace strace = new(output);
        Semitone.Machine.GuestRegisters registers = new() { Rax = (ulong)SyscallNumber.execve, Rdi = path };
        SyscallArguments arguments = new(in registers);
        long allocated = 0;
        for (int i = 0; i < 3; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            strace.End(strace.Begin(1, fixture.Memory, in arguments), in arguments, 0);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
        Assert.Equal(3, output.Count);
    }

    [Fact]
    public void MissingSyscalls_Summary_ListsWhatWasCalled()
    {
        using TraceFixture fixture = new();
        MissingSyscalls missing = new();
        missing.WriteSummary(fixture);
        Assert.Empty(fixture.Output);

        missing.Count(248);
        missing.Count(9999);
        missing.Count(248);
        missing.WriteSummary(fixture);
        Assert.Equal(3UL, missing.Total);
        Assert.Equal(
            "system calls that this kernel does not have:\n  248 add_key x 2\n      numbers above 462 x 1\n",
            fixture.Output);
    }

    private static string Trace(SyscallNumber number, SysResult result, params ReadOnlySpan<ulong> arguments)
    {
        using TraceFixture fixture = new();
        return fixture.Trace(number, result, null, arguments);
    }

    private sealed class SilentOutput : ITraceOutput
    {
        public int Count { get; private set; }

        public void Write(ReadOnlySpan<byte> line) => Count++;
    }
}
