using Semitone.Abi;
using Semitone.Tasks;

namespace Semitone.Unit.Syscalls;

/// <summary>
/// Rules about files that programs meet seldom: limits, seals, names of what was removed, restricted ways, what /proc takes.
/// </summary>
public sealed class FileRuleTests
{
    private const ulong Current = unchecked((ulong)-100);
    private const OpenFlags Create = OpenFlags.O_CREAT | OpenFlags.O_RDWR;

    private readonly Caller _caller = new();

    [Fact]
    public void Write_BeyondTheLimitOfFiles_IsCutThenRefusedWithASignal()
    {
        ExitStatus status = _caller.Run(_ =>
        {
            _caller.Process.SetLimit(RlimitResource.RLIMIT_FSIZE, new Rlimit { rlim_cur = 1000, rlim_max = 2000 });
            ulong fd = _caller.Open("/tmp/f", Create);
            Assert.Equal(1000, _caller.Call(SyscallNumber.write, fd, Guest, 1500));
            Assert.Equal(5, _caller.Call(SyscallNumber.pwrite64, fd, Guest, 10, 995));
            Assert.Equal(0, _caller.Call(SyscallNumber.write, fd, Guest, 0));
            _caller.Succeeds(SyscallNumber.ftruncate, fd, 1000);
            Assert.False(_caller.Guest.MainThread.Pending.Set.Contains(Signal.SIGXFSZ));
            _caller.Fails(Errno.EFBIG, SyscallNumber.write, fd, Guest, 1);
            Assert.True(_caller.Guest.MainThread.Pending.Set.Contains(Signal.SIGXFSZ));
        });
        Assert.Equal(Signal.SIGXFSZ, status.Signal);
    }

    [Theory]
    [InlineData(SyscallNumber.ftruncate, 1001UL, 0UL, 0UL)]
    [InlineData(SyscallNumber.fallocate, 0UL, 0UL, 1001UL)]
    public void Grow_BeyondTheLimitOfFiles_IsRefused(SyscallNumber number, ulong first, ulong second, ulong third) => _caller.Run(_ =>
    {
        _caller.Process.SetLimit(RlimitResource.RLIMIT_FSIZE, new Rlimit { rlim_cur = 1000, rlim_max = 2000 });
        _caller.Fails(Errno.EFBIG, number, _caller.Open("/tmp/f", Create), first, second, third);
    });

    [Fact]
    public void Write_SetIdBits_StayForWhoMayKeepThem() => _caller.Run(_ =>
    {
        const uint SetIds = 0xDED;
        ulong fd = _caller.Open("/tmp/f", Create);
        _caller.Succeeds(SyscallNumber.fchmod, fd, SetIds);
        _caller.Succeeds(SyscallNumber.write, fd, Guest, 1);
        _caller.Succeeds(SyscallNumber.ftruncate, fd, 0);
        Assert.Equal(SetIds, (uint)_caller.GetStat(fd).st_mode & 0xFFF);
        _caller.Succeeds(SyscallNumber.setresuid, ulong.MaxValue, 1000, ulong.MaxValue);
        _caller.Succeeds(SyscallNumber.write, fd, Guest, 1);
        Assert.Equal(SetIds & 0x1FF, (uint)_caller.GetStat(fd).st_mode & 0xFFF);
    });

    [Fact]
    public void Names_OfWhatWasRemoved_AreToldAsSuch() => _caller.Run(_ =>
    {
        _caller.Succeeds(SyscallNumber.mkdir, _caller.Text("/tmp/d"), 0x1C0);
        ulong file = _caller.Open("/tmp/d/f", Create);
        ulong over = _caller.Open("/tmp/over", Create);
        _caller.Open("/tmp/new", Create);
        _caller.Succeeds(SyscallNumber.unlink, _caller.Text("/tmp/d/f"));
        _caller.Succeeds(SyscallNumber.rename, _caller.Text("/tmp/new"), _caller.Text("/tmp/over"));
        Assert.Equal("/tmp/d/f (deleted)", _caller.ReadLink($"/proc/self/fd/{file}"));
        Assert.Equal("/tmp/over (deleted)", _caller.ReadLink($"/proc/self/fd/{over}"));
        _caller.Succeeds(SyscallNumber.chdir, _caller.Text("/tmp/d"));
        _caller.Succeeds(SyscallNumber.rmdir, _caller.Text("/tmp/d"));
        Assert.Equal("/tmp/d (deleted)", _caller.ReadLink("/proc/self/cwd"));
        Assert.Equal("/tmp/d/f (deleted)", _caller.ReadLink($"/proc/self/fd/{file}"));
        _caller.Fails(Errno.ENOENT, SyscallNumber.getcwd, Caller.Buffer, 100);
    });

