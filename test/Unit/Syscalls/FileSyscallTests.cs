using System.Text;
using Semitone.Abi;
using Semitone.Files;
using Semitone.Tasks;
using Semitone.Unit.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>System calls about files as a program makes them.</summary>
public sealed class FileSyscallTests
{
    private const ulong Path = Guest.Data;
    private const ulong SecondPath = Guest.Data + 0x100;
    private const ulong EmptyPath = Guest.Data + 0x200;
    private const ulong Buffer = Guest.Data + 0x1000;
    private const ulong Unmapped = 0x10_0000;
    private const ulong Kernel = 0xFFFF_8000_0000_0000;
    private const ulong Current = unchecked((ulong)-100);

    private readonly Guest _guest = new();

    // What the program's data held when its script was over.
    private byte[]? _memory;

    public FileSyscallTests()
    {
        ProcessTable processes = new(_guest.System);
        StandardMounts.MountAll(_guest.Process.FileSystem.Mounts, new MountPoints(_guest.Process.FileSystem.Mounts), processes, processes);
        Put(Path, "/file");
        Put(SecondPath, "/dev/zero");
        OpenAs(0, "/dev/null");
    }

    [Fact]
    public void ReadAndWrite_File_MovesTheBytesAndTheOffset()
    {
        Put(Buffer, "hello");
        long[] results = Run(
            (SyscallNumber.openat, [Current, Path, (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x1A4]),
            (SyscallNumber.write, [1, Buffer, 5]),
            (SyscallNumber.lseek, [1, 1, (ulong)SeekWhence.SEEK_SET]),
            (SyscallNumber.read, [1, Buffer, 100]),
            (SyscallNumber.read, [1, Buffer, 100]),
            (SyscallNumber.pread64, [1, Buffer, 2, 3]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.close, [1]));

        Assert.Equal([1, 5, 1, 4, 0, 2, 0, -(long)Errno.EBADF], results);
        Assert.Equal("lolo", Get(Buffer, 4));
    }

    [Theory]
    [InlineData(SyscallNumber.read, 99UL, Buffer, 1UL, Errno.EBADF)]
    [InlineData(SyscallNumber.read, 1UL, Kernel, 1UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.read, 1UL, Unmapped, 1UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.read, 1UL, Buffer, ulong.MaxValue, Errno.EFAULT)]
    [InlineData(SyscallNumber.write, 1UL, Buffer, 1UL, Errno.EBADF)]
    [InlineData(SyscallNumber.pread64, 1UL, Buffer, 1UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.getdents64, 1UL, Buffer, 100UL, Errno.ENOTDIR)]
    [InlineData(SyscallNumber.fchdir, 1UL, 0UL, 0UL, Errno.ENOTDIR)]
    [InlineData(SyscallNumber.stat, Path, Buffer, 0UL, Errno.ENOENT)]
    [InlineData(SyscallNumber.stat, Unmapped, Buffer, 0UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.stat, SecondPath, Kernel, 0UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.access, SecondPath, 8UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.dup2, 1UL, 5000UL, 0UL, Errno.EBADF)]
    [InlineData(SyscallNumber.dup3, 1UL, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.pipe2, Unmapped, 0UL, 0UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.pipe2, Buffer, 1UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.readv, 1UL, Buffer, 1025UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.readv, 1UL, Unmapped, 1UL, Errno.EFAULT)]
    [InlineData(SyscallNumber.poll, Buffer, 5000UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.ftruncate, 1UL, 0UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.fallocate, 1UL, 0UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.fcntl, 1UL, 9999UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.ioctl, 1UL, 0x5401UL, Buffer, Errno.ENOTTY)]
    [InlineData(SyscallNumber.getcwd, Buffer, 1UL, 0UL, Errno.ERANGE)]
    [InlineData(SyscallNumber.rmdir, SecondPath, 0UL, 0UL, Errno.ENOTDIR)]
    [InlineData(SyscallNumber.readlink, SecondPath, Buffer, 100UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.readlink, EmptyPath, Buffer, 100UL, Errno.ENOENT)]
    [InlineData(SyscallNumber.setuid, ulong.MaxValue, 0UL, 0UL, Errno.EINVAL)]
    [InlineData(SyscallNumber.setgid, ulong.MaxValue, 0UL, 0UL, Errno.EINVAL)]
    public void Call_WrongArgument_AnswersWhatLinuxAnswers(SyscallNumber number, ulong a0, ulong a1, ulong a2, Errno expected)
    {
        OpenAs(1, "/dev/zero");
        ulong a3 = number == SyscallNumber.pread64 ? ulong.MaxValue : 0;

        Assert.Equal([-(long)expected], Run((number, [a0, a1, a2, a3])));
    }

    [Fact]
    public void Read_BufferRunsIntoUnmappedPage_ReturnsShortCount()
    {
        OpenAs(1, "/dev/zero");

        Assert.Equal([0x1000], Run((SyscallNumber.read, [1, Guest.StackTop - 0x1000, 0x2000])));
    }

    [Fact]
    public void ReadAndStat_SteadyState_AllocateNothing()
    {
        OpenAs(1, "/dev/zero");
        _guest.Process.FileSystem.Open(
            _guest.Process.FileSystem.Root, "/file"u8, OpenFlags.O_CREAT | OpenFlags.O_RDWR, (Mode)0x1A4, out OpenFile? file);
        _guest.Process.Files.Put(new Fd(2), file!, false);
        (SyscallNumber, ulong[])[] calls =
        [
            (SyscallNumber.read, [1, Buffer, 1]),
            (SyscallNumber.write, [0, Buffer, 1]),
            (SyscallNumber.pwrite64, [2, Buffer, 4096, 0]),
            (SyscallNumber.pread64, [2, Buffer, 4096, 0]),
            (SyscallNumber.lseek, [2, 0, 0]),
            (SyscallNumber.stat, [SecondPath, Buffer]),
            (SyscallNumber.fstat, [2, Buffer]),
            (SyscallNumber.access, [SecondPath, 4]),
            (SyscallNumber.fcntl, [2, (ulong)FcntlCommand.F_GETFL, 0]),
        ];
        _guest.Main.Do(() =>
        {
            foreach ((SyscallNumber number, ulong[] arguments) in calls)
            {
                // The first time may make what is kept.
                Dispatch(number, arguments);
                long before = GC.GetAllocatedBytesForCurrentThread();
                Dispatch(number, arguments);
                Assert.True(GC.GetAllocatedBytesForCurrentThread() == before, $"{number} allocates");
            }
        });
        _guest.Run();
    }

    [Fact]
    public void Read_EmptyPipe_WaitsForTheWriter()
    {
        Put(Buffer, "hi");
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0);
        _guest.MakeThread(script => script.Call(SyscallNumber.write, 2, Buffer, 2).Call(SyscallNumber.exit, 0));
        _guest.Main.Call(SyscallNumber.read, 1, Buffer + 0x100, 10);
        _guest.Main.Do(() => _memory = ReadMemory());
        _guest.Run();

        Assert.Equal(2, _guest.Main.Results[^1]);
        Assert.Equal("hi", Get(Buffer + 0x100, 2));
        Assert.True(_guest.Process.HasEnded);
    }

