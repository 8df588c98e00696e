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
        Assert.Equal(
            "clock_gettime(CLOCK_MONOTONIC, NULL) = Bad address (-14)",
            fixture.Trace(SyscallNumber.clock_gettime, Errno.EFAULT, null, 1, 0));
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
    public void Socket_ShowsFamilyTypeAndProtocol() =>
        Assert.Equal("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = fd:3", Trace(SyscallNumber.socket, 3, 2, 0x80001, 6));

    [Fact]
    public void Connect_ShowsTheAddress()
    {
        using TraceFixture fixture = new();
        ulong inet = fixture.Put((ReadOnlySpan<byte>)[2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(
            "connect(fd:3, sockaddr:{sa_family=AF_INET, sin_port=80, sin_addr=127.0.0.1}, 16) = OK",
            fixture.Trace(SyscallNumber.connect, 0, null, 3, inet, 16));
        ulong unix = fixture.Put((ReadOnlySpan<byte>)[1, 0, 0, (byte)'x']);
        Assert.Equal(
            "connect(fd:3, sockaddr:{sa_family=AF_UNIX, sun_path=@\"x\"}, 4) = OK",
            fixture.Trace(SyscallNumber.connect, 0, null, 3, unix, 4));
    }

    [Fact]
    public void Setsockopt_ShowsLevelNameAndValue()
    {
        using TraceFixture fixture = new();
        ulong value = fixture.Put(1);
        Assert.Equal(
            "setsockopt(fd:3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = OK",
            fixture.Trace(SyscallNumber.setsockopt, 0, null, 3, 1, 2, value, 4));
    }

    [Fact]
    public void Sendmsg_ShowsBuffersAndDescriptors()
    {
        using TraceFixture fixture = new();
        ulong text = fixture.PutString("hi");
        ulong vector = fixture.Put(new Iovec { iov_base = text, iov_len = 2 });
        ulong control = fixture.Put((ReadOnlySpan<byte>)[20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0]);
        ulong header =
            fixture.Put(new Msghdr { msg_iov = vector, msg_iovlen = 1, msg_control = control, msg_controllen = 20 });
        Assert.Equal(
            "sendmsg(fd:3, msghdr:{msg_name=NULL, msg_iov=[{\"hi\", 2}], "
                + "msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, [fd:5]}], msg_flags=0}, MSG_NOSIGNAL) = 2",
            fixture.Trace(SyscallNumber.sendmsg, 2, null, 3, header, 0x4000));
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
            "rt_sigaction(SIGCHLD, sigaction:{sa_handler=va:0x400100, sa_flags=SA_RESTORER|SA_RESTART|0x100, sa_restorer=va:0x400200, "
                + "sa_mask=[INT RT_2]}, NULL, 8) = OK",
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
    [InlineData(
        0x10000, 5, 0x812, 3, "mmap(va:0x10000, 8192, PROT_EXEC|PROT_READ, MAP_PRIVATE|MAP_DENYWRITE|MAP_FIXED, fd:3, 0) = va:0x400200000")]
    [InlineData(0, 0, 0x4000000, 3, "mmap(NULL, 8192, PROT_NONE, 0x4000000, fd:3, 0) = va:0x400200000")]
    public void Mmap_ShowsProtectionAndFlagsInUnikraftsOrder(ulong address, ulong protection, ulong flags, int fd, string line) =>
        Assert.Equal(line, Trace(SyscallNumber.mmap, 0x400200000, address, 8192, protection, flags, (ulong)fd, 0));

    [Fact]
    public void Mprotect_Done_IsOk() =>
        Assert.Equal("mprotect(va:0x10001e9000, 2097152, PROT_NONE) = OK", Trace(SyscallNumber.mprotect, 0, 0x10001e9000, 2097152, 0));

    [Fact]
    public void Brk_ShowsAddresses() => Assert.Equal("brk(NULL) = va:0x400200000", Trace(SyscallNumber.brk, 0x400200000, 0));

    [Fact]
    public void Openat_WithoutCreation_HasNoMode()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/lib/x86_64-linux-gnu/libc.so.6");
        Assert.Equal(
            "openat(AT_FDCWD, \"/lib/x86_64-linux-gnu/libc.so.6\", O_RDONLY|O_CLOEXEC) = fd:3",
            fixture.Trace(SyscallNumber.openat, 3, null, AtFdCwd, path, 0x80000, 0x1B6));
    }

    [Fact]
    public void Open_WritingAndCreating_NamesBothRight()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/tmp/x");
        Assert.Equal(
            "open(\"/tmp/x\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = Permission denied (-13)",
            fixture.Trace(SyscallNumber.open, Errno.EACCES, null, path, 0x241, 0x1A4));
    }

    [Fact]
    public void Open_BadPath_ShowsTheAddress() =>
        Assert.Equal("open(va:0x1000, O_RDONLY) = Bad address (-14)", Trace(SyscallNumber.open, Errno.EFAULT, 0x1000));

    [Fact]
    public void Read_Answered_ShowsTheBeginningOfWhatWasRead()
    {
        using TraceFixture fixture = new();
        byte[] header = [0x7F, .. "ELF"u8, 2, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0x3E, 0, 1, 0, 0, 0, 0xFF, 0xFF];
        ulong buffer = fixture.Put(new byte[32]);
        string line = fixture.Trace(
            SyscallNumber.read, 832, () => fixture.Memory.TryWrite<byte>(new UserPtr<byte>(buffer), header), 3, buffer, 832);
        Assert.Equal(
            "read(fd:3, "
                + "<out>\"\\x7FELF\\x02\\x01\\x01\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x00>\\x00\\x01\\x00\\x00\\x00\"..., "
                    + "832) = 832",
            line);
    }

    [Fact]
    public void Read_ShortOrFailed_ShowsNoMoreThanThereIs()
    {
        using TraceFixture fixture = new();
        ulong buffer = fixture.Put("abcdef"u8);
        Assert.Equal("read(fd:0, <out>\"abc\", 100) = 3", fixture.Trace(SyscallNumber.read, 3, null, 0, buffer, 100));
        Assert.Equal("read(fd:0, <out>\"\", 100) = 0", fixture.Trace(SyscallNumber.read, 0, null, 0, buffer, 100));
        Assert.Equal(
            "read(fd:9, <out>va:0x1000, 100) = Bad file descriptor (-9)",
            fixture.Trace(SyscallNumber.read, Errno.EBADF, null, 9, 0x1000, 100));
    }

    [Fact]
    public void Write_ShowsTheBuffer()
    {
        using TraceFixture fixture = new();
        ulong buffer = fixture.Put("Hello, World!\n"u8);
        Assert.Equal("write(fd:1, \"Hello, World!\\x0A\", 14) = 14", fixture.Trace(SyscallNumber.write, 14, null, 1, buffer, 14));
    }

    [Fact]
    public void Writev_ShowsEachBuffer()
    {
        using TraceFixture fixture = new();
        ulong first = fixture.Put("Hello"u8);
        ulong second = fixture.Put("!"u8);
        ulong vector = fixture.Put(MemoryMarshal.AsBytes<ulong>([first, 5, second, 1]));
        Assert.Equal("writev(fd:1, [{\"Hello\", 5}, {\"!\", 1}], 2) = 6", fixture.Trace(SyscallNumber.writev, 6, null, 1, vector, 2));
    }

    [Fact]
    public void Readv_ShortRead_ShowsWhatWasFilled()
    {
        using TraceFixture fixture = new();
        ulong first = fixture.Put("Hello"u8);
        ulong second = fixture.Put("!!!!"u8);
        ulong vector = fixture.Put(MemoryMarshal.AsBytes<ulong>([first, 5, second, 4]));
        Assert.Equal("readv(fd:1, <out>[{\"Hello\", 5}, {\"!\", 4}], 2) = 6", fixture.Trace(SyscallNumber.readv, 6, null, 1, vector, 2));
    }

    [Fact]
    public void Fstat_ShowsSizeAndMode()
    {
        using TraceFixture fixture = new();
        ulong stat = fixture.Put(new Stat { st_mode = Mode.S_IFREG | (Mode)0x1ED, st_size = 2030928 });
        Assert.Equal(
            "fstat(fd:3, <out>stat:{st_size=2030928, st_mode=0100755, ...}) = OK", fixture.Trace(SyscallNumber.fstat, 0, null, 3, stat));
    }

    [Fact]
    public void Stat_Failed_ShowsTheAddressOfTheStructure()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/lib/x86_64-linux-gnu/tls");
        Assert.Equal(
            "stat(\"/lib/x86_64-linux-gnu/tls\", <out>stat:0x40fd1f410) = No such file or directory (-2)",
            fixture.Trace(SyscallNumber.stat, Errno.ENOENT, null, path, 0x40fd1f410));
    }

    [Fact]
    public void Access_NoBits_IsFOk()
    {
        using TraceFixture fixture = new();
        ulong path = fixture.PutString("/etc/ld.so.nohwcap");
        Assert.Equal(
            "access(\"/etc/ld.so.nohwcap\", F_OK) = No such file or directory (-2)",
            fixture.Trace(SyscallNumber.access, Errno.ENOENT, null, path, 0));
        Assert.Equal("access(\"/etc/ld.so.nohwcap\", R_OK|X_OK) = OK", fixture.Trace(SyscallNumber.access, 0, null, path, 5));
    }

    [Fact]
    public void Pipe_ShowsBothEnds()
    {
        using TraceFixture fixture = new();
        ulong ends = fixture.Put(MemoryMarshal.AsBytes<int>([3, 4]));
        Assert.Equal("pipe2(<out>[fd:3, fd:4], O_RDONLY|O_CLOEXEC) = OK", fixture.Trace(SyscallNumber.pipe2, 0, null, ends, 0x80000));
        Assert.Equal("pipe(NULL) = Bad address (-14)", fixture.Trace(SyscallNumber.pipe, Errno.EFAULT, null, 0));
    }

    [Fact]
    public void Poll_ShowsEachFile()
    {
        using TraceFixture fixture = new();
        ulong files = fixture.Put(new PollFd { fd = 0, events = PollEvents.POLLIN | PollEvents.POLLPRI, revents = PollEvents.POLLIN });
        Assert.Equal(
            "poll(<out>[{fd=fd:0, events=POLLIN|POLLPRI, revents=POLLIN}], 1, -1) = 1",
            fixture.Trace(SyscallNumber.poll, 1, null, files, 0xFFFF_FFFF_0000_0001, 0xFFFF_FFFF));
    }

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

    private const ulong AtFdCwd = 0xFFFF_FF9C;

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