    [Fact]
    public void Getcwd_OutsideTheRoot_SaysUnreachable() => _caller.Run(_ =>
    {
        _caller.Succeeds(SyscallNumber.chdir, _caller.Text("/dev"));
        _caller.Succeeds(SyscallNumber.chroot, _caller.Text("/tmp"));
        long length = _caller.Succeeds(SyscallNumber.getcwd, Caller.Buffer, 100);
        Assert.Equal("(unreachable)/dev\0", _caller.Read(Caller.Buffer, length));
        _caller.Fails(Errno.ERANGE, SyscallNumber.getcwd, Caller.Buffer, (ulong)length - 1);
    });

    [Theory]
    [InlineData("f", ResolveFlags.RESOLVE_BENEATH, Errno.None)]
    [InlineData("link", ResolveFlags.RESOLVE_BENEATH, Errno.None)]
    [InlineData("link", ResolveFlags.RESOLVE_NO_SYMLINKS, Errno.ELOOP)]
    [InlineData("..", ResolveFlags.RESOLVE_BENEATH, Errno.EXDEV)]
    [InlineData("/f", ResolveFlags.RESOLVE_BENEATH, Errno.EXDEV)]
    [InlineData("/f", ResolveFlags.RESOLVE_IN_ROOT, Errno.None)]
    [InlineData("../../f", ResolveFlags.RESOLVE_IN_ROOT, Errno.None)]
    [InlineData("out", ResolveFlags.RESOLVE_BENEATH, Errno.EXDEV)]
    [InlineData("out", ResolveFlags.RESOLVE_IN_ROOT, Errno.ENOENT)]
    [InlineData("out", ResolveFlags.RESOLVE_NO_XDEV, Errno.EXDEV)]
    [InlineData("/proc/self/exe", ResolveFlags.RESOLVE_NO_MAGICLINKS, Errno.ELOOP)]
    [InlineData("/proc/self/status", ResolveFlags.RESOLVE_NO_MAGICLINKS, Errno.None)]
    [InlineData("/proc/version", ResolveFlags.RESOLVE_NO_XDEV, Errno.EXDEV)]
    [InlineData("f", ResolveFlags.RESOLVE_BENEATH | ResolveFlags.RESOLVE_IN_ROOT, Errno.EINVAL)]
    public void Openat2_Restricted_GoesNoOtherWay(string path, ResolveFlags restrictions, Errno expected) => _caller.Run(_ =>
    {
        _caller.Succeeds(SyscallNumber.mkdir, _caller.Text("/tmp/d"), 0x1C0);
        _caller.Open("/tmp/d/f", Create);
        _caller.Succeeds(SyscallNumber.symlink, _caller.Text("f"), _caller.Text("/tmp/d/link"));
        _caller.Succeeds(SyscallNumber.symlink, _caller.Text("/proc"), _caller.Text("/tmp/d/out"));
        ulong directory = _caller.Open("/tmp/d", OpenFlags.O_PATH);
        _caller.Guest.Write(Caller.Buffer, new OpenHow { resolve = (ulong)restrictions });
        long result = _caller.Call(SyscallNumber.openat2, directory, _caller.Text(path), Caller.Buffer, 24);
        Assert.Equal(expected, result < 0 ? (Errno)(-result) : Errno.None);

        // The next call is as free as ever.
        Assert.True(_caller.Call(SyscallNumber.openat, directory, _caller.Text("../d/out/version"), 0) >= 0);
    });

    [Fact]
    public void Openat2_LaterVersionOfTheStructure_IsTakenWhenItAsksForNothingNew() => _caller.Run(_ =>
    {
        _caller.Guest.Write(Caller.Buffer, default(OpenHow));
        _caller.Guest.Write(Caller.Buffer + 24, 0UL);
        ulong path = _caller.Text("/tmp");
        _caller.Succeeds(SyscallNumber.openat2, Current, path, Caller.Buffer, 32);
        _caller.Guest.Write(Caller.Buffer + 24, 1UL);
        _caller.Fails(Errno.E2BIG, SyscallNumber.openat2, Current, path, Caller.Buffer, 32);
        _caller.Fails(Errno.E2BIG, SyscallNumber.openat2, Current, path, Caller.Buffer, 4097);
        _caller.Fails(Errno.EFAULT, SyscallNumber.openat2, Current, path, unchecked((ulong)-4096), 64);
    });