    [Fact]
    public void Read_TwoThreadsWaitAndOneGetsTheBytes_TheOtherWaitsOn()
    {
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0);
        List<long> answers = [];
        for (int i = 0; i < 2; i++)
        {
            GuestThread? thread = null;
            _guest.MakeThread(
                script =>
                {
                    ulong returnAddress = 0;
                    script.Do(() => returnAddress = thread!.Registers.Rip);
                    script.Call(SyscallNumber.read, 1, Buffer, 10);
                    script.Do(() =>
                    {
                        if (thread!.Registers.Rip == returnAddress - 2)
                        {
                            // The call is to be made again, as the instruction that RIP points at now would.
                            Assert.Equal((ulong)SyscallNumber.read, thread.Registers.Rax);
                            script.Call(SyscallNumber.read, 1, Buffer, 10);
                            script.Do(() => answers.Add((long)thread.Registers.Rax));
                        }
                        else
                        {
                            answers.Add((long)thread.Registers.Rax);
                        }
                    });
                },
                started: created => thread = created);
        }
        Yield();
        _guest.Main.Call(SyscallNumber.write, 2, Buffer, 1);
        Yield();
        _guest.Main.Do(() => Assert.Equal([1L], answers));
        _guest.Main.Call(SyscallNumber.write, 2, Buffer, 3);
        Yield();
        _guest.Run();

        Assert.Equal([1L, 3L], answers);