    [Theory]
    [InlineData(SyscallNumber.openat)]
    [InlineData(SyscallNumber.mkdirat)]
    [InlineData(SyscallNumber.unlinkat)]
    [InlineData(SyscallNumber.newfstatat)]
    public void EmptyPath_UnderWhatIsNoDirectory_DoesNotExist(SyscallNumber number) => _caller.Run(_ =>
    {
        ulong file = _caller.Open("/tmp/f", Create);
        _caller.Fails(Errno.ENOENT, number, file, _caller.Text(string.Empty));
        _caller.Fails(Errno.ENOENT, number, 99, _caller.Text(string.Empty));
    });

    [Fact]
    public void Memfd_Sealed_RefusesWhatTheSealsSay() => _caller.Run(_ =>
    {
        ulong plain = (ulong)_caller.Succeeds(SyscallNumber.memfd_create, _caller.Text("m"), 0);
        Assert.Equal((long)MemfdSeals.F_SEAL_SEAL, _caller.Call(SyscallNumber.fcntl, plain, (ulong)FcntlCommand.F_GET_SEALS));
        _caller.Fails(Errno.EPERM, SyscallNumber.fcntl, plain, (ulong)FcntlCommand.F_ADD_SEALS, (ulong)MemfdSeals.F_SEAL_WRITE);

        ulong fd = (ulong)_caller.Succeeds(SyscallNumber.memfd_create, _caller.Text("m"), (ulong)MemfdFlags.MFD_ALLOW_SEALING);
        _caller.Succeeds(SyscallNumber.ftruncate, fd, 4096);
        Seal(MemfdSeals.F_SEAL_GROW | MemfdSeals.F_SEAL_SHRINK);
        _caller.Fails(Errno.EPERM, SyscallNumber.ftruncate, fd, 4097);
        _caller.Fails(Errno.EPERM, SyscallNumber.ftruncate, fd, 4095);
        _caller.Fails(Errno.EPERM, SyscallNumber.pwrite64, fd, Guest, 1, 4096);
        _caller.Succeeds(SyscallNumber.pwrite64, fd, Guest, 1, 0);
        ulong map = (ulong)_caller.Succeeds(SyscallNumber.mmap, 0, 4096, 3, 1, fd, 0);
        _caller.Fails(Errno.EBUSY, SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_ADD_SEALS, (ulong)MemfdSeals.F_SEAL_WRITE);
        _caller.Succeeds(SyscallNumber.munmap, map, 4096);
        Seal(MemfdSeals.F_SEAL_WRITE | MemfdSeals.F_SEAL_SEAL);
        _caller.Fails(Errno.EPERM, SyscallNumber.pwrite64, fd, Guest, 1, 0);
        _caller.Fails(Errno.EPERM, SyscallNumber.mmap, 0, 4096, 3, 1, fd, 0);
        _caller.Succeeds(SyscallNumber.mmap, 0, 4096, 1, 1, fd, 0);
        _caller.Fails(Errno.EPERM, SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_ADD_SEALS, (ulong)MemfdSeals.F_SEAL_FUTURE_WRITE);

        void Seal(MemfdSeals seals) => _caller.Succeeds(SyscallNumber.fcntl, fd, (ulong)FcntlCommand.F_ADD_SEALS, (ulong)seals);
    });