        void Yield()
        {
            for (int i = 0; i < 5; i++)
            {
                _guest.Main.Call(SyscallNumber.sched_yield);
            }
        }
    }

    [Fact]
    public void Read_SignalComes_AnswersEintr()
    {
        _guest.SetHandler(Signal.SIGUSR1);
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0);
        _guest.MakeThread(script => script.Call(SyscallNumber.kill, 1, (ulong)Signal.SIGUSR1).Call(SyscallNumber.exit, 0));
        _guest.Main.Call(SyscallNumber.read, 1, Buffer, 10);
        _guest.Main.ReturnFromHandler();
        _guest.Main.Do(() => Assert.Equal(-(long)Errno.EINTR, (long)_guest.MainThread.Registers.Rax));
        _guest.Run();
    }

    [Fact]
    public void Write_FullPipe_GoesOnUntilAllIsWritten()
    {
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0);
        _guest.MakeThread(script =>
        {
            for (int i = 0; i < 6; i++)
            {
                script.Call(SyscallNumber.read, 1, Guest.Base, 0x4000);
            }
            script.Call(SyscallNumber.exit, 0);
        });
        for (int i = 0; i < 3; i++)
        {
            _guest.Main.Call(SyscallNumber.write, 2, Guest.Base, 0x8000);
        }
        _guest.Run();

        Assert.Equal([0x8000, 0x8000, 0x8000], _guest.Main.Results[^3..]);
    }

    [Fact]
    public void MemoryFile_LinkOfItsDescriptor_TellsTheNameItWasMadeWith()
    {
        Put(Path, "scratch");
        Put(SecondPath, "/proc/self/fd/1");

        Assert.Equal([1, 24], Run((SyscallNumber.memfd_create, [Path, 0]), (SyscallNumber.readlink, [SecondPath, Buffer, 100])));
        Assert.Equal("/memfd:scratch (deleted)", Get(Buffer, 24));
    }

    [Theory]
    [InlineData(0x4004_9409UL)]
    [InlineData(0x4020_940DUL)]
    public void Ioctl_CloneOfAFile_IsNotSupported(ulong request) =>
        Assert.Equal(
            [1, -(long)Errno.EOPNOTSUPP],
            Run(
                (SyscallNumber.openat, [Current, Path, (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR), 0x1A4]),
                (SyscallNumber.ioctl, [1, request, 1])));

    [Fact]
    public void Priority_Set_IsToldOfThreadGroupAndUser() =>
        Assert.Equal(
            [20, 0, 15, 15, 15, 0, 1, -(long)Errno.ESRCH, -(long)Errno.EINVAL],
            Run(
                (SyscallNumber.getpriority, [0, 0]),
                (SyscallNumber.setpriority, [0, 0, 5]),
                (SyscallNumber.getpriority, [0, 1]),
                (SyscallNumber.getpriority, [1, 0]),
                (SyscallNumber.getpriority, [2, 0]),
                (SyscallNumber.setpriority, [1, 0, 100]),
                (SyscallNumber.getpriority, [0, 0]),
                (SyscallNumber.setpriority, [0, 77, 5]),
                (SyscallNumber.getpriority, [3, 0])));

    [Fact]
    public void Write_BrokenPipe_SignalIsOneThatTheProgramSentItself()
    {
        Put(SecondPath, "\0\x10\0\0\0\0\0\0");
        long[] results = Run(
            (SyscallNumber.rt_sigprocmask, [0, SecondPath, 0, 8]),
            (SyscallNumber.pipe2, [Guest.Data + 0x800, 0]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.write, [2, Buffer, 1]),
            (SyscallNumber.rt_sigtimedwait, [SecondPath, Buffer, 0, 8]));

        // si_code at 8, si_pid at 16.
        Assert.Equal([-(long)Errno.EPIPE, (long)Signal.SIGPIPE], results[^2..]);
        Assert.Equal("\0\0\0\0\0\0\0\0\x1\0\0\0", Get(Buffer + 8, 12));
    }

    [Fact]
    public void Write_BrokenPipe_KillsByDefault()
    {
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0).Call(SyscallNumber.close, 1).Call(SyscallNumber.write, 2, Buffer, 1);

        Assert.Equal(Signal.SIGPIPE, _guest.Run().Signal);
    }

    [Fact]
    public void Poll_NothingReady_WaitsForTheTimeout()
    {
        _guest.Write(Buffer, new PollFd { fd = 1, events = PollEvents.POLLIN });
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0).Call(SyscallNumber.poll, Buffer, 1, 500);
        _guest.Main.Do(() => Assert.InRange(_guest.Machine.Clock.MonotonicNs, 1_500_000_000, 1_510_000_000));
        _guest.Run();

        Assert.Equal(0, _guest.Main.Results[^1]);
    }

    [Fact]
    public void Poll_WriterComes_Wakes()
    {
        _guest.Write(Buffer, new PollFd { fd = 1, events = PollEvents.POLLIN });
        _guest.Write(Buffer + 8, new PollFd { fd = 77, events = PollEvents.POLLIN });
        _guest.Write(Buffer + 16, new PollFd { fd = -1, events = PollEvents.POLLIN, revents = PollEvents.POLLIN });
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0);
        _guest.MakeThread(script => script.Call(SyscallNumber.write, 2, Buffer, 1).Call(SyscallNumber.exit, 0));
        _guest.Main.Call(SyscallNumber.poll, Buffer, 1, ulong.MaxValue).Call(SyscallNumber.poll, Buffer, 3, 0);
        _guest.Main.Do(() =>
        {
            Assert.Equal(PollEvents.POLLIN, _guest.Read<PollFd>(Buffer).revents);
            Assert.Equal(PollEvents.POLLNVAL, _guest.Read<PollFd>(Buffer + 8).revents);
            Assert.Equal(PollEvents.None, _guest.Read<PollFd>(Buffer + 16).revents);
        });
        _guest.Run();

        Assert.Equal([1, 2], _guest.Main.Results[^2..]);
    }

    [Fact]
    public void Select_OneReady_LeavesOnlyItsBitAndTheTimeThatIsLeft()
    {
        _guest.Write(Buffer, 0b0111UL);
        _guest.Write(Buffer + 64, new Timeval { tv_sec = 5 });
        _guest.Main.Call(SyscallNumber.pipe2, Guest.Data + 0x800, 0).Call(SyscallNumber.select, 3, 0, Buffer, 0, Buffer + 64);
        _guest.Main.Do(() =>
        {
            // The reading end, descriptor 1, cannot be written to.
            Assert.Equal(0b0101UL, _guest.Read<ulong>(Buffer));
            Assert.InRange(_guest.Read<Timeval>(Buffer + 64).tv_sec, 4, 5);
        });
        _guest.Write(Buffer + 128, 1UL << 40);
        _guest.Main.Call(SyscallNumber.select, 64, Buffer + 128, 0, 0, 0);
        _guest.Run();

        Assert.Equal([2, -(long)Errno.EBADF], _guest.Main.Results[^2..]);
    }

    [Fact]
    public void GetEntries_SmallBuffer_ComesBackForTheRest()
    {
        OpenAs(1, "/dev");
        ThreadScript script = _guest.Main;
        List<string> names = [];
        for (int i = 0; i < 30; i++)
        {
            script.Call(SyscallNumber.getdents64, 1, Buffer, 64);
            script.Do(() => ReadEntries(script.Results[^1], names));
        }
        _guest.Run();

        Assert.Equal(names.Distinct(), names);
        Assert.Contains("null", names);
        Assert.Contains(".", names);
        Assert.Equal(0, script.Results[^1]);
    }

    [Fact]
    public void ReadLink_OfDescriptor_IsItsPath()
    {
        OpenAs(1, "/dev/zero");
        Put(Path, "/proc/self/fd/1");

        Assert.Equal([9, 9], Run((SyscallNumber.readlink, [Path, Buffer, 100]), (SyscallNumber.readlink, [Path, Buffer, 9])));
        Assert.Equal("/dev/zero", Get(Buffer, 9));
    }

    [Fact]
    public void Fcntl_RecordLock_IsSeenByNobodyElseInTheProcess()
    {
        Put(Path, "/other");
        _guest.Write(Buffer, new Flock { l_type = LockType.F_WRLCK, l_whence = (short)SeekWhence.SEEK_SET, l_start = 10, l_len = 5 });
        long[] results = Run(
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.fcntl, [1, (ulong)FcntlCommand.F_SETLK, Buffer]),
            (SyscallNumber.fcntl, [1, (ulong)FcntlCommand.F_GETLK, Buffer]));

        Assert.Equal([1, 0, 0], results);
        Assert.Equal((byte)LockType.F_UNLCK, _memory![Buffer - Guest.Data]);
    }

    [Fact]
    public void Fcntl_LockOfAnOpenFile_EndsWhenThatIsClosed()
    {
        const ulong SetLock = (ulong)FcntlCommand.F_OFD_SETLK;
        Put(Path, "/other");
        _guest.Write(Buffer, new Flock { l_type = LockType.F_WRLCK });
        long[] results = Run(
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.fcntl, [1, SetLock, Buffer]),
            (SyscallNumber.fcntl, [2, SetLock, Buffer]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.fcntl, [2, SetLock, Buffer]));

        Assert.Equal([1, 2, 0, -(long)Errno.EAGAIN, 0, 0], results);
    }

    [Fact]
    public void Open_OfAFileThatWasClosed_StartsAfresh()
    {
        Put(Path, "/other");
        long[] results = Run(
            (SyscallNumber.open, [Path, (ulong)(OpenFlags.O_RDWR | OpenFlags.O_APPEND)]),
            (SyscallNumber.lseek, [1, 3, 0]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDONLY]),
            (SyscallNumber.lseek, [1, 0, 1]),
            (SyscallNumber.fcntl, [1, (ulong)FcntlCommand.F_GETFL]),
            (SyscallNumber.write, [1, Path, 1]),
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_WRONLY]),
            (SyscallNumber.read, [2, Buffer, 1]),
            (SyscallNumber.lseek, [2, 2, 0]),
            (SyscallNumber.lseek, [1, 0, 1]));

        Assert.Equal([1, 3, 0, 1, 0, (long)OpenFlags.O_LARGEFILE, -(long)Errno.EBADF, 2, -(long)Errno.EBADF, 2, 0], results);
    }

    [Fact]
    public void Open_ProgramThatRuns_CannotBeWritten()
    {
        Put(Path, "/hello");
        long[] results = Run(
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_TRUNC]),
            (SyscallNumber.truncate, [Path, 10]),
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDONLY]));

        Assert.Equal([-(long)Errno.ETXTBSY, -(long)Errno.ETXTBSY, -(long)Errno.ETXTBSY, 1], results);
    }

    [Fact]
    public void Execve_MemoryFileThatIsOpen_IsNotBusy()
    {
        Put(Path, "m");
        Put(SecondPath, "/proc/self/fd/1");
        long[] results = Run(
            (SyscallNumber.memfd_create, [Path, 0]),
            (SyscallNumber.open, [SecondPath, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.dup2, [2, 1]),
            (SyscallNumber.execve, [SecondPath, 0, 0]),
            (SyscallNumber.close, [2]),
            (SyscallNumber.memfd_create, [Path, 0]),
            (SyscallNumber.dup2, [2, 1]),
            (SyscallNumber.execve, [SecondPath, 0, 0]));

        // The one that was opened by its name counts as any writer; what memfd_create(2) opened does not, and is an empty file.
        Assert.Equal([1, 2, 0, 1, -(long)Errno.ETXTBSY, 0, 2, 1, -(long)Errno.ENOEXEC], results);
    }

    [Fact]
    public void Execve_FileThatIsOpenForWriting_IsBusy()
    {
        Put(Path, "/other");
        long[] results = Run(
            (SyscallNumber.open, [Path, (ulong)OpenFlags.O_RDWR]),
            (SyscallNumber.execve, [Path, 0, 0]));

        Assert.Equal([1, -(long)Errno.ETXTBSY], results);
    }

    [Fact]
    public void SendFile_ToAPipe_CopiesFromTheGivenOffset()
    {
        Put(Path, "/hello");
        _guest.Write(Buffer, 1L);
        long[] results = Run(
            (SyscallNumber.open, [Path, 0]),
            (SyscallNumber.pipe2, [Guest.Data + 0x800, 0]),
            (SyscallNumber.sendfile, [3, 1, Buffer, 3]),
            (SyscallNumber.read, [2, Buffer + 8, 100]));

        Assert.Equal([1, 0, 3, 3], results);
        Assert.Equal(4, _memory![Buffer - Guest.Data]);
        Assert.Equal("ELF", Get(Buffer + 8, 3));
    }

    [Theory]
    [InlineData("/proc/self/status", "Name:\thello\n")]
    [InlineData("/proc/self/cmdline", "hello\0")]
    [InlineData("/proc/self/comm", "hello\n")]
    [InlineData("/proc/self/stat", "1 (hello) R 0 1 1 ")]
    [InlineData("/proc/self/task/1/comm", "hello\n")]
    [InlineData("/proc/self/maps", "00400000-00402000 rwxp 00000000 00:01 ")]
    [InlineData(
        "/proc/self/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            "
            + "unlimited            seconds   \n")]
    [InlineData(
        "/proc/self/mounts", "rootfs / tmpfs rw,relatime 0 0\ndevtmpfs /dev devtmpfs rw,relatime 0 0\n"
            + "devpts /dev/pts devpts rw,relatime,mode=600,ptmxmode=000 0 0\nproc /proc proc rw,relatime 0 0\n")]
    [InlineData("/proc/partitions", "major minor  #blocks  name\n\n")]
    [InlineData("/proc/mounts", "rootfs / tmpfs")]
    [InlineData("/proc/uptime", "1.0")]
    [InlineData("/proc/meminfo", "MemTotal:          16384 kB\n")]
    [InlineData("/proc/cpuinfo", "processor\t: 0\n")]
    [InlineData("/proc/sys/kernel/ostype", "Linux\n")]
    [InlineData("/proc/sys/kernel/random/../hostname", "semitone\n")]
    [InlineData("/sys/devices/system/cpu/online", "0\n")]
    public void Proc_File_TellsAsLinuxDoes(string path, string start)
    {
        Put(Path, path);
        long[] results = Run((SyscallNumber.open, [Path, 0]), (SyscallNumber.read, [1, Buffer, 0x1000]));

        Assert.Equal(1, results[0]);
        Assert.StartsWith(start, Get(Buffer, (int)results[1]), StringComparison.Ordinal);
    }

    [Fact]
    public void Proc_EveryFile_CanBeListedAndRead()
    {
        FileSystemContext context = _guest.Process.FileSystem;
        int files = 0;
        _guest.Main.Do(() => Visit(context, (DirectoryInode)Find(context, "/proc"), 0, ref files));
        _guest.Main.Do(() => Visit(context, (DirectoryInode)Find(context, "/sys"), 0, ref files));
        _guest.Run();

        Assert.InRange(files, 60, 500);
    }

    private static void Visit(FileSystemContext context, DirectoryInode directory, int depth, ref int files)
    {
        Assert.True(depth < 10);
        long position = 0;
        HashSet<ulong> numbers = [];
        while (directory.TryGetEntry(ref position, out DirectoryEntry entry))
        {
            Assert.True(numbers.Add(entry.InodeNumber), $"{Encoding.UTF8.GetString(entry.Name)} has another file's number");
            Assert.Equal(Errno.None, directory.Lookup(new FileName(entry.Name), out Inode? inode));
            Assert.Equal(entry.InodeNumber, inode!.Number);
            Assert.Equal((uint)entry.Type << 12, (uint)inode.Type);
            files++;

            // The kernel's log has nothing that could be read without waiting.
            Errno answer = entry.Name.SequenceEqual("kmsg"u8) ? Errno.EAGAIN : Errno.None;
            switch (inode)
            {
                case DirectoryInode child:
                    Visit(context, child, depth + 1, ref files);
                    break;
                case SymbolicLinkInode link:
                    Assert.Equal(Errno.None, link.GetTarget(out _));
                    break;
                default:
                    Assert.Equal(Errno.None, context.OpenInode(inode, OpenFlags.O_RDONLY, false, out OpenFile? file));
                    Semitone.Memory.IoCursor cursor = Semitone.Memory.IoCursor.OverKernel(new byte[20_000]);
                    Assert.Equal(answer, file!.Read(ref cursor).Error);
                    file.Release();
                    break;
            }
        }
    }

    private static Inode Find(FileSystemContext context, string path)
    {
        Assert.Equal(Errno.None, context.Find(context.Root, Encoding.UTF8.GetBytes(path), follow: true, out Inode? inode));
        return inode!;
    }

    /// <summary>Serves a call at once, as the run loop does.</summary>
    private void Dispatch(SyscallNumber number, ulong[] a)
    {
        Semitone.Machine.GuestRegisters registers = new()
        {
            Rax = (ulong)number,
            OrigRax = (ulong)number,
            Rdi = a[0],
            Rsi = a.Length > 1 ? a[1] : 0,
            Rdx = a.Length > 2 ? a[2] : 0,
            R10 = a.Length > 3 ? a[3] : 0,
        };
        _guest.MainThread.Syscalls.Invoke(ref registers);
        Assert.True((long)registers.Rax >= 0);
    }

    [Fact]
    public void Write_NothingToAPipeWithoutReaders_Succeeds()
    {
        long[] results = Run(
            (SyscallNumber.pipe, [Buffer]),
            (SyscallNumber.close, [1]),
            (SyscallNumber.write, [2, Buffer, 0]));
        Assert.Equal([0, 0, 0], results);
    }

    /// <summary>A lock that is granted to a descriptor that was closed meanwhile would never be released.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Lock_DescriptorIsClosedWhileItWaits_IsNotKept(bool isRecord)
    {
        const ulong Exclusive = 2;
        const ulong NonBlocking = 4;
        const ulong Unlock = 8;
        const ulong Create = (ulong)(OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        const ulong SetAndWait = (ulong)FcntlCommand.F_OFD_SETLKW;
        const ulong Set = (ulong)FcntlCommand.F_OFD_SETLK;
        ulong exclusive = Buffer;
        ulong unlock = Buffer + 64;
        _guest.Main.Do(() =>
        {
            _guest.Write(exclusive, new Flock { l_type = LockType.F_WRLCK });
            _guest.Write(unlock, new Flock { l_type = LockType.F_UNLCK });
        });
        ThreadScript main = _guest.Main
            .Call(SyscallNumber.openat, Current, Path, Create, 0x1A4)
            .Call(SyscallNumber.openat, Current, Path, Create, 0x1A4);
        _ = isRecord ? main.Call(SyscallNumber.fcntl, 1, SetAndWait, exclusive) : main.Call(SyscallNumber.flock, 1, Exclusive);
        _guest.MakeThread(child => _ = isRecord
            ? child.Call(SyscallNumber.fcntl, 2, SetAndWait, exclusive)
            : child.Call(SyscallNumber.flock, 2, Exclusive));
        main.Call(SyscallNumber.sched_yield).Call(SyscallNumber.close, 2);
        _ = isRecord ? main.Call(SyscallNumber.fcntl, 1, Set, unlock) : main.Call(SyscallNumber.flock, 1, Unlock);
        main.Call(SyscallNumber.sched_yield);
        _ = isRecord ? main.Call(SyscallNumber.fcntl, 1, Set, exclusive) : main.Call(SyscallNumber.flock, 1, Exclusive | NonBlocking);
        _guest.Run();
        Assert.Equal(0, main.Results[^1]);
    }

    private long[] Run(params (SyscallNumber Number, ulong[] Arguments)[] calls)
    {
        foreach ((SyscallNumber number, ulong[] a) in calls)
        {
            _guest.Main.Call(
                number, a[0], a.ElementAtOrDefault(1), a.ElementAtOrDefault(2), a.ElementAtOrDefault(3), a.ElementAtOrDefault(4));
        }
        // Looked at before the process and its memory are gone.
        _guest.Main.Do(() => _memory = ReadMemory());
        _guest.Run();
        return [.. _guest.Main.Results];
    }

    private byte[] ReadMemory()
    {
        byte[] bytes = new byte[0x2000];
        _guest.Memory.CopyIn(Guest.Data, bytes);
        return bytes;
    }

    private string Get(ulong address, int length) => Encoding.UTF8.GetString(_memory ?? ReadMemory(), (int)(address - Guest.Data), length);

    private void Put(ulong address, string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        Assert.Equal(bytes.Length, _guest.Memory.CopyOut(address, bytes));
    }

    private void OpenAs(int number, string path)
    {
        FileSystemContext context = _guest.Process.FileSystem;
        OpenFlags flags = path == "/dev/zero" || path == "/dev" ? OpenFlags.O_RDONLY : OpenFlags.O_RDWR;
        Assert.Equal(Errno.None, context.Open(context.Root, Encoding.UTF8.GetBytes(path), flags, Mode.None, out OpenFile? file));
        _guest.Process.Files.Put(new Fd(number), file!, false);
    }

    private void ReadEntries(long length, List<string> names)
    {
        Assert.True(length >= 0);
        byte[] bytes = new byte[length];
        _guest.Memory.CopyIn(Buffer, bytes);
        for (int offset = 0; offset < length;)
        {
            int size = BitConverter.ToUInt16(bytes, offset + 16);
            int end = Array.IndexOf(bytes, (byte)0, offset + Dirent64.NameOffset);
            names.Add(Encoding.UTF8.GetString(bytes, offset + Dirent64.NameOffset, end - offset - Dirent64.NameOffset));
            Assert.Equal(0, size % 8);
            offset += size;
        }
    }
}