    [Fact]
    public void Pipe_OfPackets_IsReadPacketByPacket() => _caller.Run(_ =>
    {
        const ulong NonBlocking = (ulong)(OpenFlags.O_NONBLOCK | OpenFlags.O_DIRECT);
        _caller.Succeeds(SyscallNumber.pipe2, Caller.Buffer, NonBlocking);
        ulong reader = _caller.Guest.Read<uint>(Caller.Buffer);
        ulong writer = _caller.Guest.Read<uint>(Caller.Buffer + 4);
        _caller.Succeeds(SyscallNumber.write, writer, _caller.Text("one"), 3);
        _caller.Succeeds(SyscallNumber.write, writer, _caller.Text("second"), 6);
        Assert.Equal("one", _caller.Read(Caller.Buffer, _caller.Call(SyscallNumber.read, reader, Caller.Buffer, 100)));
        Assert.Equal("se", _caller.Read(Caller.Buffer, _caller.Call(SyscallNumber.read, reader, Caller.Buffer, 2)));
        _caller.Fails(Errno.EAGAIN, SyscallNumber.read, reader, Caller.Buffer, 100);
        for (int i = 0; i < 16; i++)
        {
            _caller.Succeeds(SyscallNumber.write, writer, Caller.Buffer, 1);
        }

        _caller.Fails(Errno.EAGAIN, SyscallNumber.write, writer, Caller.Buffer, 1);
        Assert.Equal(1, _caller.Call(SyscallNumber.read, reader, Caller.Buffer, 100));
        _caller.Succeeds(SyscallNumber.write, writer, Caller.Buffer, 1);
    });

    /// <summary>Numbers as kstrtouint_from_user in Linux reads them.</summary>
    [Theory]
    [InlineData("0x7f", 0x7FL)]
    [InlineData("017\n", 15L)]
    [InlineData("+5", 5L)]
    [InlineData("0XfFf", 0x1FFL)]
    [InlineData("4294967295\n", 0x1FFL)]
    [InlineData("5\0rest", 5L)]
    [InlineData("00000000000000000000000000000000005 and what is too long to be read", 0L)]
    [InlineData("", -22L)]
    [InlineData("\n", -22L)]
    [InlineData("x", -22L)]
    [InlineData("0x", -22L)]
    [InlineData("08", -22L)]
    [InlineData("-5", -22L)]
    [InlineData(" 5", -22L)]
    [InlineData("5 ", -22L)]
    [InlineData("5\n\n", -22L)]
    [InlineData("4294967296x", -22L)]
    [InlineData("4294967296", -34L)]
    [InlineData("99999999999999999999x", -34L)]
    [InlineData("0xffffffffffffffffffff", -34L)]
    public void CoreDumpFilter_Text_IsReadAsANumber(string text, long expected) => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/proc/self/coredump_filter", OpenFlags.O_WRONLY);
        long result = _caller.Call(SyscallNumber.write, fd, _caller.Text(text), (ulong)text.Length);
        Assert.Equal(expected < 0 ? expected : text.Length, result);
        Assert.Equal($"{(expected < 0 ? 0x33 : expected):x8}\n", _caller.ReadFile("/proc/self/coredump_filter"));
    });

    [Fact]
    public void Sys_Caches_AreThoseOfTheCpu()
    {
        _caller.Guest.Machine.CpuFeatures = _caller.Guest.Machine.CpuFeatures with
        {
            Cpuid = (leaf, subleaf) => (leaf, subleaf) switch
            {
                (0, 0) => (4, 0x756E_6547, 0, 0),
                (4, 0) => (0x121, (11 << 22) | 63, 63, 0),
                (4, 1) => (0x143, (15 << 22) | 63, 2047, 0),
                _ => default,
            },
        };
        _caller.Run(_ =>
        {
            const string Folder = "/sys/devices/system/cpu/cpu0/cache/";
            string[] names = ["level", "type", "size", "coherency_line_size", "ways_of_associativity", "number_of_sets",
                "physical_line_partition", "shared_cpu_list", "shared_cpu_map", "id"];
            Assert.Equal(
                ["1", "Data", "48K", "64", "12", "64", "1", "0", "1", "0"],
                names.Select(name => _caller.ReadFile($"{Folder}index0/{name}").Trim()));
            Assert.Equal(
                ["2", "Unified", "2048K", "64", "16", "2048", "1", "0", "1", "0"],
                names.Select(name => _caller.ReadFile($"{Folder}index1/{name}").Trim()));
            _caller.Fails(Errno.ENOENT, SyscallNumber.open, _caller.Text($"{Folder}index2/level"), 0);
            Assert.Equal("0\n", _caller.ReadFile("/sys/devices/system/cpu/online"));
        });
    }

    /// <summary>A machine whose CPUID tells of none.</summary>
    [Fact]
    public void Sys_NoCaches_IsNoFolder() => _caller.Run(_ =>
        _caller.Fails(Errno.ENOENT, SyscallNumber.open, _caller.Text("/sys/devices/system/cpu/cpu0/cache"), 0));

    [Fact]
    public void Fcntl_Owner_IsToldAndAsynchronousDoesNotStick() => _caller.Run(_ =>
    {
        ulong file = _caller.Open("/tmp/f", Create);
        _caller.Fails(Errno.ESRCH, SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_SETOWN, 12345);
        _caller.Fails(Errno.EINVAL, SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_SETSIG, 65);
        _caller.Succeeds(SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_SETOWN, 1);
        Assert.Equal(1, _caller.Call(SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_GETOWN));
        _caller.Succeeds(SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_SETFL, (ulong)OpenFlags.O_ASYNC);
        Assert.Equal(0, _caller.Call(SyscallNumber.fcntl, file, (ulong)FcntlCommand.F_GETFL) & (long)OpenFlags.O_ASYNC);
    });

    [Fact]
    public void Fcntl_CreatedQuery_TellsTheOneThatMadeTheFile() => _caller.Run(_ =>
    {
        ulong made = _caller.Open("/tmp/f", Create);
        ulong found = _caller.Open("/tmp/f", Create);
        Assert.Equal(1, _caller.Call(SyscallNumber.fcntl, made, (ulong)FcntlCommand.F_CREATED_QUERY));
        Assert.Equal(0, _caller.Call(SyscallNumber.fcntl, found, (ulong)FcntlCommand.F_CREATED_QUERY));
        Assert.Equal(0, _caller.Call(SyscallNumber.fcntl, found, (ulong)FcntlCommand.F_DUPFD_QUERY, made));
        Assert.Equal(1, _caller.Call(SyscallNumber.fcntl, made, (ulong)FcntlCommand.F_DUPFD_QUERY,
            (ulong)_caller.Succeeds(SyscallNumber.dup, made)));
        _caller.Succeeds(SyscallNumber.close, found);
        Assert.Equal(0, _caller.Call(SyscallNumber.fcntl, _caller.Open("/tmp/f", Create), (ulong)FcntlCommand.F_CREATED_QUERY));
    });

    [Theory]
    [InlineData("/proc/self/comm", "abcd", "abcd\n")]
    [InlineData("/proc/self/comm", "much longer than a name", "much longer tha\n")]
    [InlineData("/proc/self/oom_score_adj", "-12\n", "-12\n")]
    [InlineData("/proc/sys/kernel/hostname", "other\n", "other\n")]
    public void Proc_Written_ReadsBack(string path, string text, string expected) => _caller.Run(_ =>
    {
        foreach (OpenFlags flags in (OpenFlags[])[OpenFlags.O_WRONLY, OpenFlags.O_WRONLY | OpenFlags.O_TRUNC | OpenFlags.O_CREAT])
        {
            ulong fd = _caller.Open(path, flags);
            Assert.Equal(text.Length, _caller.Call(SyscallNumber.write, fd, _caller.Text(text), (ulong)text.Length));
            Assert.Equal(expected, _caller.ReadFile(path));
        }
    });

    [Theory]
    [InlineData("/proc/self/oom_score_adj", "1001", Errno.EINVAL)]
    [InlineData("/proc/self/oom_score_adj", "x", Errno.EINVAL)]
    [InlineData("/proc/self/stat", "x", Errno.EINVAL)]
    [InlineData("/proc/version", "x", Errno.EIO)]
    public void Proc_WrittenWrongly_IsRefused(string path, string text, Errno expected) => _caller.Run(_ =>
    {
        ulong fd = _caller.Open(path, OpenFlags.O_WRONLY);
        _caller.Fails(expected, SyscallNumber.write, fd, _caller.Text(text), (ulong)text.Length);
    });

    [Fact]
    public void Proc_Settings_CannotBeOpenedForWritingWhereTheyAreFixed() => _caller.Run(_ =>
        _caller.Fails(Errno.EACCES, SyscallNumber.open, _caller.Text("/proc/sys/kernel/osrelease"), (ulong)OpenFlags.O_WRONLY));

    [Theory]
    [InlineData("/proc/self/task/-1")]
    [InlineData("/proc/self/task/01")]
    [InlineData("/proc/self/task/+1")]
    [InlineData("/proc/self/task/4294967297")]
    [InlineData("/proc/self/fd/00")]
    [InlineData("/proc/self/fd/-1")]
    public void Proc_NumberWrittenOtherwise_DoesNotExist(string path) =>
        _caller.Run(_ => _caller.Fails(Errno.ENOENT, SyscallNumber.stat, _caller.Text(path), Caller.Buffer));

    [Theory]
    [InlineData("/proc/self/maps", Errno.ENODEV)]
    [InlineData("/proc/version", Errno.EIO)]
    [InlineData("/dev/null", Errno.ENODEV)]
    public void Mmap_OfWhatCannotBeMapped_SaysSo(string path, Errno expected) =>
        _caller.Run(_ => _caller.Fails(expected, SyscallNumber.mmap, 0, 4096, 1, 2, _caller.Open(path), 0));

    [Theory]
    [InlineData("/dev/null", Errno.EPERM)]
    [InlineData("/dev/urandom", Errno.EPERM)]
    [InlineData("/dev/random", Errno.None)]
    [InlineData("/proc/self/maps", Errno.EPERM)]
    [InlineData("/proc/self/mounts", Errno.None)]
    public void Epoll_OfWhatIsAlwaysReady_IsNotPermitted(string path, Errno expected) => _caller.Run(_ =>
    {
        ulong epoll = (ulong)_caller.Succeeds(SyscallNumber.epoll_create1, 0);
        Assert.Equal(-(long)expected, _caller.Call(SyscallNumber.epoll_ctl, epoll, 1, _caller.Open(path), Caller.Buffer));
    });

    [Theory]
    [InlineData("/tmp/f", long.MaxValue, Errno.EINVAL)]
    [InlineData("/tmp/f", long.MaxValue - 10, Errno.None)]
    [InlineData("/dev/zero", long.MaxValue - 5, Errno.EINVAL)]
    public void Pread_BeyondAllOffsets_IsInvalid(string path, long offset, Errno expected) => _caller.Run(_ =>
    {
        _caller.Open("/tmp/f", Create);
        ulong fd = _caller.Open(path);
        Assert.Equal(-(long)expected, _caller.Call(SyscallNumber.pread64, fd, Caller.Buffer, 10, (ulong)offset));
    });

    [Fact]
    public void Getdents_CountThatIsHuge_IsTakenAsLinuxTakesIt() => _caller.Run(_ =>
    {
        ulong fd = _caller.Open("/dev", OpenFlags.O_DIRECTORY);
        _caller.Fails(Errno.EINVAL, SyscallNumber.getdents64, fd, Caller.Buffer, 0x1_0000_0000);
        _caller.Fails(Errno.EINVAL, SyscallNumber.getdents64, fd, Caller.Buffer, ulong.MaxValue);
        Assert.InRange(_caller.Call(SyscallNumber.getdents64, fd, Caller.Buffer, 0x1_0000_0100), 1, 0x100);
    });

    [Fact]
    public void Statx_TellsWhenTheFileWasMade() => _caller.Run(_ =>
    {
        _caller.Open("/tmp/f", Create);
        _caller.Succeeds(SyscallNumber.utimensat, Current, _caller.Text("/tmp/f"), Zeros(), 0);
        _caller.Succeeds(SyscallNumber.statx, Current, _caller.Text("/tmp/f"), 0, (ulong)StatxMask.STATX_BTIME, Caller.Buffer);
        Statx told = _caller.Guest.Read<Statx>(Caller.Buffer);
        Assert.NotEqual(StatxMask.None, told.stx_mask & StatxMask.STATX_BTIME);
        Assert.True(told.stx_btime.tv_sec > 0 || told.stx_btime.tv_nsec > 0);
        Assert.Equal(0, told.stx_mtime.tv_sec);
        _caller.Succeeds(SyscallNumber.statx, Current, _caller.Text("/proc/version"), 0, (ulong)StatxMask.STATX_BTIME, Caller.Buffer);
        Assert.Equal(StatxMask.None, _caller.Guest.Read<Statx>(Caller.Buffer).stx_mask & StatxMask.STATX_BTIME);

        ulong Zeros()
        {
            _caller.Guest.Write(Caller.Buffer, default(Timespec));
            _caller.Guest.Write(Caller.Buffer + 16, default(Timespec));
            return Caller.Buffer;
        }
    });

    private static ulong Guest => Tasks.Guest.Base;
}
